"""The compiled loops of patch synthesis. Costs are plain integers: no result depends on the number of threads.

Terms. A patch is a window of `PATCH` x `PATCH` knots, named by its upper left knot. A *plate* is a picture that patches
are taken from; all plates lie in one array (rows, stride, channels), and `place` is a flat position in it, that is
row * stride + column. A *field* (fh, fw) of int32 holds for each patch of the target the place of the source patch.

They are one file, since the machine code on disk is made anew only where this file changes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numba.extending import overload
from numpy.typing import NDArray

from studio.recompose.plates import Field, Grid, Matches, Plates, Prices, Spot, Target, Walk

PATCH = 8
"""Knots on a side of a patch: with 8 a row of patch is one machine word of knots."""
BARRED = 1 << 50
"""The cost of a patch that may not be used here."""
WORST = 2**31 - 1
"""The highest cost that is kept."""

OPTIONS: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy", "_nrt": False}
"""No kernel makes an array, so references to arrays need not be counted (`_nrt`), which doubled the search's time."""

Whole = int | np.signedinteger[Any]

_Kernel = TypeVar("_Kernel", bound=Callable[..., Any])


def _compiled(kernel: _Kernel) -> _Kernel:
    """Compile on first use, keep the machine code on disk, and run without the interpreter's lock."""
    return cast(_Kernel, numba.njit(**OPTIONS)(kernel))


@_compiled
def _next(state: np.uint64) -> np.uint64:
    """Return the next number of an xorshift generator of 64 bits (Marsaglia 2003)."""
    state ^= (state << np.uint64(13)) & np.uint64(0xFFFFFFFFFFFFFFFF)
    state ^= state >> np.uint64(7)
    state ^= (state << np.uint64(17)) & np.uint64(0xFFFFFFFFFFFFFFFF)
    return state


@_compiled
def _seeded(seed: int, number: int) -> np.uint64:
    """Return a generator's first state from a seed and a number (the finaliser of SplitMix64)."""
    state = np.uint64(seed) + np.uint64(number) * np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    state ^= state >> np.uint64(31)
    return state if state != np.uint64(0) else np.uint64(1)


def _distance(query: NDArray[Any], at: tuple[int, int], source: NDArray[Any], place: Whole, most: Whole) -> Whole:
    """Return the squared colour difference of two patches (h, w, 4), or the number of unequal knots (h, w).

    The sum ends after the row of the patch that brings it to `most`.
    """
    raise NotImplementedError


@overload(_distance)
def _choose_distance(
    query: NDArray[Any], at: tuple[int, int], source: NDArray[Any], place: Whole, most: Whole
) -> Callable[..., Whole]:
    def of_colours(query: NDArray[Any], at: tuple[int, int], source: NDArray[Any], place: Whole, most: Whole) -> Whole:
        y, x = at
        sy, sx = place // source.shape[1], place % source.shape[1]
        total: Whole = 0
        for i in range(PATCH):
            row = np.int32(0)
            for j in range(PATCH):
                for c in range(4):
                    e = np.int32(query[y + i, x + j, c]) - np.int32(source[sy + i, sx + j, c])
                    row += e * e
            total += row
            if total >= most:
                break
        return total

    def of_knots(query: NDArray[Any], at: tuple[int, int], source: NDArray[Any], place: Whole, most: Whole) -> Whole:
        y, x = at
        sy, sx = place // source.shape[1], place % source.shape[1]
        total: Whole = 0
        for i in range(PATCH):
            row = np.int32(0)
            for j in range(PATCH):
                row += np.int32(query[y + i, x + j] != source[sy + i, sx + j])
            total += row
            if total >= most:
                break
        return total

    return of_colours if query.ndim == 3 else of_knots


@_compiled
def _surcharge(place: Whole, plates: Plates, prices: Prices, spot: Spot) -> Whole:
    """Return what a source patch costs at a spot beside its difference, `BARRED` where it may not be used."""
    stride = plates.labels.shape[1]
    row, column = place // stride, place % stride
    if plates.labels[row, column] != spot.label:
        return BARRED
    dy = np.int64(plates.home_y[row] - spot.y)
    dx = np.int64(plates.home_x[plates.plate_of_row[row], column] - spot.x)
    if abs(dy) > prices.reach[spot.label, 0] or abs(dx) > prices.reach[spot.label, 1]:
        return BARRED
    extra: Whole = (prices.hold[spot.label] * (dy * dy + dx * dx) >> 10) + prices.patches[row, column]
    if place != spot.beside:
        extra += prices.seam
    if place != spot.above:
        extra += prices.seam
    return extra


@_compiled
def _step_from(place: Whole, plates: Plates, radius: int, state: np.uint64) -> Whole:
    """Return a random place near another one, or near the same spot of another plate."""
    stride, table = plates.labels.shape[1], plates.table
    p = plates.plate_of_row[place // stride]
    cy, cx = place // stride - table[p, 0], place % stride
    if table.shape[0] > 1 and (state >> np.uint64(60)) < np.uint64(6):
        q = np.int64((state >> np.uint64(40)) % np.uint64(table.shape[0]))
        if table[p, 2] != table[q, 2]:  # the other plate may be a mirror image
            cy = table[p, 4] - 1 - cy
        if table[p, 3] != table[q, 3]:
            cx = table[p, 5] - 1 - cx
        cy = cy * table[q, 4] // table[p, 4]
        cx = cx * table[q, 5] // table[p, 5]
        p = q
    span = np.uint64(2 * radius + 1)
    cy += np.int64((state & np.uint64(0xFFFFF)) % span) - radius
    cx += np.int64(((state >> np.uint64(20)) & np.uint64(0xFFFFF)) % span) - radius
    cy = min(max(cy, 0), table[p, 4] - 1)
    cx = min(max(cx, 0), table[p, 5] - 1)
    found: Whole = (table[p, 0] + cy) * stride + cx
    return found


@_compiled
def _look_beside(
    matches: Matches, at: tuple[int, int], step: int, stride: int, rows: tuple[int, int]
) -> tuple[Whole, Whole]:
    """Return the places that go on with what the neighbours beside and above show, -1 at the edge of the field."""
    (fh, fw), (y, x) = matches.field.shape, at
    beside, above = np.int64(-1), np.int64(-1)
    if 0 <= x - step < fw:
        beside = np.int64(matches.field[y, x - step] + step)
    if rows[0] <= y - step < rows[1]:
        above = np.int64(matches.field[y - step, x] + step * stride)
    elif 0 <= y - step < fh:
        above = np.int64(matches.before[y - step, x] + step * stride)
    return beside, above


@_compiled
def search(
    target: Target, plates: Plates, matches: Matches, prices: Prices, walk: Walk, *, top: int, bottom: int
) -> None:
    """Improve rows top to bottom of a field by one pass of PatchMatch (Barnes et al., SIGGRAPH 2009).

    Neighbours outside these rows are read from the field before the pass, so that the result does not depend on which
    rows are done first. Patches of the label 0 stay as they are.
    """
    field, cost, source = matches.field, matches.cost, plates.picture
    fw, stride = field.shape[1], source.shape[1]
    step = 1 if walk.forward else -1
    halvings = 0
    while walk.radius >> halvings:
        halvings += 1
    for t in range((bottom - top) * fw):
        k = t if walk.forward else (bottom - top) * fw - 1 - t
        y, x = top + k // fw, k % fw
        if target.labels[y, x] == 0 or cost[y, x] <= walk.done:
            continue
        place: Whole = np.int64(field[y, x])
        beside, above = _look_beside(matches, (y, x), step, stride, (top, bottom))
        spot = Spot(target.labels[y, x], y - target.origin[0], x - target.origin[1], beside, above)
        best = _surcharge(place, plates, prices, spot)
        if best >= BARRED:  # its own place, where the target is the design itself
            own_y, own_x = min(y, plates.table[0, 4] - 1), min(x, plates.table[0, 5] - 1)
            place = plates.table[0, 6] + own_y * stride + own_x
            best = _surcharge(place, plates, prices, spot)
        if best < BARRED:
            best += _distance(target.picture, (y, x), source, place, BARRED)
        state = _seeded(walk.seed, y * fw + x)
        for way in range(2 + halvings):
            if way < 2:
                candidate = above if way else beside
            else:
                state = _next(state)
                candidate = _step_from(place, plates, walk.radius >> (way - 2), state)
            if candidate < 0 or candidate >= plates.labels.size or candidate == place:
                continue
            extra = _surcharge(candidate, plates, prices, spot)
            if extra >= best:
                continue
            found = extra + _distance(target.picture, (y, x), source, candidate, best - extra)
            if found < best:
                best, place = found, candidate
                if best <= walk.done:
                    break
        field[y, x] = place
        cost[y, x] = min(best, WORST)


@_compiled
def mean_of_patches(
    source: NDArray[np.int16],
    field: Field,
    weights: NDArray[np.int64],
    origin: tuple[int, int],
    out: NDArray[np.int16],
    *,
    top: int,
    bottom: int,
) -> None:
    """Write rows top to bottom of the picture (h, w, 4): each knot the weighted mean of the patches over it."""
    fh, fw = field.shape
    stride = source.shape[1]
    w = out.shape[1]
    for y in range(top, bottom):
        for x in range(w):
            a, b, c, total = np.int64(0), np.int64(0), np.int64(0), np.int64(0)
            for i in range(PATCH):
                fy = y + origin[0] - i
                if not 0 <= fy < fh:
                    continue
                for j in range(PATCH):
                    fx = x + origin[1] - j
                    if not 0 <= fx < fw:
                        continue
                    place = field[fy, fx]
                    sy, sx = place // stride + i, place % stride + j
                    weight = weights[i, j]
                    a += weight * source[sy, sx, 0]
                    b += weight * source[sy, sx, 1]
                    c += weight * source[sy, sx, 2]
                    total += weight
            out[y, x, 0] = (2 * a + total) // (2 * total)
            out[y, x, 1] = (2 * b + total) // (2 * total)
            out[y, x, 2] = (2 * c + total) // (2 * total)


@_compiled
def vote_of_patches(
    plates: Plates,
    field: Field,
    cost: NDArray[np.int32],
    inside: NDArray[np.bool_],
    out: NDArray[np.uint8],
    *,
    origin: tuple[int, int],
    weights: NDArray[np.int64],
    softness: int,
    votes: NDArray[np.int64],
    top: int,
    bottom: int,
) -> None:
    """Write rows top to bottom of the knots (h, w): each takes the yarn that most patches over it have there.

    A patch that costs `softness` counts half as much as one that costs nothing. The lower of equal yarns is taken.
    Knots inside the field, where `inside` (h, w) is true, take yarns from a field only, and those of a border from a
    border; the design's own where no patch has one. `votes` (256,) is room to count in.
    """
    fh, fw = field.shape
    source = plates.picture
    stride = source.shape[1]
    w = out.shape[1]
    for y in range(top, bottom):
        for x in range(w):
            votes[:] = 0
            best, most = source[y + origin[0], x + origin[1]], np.int64(-1)
            for i in range(PATCH):
                fy = y + origin[0] - i
                if not 0 <= fy < fh:
                    continue
                for j in range(PATCH):
                    fx = x + origin[1] - j
                    if not 0 <= fx < fw:
                        continue
                    row, column = field[fy, fx] // stride + i, field[fy, fx] % stride + j
                    if plates.inside[row, column] != inside[y, x]:
                        continue
                    yarn = source[row, column]
                    weight = max(weights[i, j] * softness // (softness + cost[fy, fx]), 1)
                    votes[yarn] += weight
                    if votes[yarn] > most or (votes[yarn] == most and yarn < best):
                        best, most = yarn, votes[yarn]
            out[y, x] = best


@_compiled
def enlarge_field(old: Field, old_grid: Grid, grid: Grid, field: Field, *, top: int, bottom: int) -> None:
    """Write rows top to bottom of a field for the next level: each patch moves as the old patch over it does."""
    half = PATCH / 2.0
    fy, fx = grid.size[0] / old_grid.size[0], grid.size[1] / old_grid.size[1]
    table = grid.table
    for y in range(top, bottom):
        oy = int(np.floor((y - grid.origin[0] + half) / fy - half + 0.5)) + old_grid.origin[0]
        oy = min(max(oy, 0), old.shape[0] - 1)
        for x in range(field.shape[1]):
            ox = int(np.floor((x - grid.origin[1] + half) / fx - half + 0.5)) + old_grid.origin[1]
            ox = min(max(ox, 0), old.shape[1] - 1)
            row, column = old[oy, ox] // old_grid.stride, old[oy, ox] % old_grid.stride
            p = old_grid.plate_of_row[row]
            # where the source lies relative to the target, enlarged
            gy = (row - old_grid.table[p, 0] - oy) * fy + (table[p, 7] - grid.origin[0]) * (1 - fy)
            gx = (column - ox) * fx + (table[p, 8] - grid.origin[1]) * (1 - fx)
            ny = min(max(int(np.floor(y + gy + 0.5)), 0), table[p, 4] - 1)
            nx = min(max(int(np.floor(x + gx + 0.5)), 0), table[p, 5] - 1)
            field[y, x] = (table[p, 0] + ny) * grid.stride + nx


@_compiled
def count_uses(field: Field, used: NDArray[np.int32]) -> None:
    """Add to `used` (rows, stride) how often each source patch is used."""
    stride = used.shape[1]
    for y in range(field.shape[0]):
        for x in range(field.shape[1]):
            place = field[y, x]
            used[place // stride, place % stride] += 1


@_compiled
def copy_knots(
    plates: Plates,
    field: Field,
    origin: tuple[int, int],
    out: NDArray[np.uint8],
    *,
    top: int,
    bottom: int,
) -> None:
    """Write rows top to bottom of knots (h, w), each from the patch that has it in its middle."""
    fh, fw = field.shape
    stride = plates.picture.shape[1]
    for y in range(top, bottom):
        fy = min(max(y + origin[0] - PATCH // 2, 0), fh - 1)
        for x in range(out.shape[1]):
            fx = min(max(x + origin[1] - PATCH // 2, 0), fw - 1)
            place = field[fy, fx]
            out[y, x] = plates.picture[place // stride + y + origin[0] - fy, place % stride + x + origin[1] - fx]
