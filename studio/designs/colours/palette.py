"""Yarns for a picture: which colours it needs, the nearest yarn for each knot, and yarns too alike to keep apart."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from studio.designs.colours.colour_spaces import (
    Floats,
    convert_from_oklab,
    convert_to_lab,
    convert_to_oklab,
    count_colours,
    measure_difference,
    spread_in_oklab,
)
from studio.designs.index_map import EXACT_LIMIT, PALETTE_LIMIT, check_palette, look_up, pack_colours

NEAR_DELTA_E = 3.0
OFF_YARN_DELTA_E = 5.0
OFF_YARN_SHARE = 0.02
MOST_SUGGESTED = 24
"""Without a wanted number, yarns are added up to this many, until at most 2 % of the knots lie farther than a
CIEDE2000 of 5 from their yarn: where weavers warn of too many, and where a colour shows as another one."""
SERVED_OKLAB = 0.04
"""What lies nearer to a fixed yarn (in OKLab; a CIEDE2000 of about 5) is woven in it and asks for no other."""
BLEND_OKLAB = 0.08
"""A colour farther than this from the yarn it would be woven in is a blend or still waits for a yarn of its own: it
hardly draws that yarn to itself."""
BLEND_PULL = 1e-3
"""What remains of its pull: a yarn that has nothing else goes where it is needed."""
CELLS_WANTED = 4096
"""Colours are clustered by cells of near colours, as large as still leaves this many of them, or singly."""
EDGE_WEIGHT = 0.04
LEVEL_STEP = 8
LEVEL_SHARE = 0.1
"""A pixel is level when no channel differs by more than 8 of 255 from its four neighbours, or, in a picture with more
grain than that, when it is among the most level tenth. The rest counts for 4 % in all."""
ROUNDS_LIMIT = 24
COLOURS_AT_ONCE = 16_384
"""Colours compared with the yarns at once: what is worked on stays in the processor's own memory."""


def snap(pixels: NDArray[np.uint8], palette: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return for each pixel (height, width, 3) the index of the palette's (k, 3) nearest colour, without dithering.

    Nearest in OKLab by ΔEOK2 (`spread_in_oklab`), in float32; of equally near colours, and of equal ones, the first.
    A colour of the palette is its own nearest, so that snapping a second time changes nothing. Raises `ValueError` for
    shapes that do not fit.
    """
    seen, yarns = _check_pixels(pixels), check_palette(palette)
    colours, _ = count_colours(seen)
    # Equal yarns are compared once, so that rounding cannot prefer the second of them.
    first = np.sort(np.unique(pack_colours(yarns), return_index=True)[1])
    places = spread_in_oklab(yarns[first]).astype(np.float32)
    table = np.zeros(1 << 24, dtype=np.uint8)
    for start in range(0, len(colours), COLOURS_AT_ONCE):
        part = colours[start : start + COLOURS_AT_ONCE]
        table[pack_colours(part)] = first[_find_nearest(spread_in_oklab(part), places)[0]]
    return look_up(seen, table)


def suggest_palette(
    pixels: NDArray[np.uint8], count: int | None = None, fixed: NDArray[np.uint8] | None = None
) -> NDArray[np.uint8]:
    """Return the yarns (k, 3) that come nearest to pixels (height, width, 3), the one with the greatest share first.

    Colours are clustered by weighted k-means in OKLab that grows by one yarn at a time, each begun where the shares'
    squared distances are greatest, so that the answer is the same each time; shades within a CIEDE2000 of 5 of a yarn
    ask for no other while any colour does. Level parts of the picture count, edges hardly. A yarn is a colour of the
    picture: the one that most of its cluster has, or else the one nearest to the cluster's mean. `count` yarns (1 to
    256), or without it the fewest, up to 24, that leave at most 2 % of what counts farther than a CIEDE2000 of 5 from
    its yarn. A picture of no more colours than `count`, or without it than 64, gets its own. `fixed` yarns (m, 3) are
    there already: they come first as they are and count towards `count`, keep the pixels that are nearest to them, and
    what lies within 0.04 of one in OKLab asks for no other, so that none is a near copy of them. Raises `ValueError`
    for other shapes and counts.
    """
    held = np.empty((0, 3), np.uint8) if fixed is None or not len(fixed) else check_palette(fixed)
    if count is not None and not max(len(held), 1) <= count <= PALETTE_LIMIT:
        raise ValueError(f"{count} yarns, {len(held)} of them fixed; give 1 to {PALETTE_LIMIT}, not fewer than fixed")
    most = MOST_SUGGESTED if count is None else count
    seen = _check_pixels(pixels)
    colours, counts = count_colours(seen)
    oklab, centres = convert_to_oklab(colours), convert_to_oklab(held).astype(np.float64)
    open_ones = _find_nearest(oklab, centres)[1] > SERVED_OKLAB**2
    if np.count_nonzero(open_ones) <= (EXACT_LIMIT if count is None else count) - len(held):
        return np.concatenate([held, _order(colours[open_ones], counts[open_ones])])
    shares = _weigh(seen, colours, counts)[open_ones]
    colours, oklab = colours[open_ones], oklab[open_ones]
    cells, places, weights = _gather(colours, oklab, shares)
    lab = convert_to_lab(convert_from_oklab(places))
    if not len(held):
        centres = (weights @ places / weights.sum())[None]
    nearest, distance = _find_nearest(places, centres)
    while len(centres) < most:
        far = measure_difference(lab, convert_to_lab(convert_from_oklab(centres))[nearest]) > OFF_YARN_DELTA_E
        if count is None and weights[far].sum() <= OFF_YARN_SHARE:
            break
        # The grain of a wide field would else take yarn after yarn, and a border's own colour none.
        added = places[np.argmax(weights * distance * (far if far.any() else 1.0))]
        centres = np.concatenate([centres, added[None]])
        # Many yarns are settled together in the end: settling after each would take half a minute.
        if len(centres) <= MOST_SUGGESTED or len(centres) == count:
            centres, nearest, distance = _settle(places, weights, centres, len(held))
        else:
            apart = ((places - added) ** 2).sum(axis=1)
            nearest[apart < distance] = len(centres) - 1
            distance = np.minimum(distance, apart)
    clusters = nearest[cells] - len(held)
    return np.concatenate([held, _choose_colours(colours, oklab, shares, clusters, centres[len(held) :])])


def _weigh(pixels: NDArray[np.uint8], colours: NDArray[np.uint8], counts: NDArray[np.int64]) -> Floats:
    """Return the weight of each colour, summing to 1: level parts of the picture count, edges hardly.

    Along the edges of a blurred picture lie blends of two yarns, as many as there are pairs: they are no yarns.
    """
    steepness = np.zeros(pixels.shape[:2], dtype=np.uint8)
    for here, there in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])):
        step = (np.maximum(pixels[here], pixels[there]) - np.minimum(pixels[here], pixels[there])).max(axis=-1)
        np.maximum(steepness[here], step, out=steepness[here])
        np.maximum(steepness[there], step, out=steepness[there])
    steps = np.array(Image.fromarray(steepness).histogram()).cumsum()
    limit = max(LEVEL_STEP, int(np.searchsorted(steps, LEVEL_SHARE * steps[-1])))
    level, level_counts = count_colours(pixels[steepness <= limit])
    weights = EDGE_WEIGHT * counts / counts.sum()
    weights[np.searchsorted(pack_colours(colours), pack_colours(level))] += level_counts / level_counts.sum()
    return weights / weights.sum()


def _gather(colours: NDArray[np.uint8], oklab: Floats, shares: Floats) -> tuple[NDArray[np.intp], Floats, Floats]:
    """Return the cell of each colour, and the mean OKLab and the share of each cell."""
    for bits in (5, 6, 7, 8):
        packed = pack_colours(colours >> (8 - bits))
        taken = np.zeros(1 << 24, dtype=bool)
        taken[packed] = True
        if (size := np.count_nonzero(taken)) >= CELLS_WANTED:
            break
    table = np.zeros(1 << 24, dtype=np.int32)
    table[taken] = np.arange(size)
    cells = table[packed]
    weights = np.bincount(cells, shares, size)
    places = np.stack([np.bincount(cells, shares * axis, size) for axis in oklab.T], axis=-1) / weights[:, None]
    return cells, places, weights


def _settle(places: Floats, weights: Floats, centres: Floats, fixed: int) -> tuple[Floats, NDArray[np.intp], Floats]:
    """Return the centres moved until no place changes its cluster, and each place's centre and distance squared.

    The first `fixed` of them stay where they are.
    """
    nearest, distance = _find_nearest(places, centres)
    for _ in range(ROUNDS_LIMIT):
        pulls = weights * np.where(distance <= BLEND_OKLAB**2, 1.0, BLEND_PULL)
        totals = np.bincount(nearest, pulls, len(centres))
        sums = np.stack([np.bincount(nearest, pulls * axis, len(centres)) for axis in places.T], axis=-1)
        # A centre that lost all its places begins again where the need is greatest.
        worst = places[np.argmax(weights * distance)]
        moved = np.where(totals[:, None] > 0, sums / np.maximum(totals, 1e-300)[:, None], worst)
        centres = np.concatenate([centres[:fixed], moved[fixed:]])
        before = nearest
        nearest, distance = _find_nearest(places, centres)
        if np.array_equal(nearest, before):
            break
    return centres, nearest, distance


def _choose_colours(
    colours: NDArray[np.uint8], oklab: Floats, shares: Floats, clusters: NDArray[np.intp], centres: Floats
) -> NDArray[np.uint8]:
    """Return a colour for each centre that colours belong to; those whose cluster is below 0 belong to none."""
    chosen, totals = [], []
    for i, centre in enumerate(centres):
        members = np.flatnonzero(clusters == i)
        if not len(members):
            continue
        commonest = members[np.argmax(shares[members])]
        total = shares[members].sum()
        if shares[commonest] * 2 <= total:
            commonest = members[np.argmin(((oklab[members] - centre) ** 2).sum(axis=1))]
        chosen.append(commonest)
        totals.append(total)
    return _order(colours[np.array(chosen, dtype=np.intp)], np.array(totals))


def _order(colours: NDArray[np.uint8], shares: Floats) -> NDArray[np.uint8]:
    return colours[np.lexsort((pack_colours(colours), -shares))]


def find_near_yarns(
    palette: NDArray[np.uint8], limit_delta_e: float = NEAR_DELTA_E
) -> tuple[tuple[int, int, float], ...]:
    """Return the pairs of entries that lie nearer than a CIEDE2000 of 3: (lower index, higher index, difference).

    The nearest pair comes first. A suggestion of what could be merged; nothing is merged by itself.
    """
    lab = convert_to_lab(check_palette(palette) / 255)
    pairs = np.array(list(combinations(range(len(lab)), 2)), dtype=np.intp).reshape(-1, 2)
    difference = measure_difference(lab[pairs[:, 0]], lab[pairs[:, 1]])
    near = [(int(a), int(b), float(d)) for (a, b), d in zip(pairs, difference, strict=True) if d < limit_delta_e]
    return tuple(sorted(near, key=lambda pair: (pair[2], pair[:2])))


def _find_nearest(points: Floats, centres: Floats) -> tuple[NDArray[np.intp], Floats]:
    """Return for each point (n, 3) its nearest of the centres (k, 3), the first of equals, and the distance squared."""
    x, y, z = np.ascontiguousarray(points.T)
    nearest, least = np.zeros(len(points), dtype=np.intp), np.full(len(points), np.inf, dtype=points.dtype)
    for i, centre in enumerate(centres):
        distance = (x - centre[0]) ** 2
        distance += (y - centre[1]) ** 2
        distance += (z - centre[2]) ** 2
        nearest[distance < least] = i
        np.minimum(least, distance, out=least)
    return nearest, least


def _check_pixels(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    seen = np.asarray(pixels)
    if seen.ndim != 3 or seen.shape[-1] != 3 or seen.dtype != np.uint8 or not seen.size:
        raise ValueError(f"pixels of {seen.dtype} {seen.shape}; give uint8 of (height, width, 3)")
    return seen
