"""Palettes: colour quantisation to yarns, suggested palettes for a picture, and pairs of nearly equal yarns."""

from __future__ import annotations

import math
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
from studio.designs.index_map import EXACT_LIMIT, PALETTE_LIMIT, check_palette, list_colours, look_up, pack_colours

NEAR_DELTA_E = 3.0
"""Colours closer than this CIEDE2000 look like one yarn."""
OFF_YARN_DELTA_E = 5.0
MISSED_MOST = 0.025
MOST_SUGGESTED = 24
"""Without a given number, yarns are added until what they miss is at most `MISSED_MOST`, up to this many. A place
misses by how much its CIEDE2000 to its yarn is above 5, from which on a colour is perceived as a different one: a small
motif in a colour of its own, such as crimson, counts as much as a large part that is a little off. The mean is over the
flat places outside the largest cluster: a white ground says nothing of the carpet on it. Weavers object to more than 24
yarns."""
FLAT_LEAST = 0.15
"""Where fewer pixels are flat, the drawing itself is as fine as edges are, and all pixels count."""
SERVED_OKLAB = 0.04
"""A colour within this OKLab distance of a fixed yarn (a CIEDE2000 of about 5) is woven in it and needs no new yarn."""
BLEND_OKLAB = 0.08
"""A colour farther than this from its nearest yarn is a blend of two yarns or still lacks a yarn of its own: it gets
BLEND_WEIGHT in the mean of that yarn's cluster."""
BLEND_WEIGHT = 1e-3
"""The weight of such colours. It is above 0, so that a yarn with no other colours still moves to them."""
LEAST_CELLS = 4096
"""Colours are clustered as cells of similar colours: the largest cells that give at least this many, or single
colours."""
EDGE_WEIGHT = 0.04
FLAT_STEP = 8
FLAT_SHARE = 0.1
"""A pixel is flat when no channel differs by more than 8 of 255 from its four neighbours or, in a picture with more
grain, when it is among the flattest tenth. The flat pixels share a weight of 1, all pixels another 0.04."""
MEASURED_PX = 12_000_000
"""Of a larger picture every second, third … row and column is measured: no motif is as small as that."""
ITERATIONS_LIMIT = 24
COLOURS_AT_ONCE = 16_384
"""Colours compared with the palette at once, so that the working data fit into the processor's cache."""


def snap(pixels: NDArray[np.uint8], palette: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the index of the nearest palette colour (k, 3) for each pixel (height, width, 3), without dithering.

    Nearest by ΔEOK2 (`spread_in_oklab`) in float32; of equally near or equal colours, the first. A palette colour maps
    to itself, so that a second call changes nothing. Raises `ValueError` for other shapes.
    """
    seen, yarns = _check_pixels(pixels), check_palette(palette)
    colours = list_colours(seen)
    # Equal yarns are compared once, so that rounding cannot select the second of them.
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
    """Return a palette uint8 (k, 3) that suits pixels (height, width, 3), in order of falling share.

    Colours are clustered by weighted k-means in OKLab, deterministically: starting from one cluster, each new yarn
    starts at the colour with the greatest weight times squared distance. Shades within a CIEDE2000 of 5 of a yarn start
    no new one while other colours remain. Flat parts of the picture carry the weight, edges hardly any. Each yarn is a
    colour of the picture: the one with more than half of its cluster's weight, or else the one nearest to the cluster's
    mean.

    `count` is the largest number of yarns, 1 to 256: of two that look alike (CIEDE2000 below 3) only the larger is
    taken. Without it, the fewest yarns, up to 24, are taken that serve what is drawn (`MISSED_MOST`). A picture of at
    most `count` colours, or of at most 64 without a count, keeps its own. `fixed` yarns uint8 (m, 3) come first,
    unchanged, and count towards `count`. Colours within an OKLab distance of 0.04 of a fixed yarn need no new one, so
    that no new yarn is a near copy. Raises `ValueError` for other shapes and counts.
    """
    held = np.empty((0, 3), np.uint8) if fixed is None or not len(fixed) else check_palette(fixed)
    if count is not None and not max(len(held), 1) <= count <= PALETTE_LIMIT:
        raise ValueError(f"{count} yarns, {len(held)} of them fixed; give 1 to {PALETTE_LIMIT}, not fewer than fixed")
    most = MOST_SUGGESTED if count is None else count
    seen = _check_pixels(pixels)
    step = math.ceil((seen.shape[0] * seen.shape[1] / MEASURED_PX) ** 0.5)
    if step > 1 and len(list_colours(seen)) <= PALETTE_LIMIT:
        step = 1  # a picture of few colours keeps its own, and all of them have to be counted
    measured = seen[::step, ::step]
    colours, counts = count_colours(measured)
    oklab = convert_to_oklab(colours)
    centres: Floats = convert_to_oklab(held).astype(np.float64)
    unserved = _find_nearest(oklab, centres)[1] > SERVED_OKLAB**2
    if np.count_nonzero(unserved) <= (EXACT_LIMIT if count is None else count) - len(held):
        return np.concatenate([held, _order(colours[unserved], counts[unserved])])
    shares, flat_shares = (part[unserved] for part in _weigh(measured, _measure_steepness(seen, step), colours, counts))
    colours, oklab = colours[unserved], oklab[unserved]
    cells, places, weights = _group_into_cells(colours, oklab, shares)
    flat = np.bincount(cells, flat_shares, len(places))
    lab = convert_to_lab(convert_from_oklab(places))
    if not len(held):
        centres = (weights @ places / weights.sum())[None]
    nearest, distance = _find_nearest(places, centres)
    while len(centres) < most:
        gaps = measure_difference(lab, convert_to_lab(convert_from_oklab(centres))[nearest])
        far = gaps > OFF_YARN_DELTA_E
        if count is None:
            outside = flat.sum() - np.bincount(nearest, flat * ~far, len(centres)).max()
            if flat @ np.maximum(gaps - OFF_YARN_DELTA_E, 0) <= MISSED_MOST * outside:
                break
        # Otherwise the grain of a large field would get yarn after yarn, and a border's colour none.
        added = places[np.argmax(weights * distance * (far if far.any() else 1.0))]
        centres = np.concatenate([centres, added[None]])
        # Beyond 24 yarns the centres move only once, at the end: doing it for each yarn would take half a minute.
        if len(centres) <= MOST_SUGGESTED or len(centres) == count:
            centres, nearest, distance = _move_centres(places, weights, centres, len(held))
        else:
            apart = ((places - added) ** 2).sum(axis=1)
            nearest[apart < distance] = len(centres) - 1
            distance = np.minimum(distance, apart)
    clusters = nearest[cells] - len(held)
    chosen = _choose_colours(colours, oklab, shares, clusters, centres[len(held) :])
    return np.concatenate([held, _leave_out_alike(chosen, held)])


def _measure_steepness(pixels: NDArray[np.uint8], step: int = 1) -> NDArray[np.uint8]:
    """Return the greatest difference of a channel to the four neighbours for each `step`-th of pixels (h, w, 3)."""
    height, width = pixels.shape[:2]
    rows, columns = np.arange(0, height, step), np.arange(0, width, step)
    here = pixels[::step, ::step]
    steepness = np.zeros(here.shape[:2], dtype=np.uint8)
    for down, across in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        there = pixels[(rows + down).clip(0, height - 1)][:, (columns + across).clip(0, width - 1)]
        for channel in range(3):  # numpy's maximum over a last axis of 3 takes five times as long
            one, other = here[..., channel], there[..., channel]
            np.maximum(steepness, np.maximum(one, other) - np.minimum(one, other), out=steepness)
    return steepness


def _weigh(
    pixels: NDArray[np.uint8],
    steepness: NDArray[np.uint8],
    colours: NDArray[np.uint8],
    counts: NDArray[np.int64],
) -> tuple[Floats, Floats]:
    """Return the weight of each colour (n,), high in flat parts of the picture and low at edges, and in flat parts.

    Each sums to 1. Where hardly anything is flat, both are the same.

    The edges of a blurred picture have blends of two yarns, which are not yarns themselves.
    """
    steps = np.array(Image.fromarray(steepness).histogram()).cumsum()
    limit = max(FLAT_STEP, int(np.searchsorted(steps, FLAT_SHARE * steps[-1])))
    flat, flat_counts = count_colours(pixels[steepness <= limit])
    flat_weights = np.zeros(len(colours))
    flat_weights[np.searchsorted(pack_colours(colours), pack_colours(flat))] = flat_counts / flat_counts.sum()
    weights = EDGE_WEIGHT * counts / counts.sum() + flat_weights
    normalised: Floats = weights / weights.sum()
    return normalised, flat_weights if flat_counts.sum() >= FLAT_LEAST * counts.sum() else normalised


def _group_into_cells(
    colours: NDArray[np.uint8], oklab: Floats, shares: Floats
) -> tuple[NDArray[np.int32], Floats, Floats]:
    """Return the cell of each colour (n,), and the mean OKLab (m, 3) and the share (m,) of each cell."""
    for bits in (5, 6, 7, 8):
        packed = pack_colours(colours >> np.uint8(8 - bits))
        taken = np.zeros(1 << 24, dtype=bool)
        taken[packed] = True
        if (size := np.count_nonzero(taken)) >= LEAST_CELLS:
            break
    table = np.zeros(1 << 24, dtype=np.int32)
    table[taken] = np.arange(size)
    cells = table[packed]
    weights = np.asarray(np.bincount(cells, shares, size), dtype=np.float64)
    places = np.stack([np.bincount(cells, shares * axis, size) for axis in oklab.T], axis=-1) / weights[:, None]
    return cells, places, weights


def _move_centres(
    places: Floats, weights: Floats, centres: Floats, fixed: int
) -> tuple[Floats, NDArray[np.intp], Floats]:
    """Return the centres after k-means iterations, and each place's nearest centre and squared distance.

    The first `fixed` centres do not move. Iteration ends when no place changes its cluster.
    """
    nearest, distance = _find_nearest(places, centres)
    for _ in range(ITERATIONS_LIMIT):
        masses = weights * np.where(distance <= BLEND_OKLAB**2, 1.0, BLEND_WEIGHT)
        totals = np.bincount(nearest, masses, len(centres))
        sums = np.stack([np.bincount(nearest, masses * axis, len(centres)) for axis in places.T], axis=-1)
        # An empty cluster starts again at the place with the greatest weighted distance.
        worst = places[np.argmax(weights * distance)]
        moved = np.where(totals[:, None] > 0, sums / np.maximum(totals, 1e-300)[:, None], worst)
        centres = np.concatenate([centres[:fixed], moved[fixed:]])
        before = nearest
        nearest, distance = _find_nearest(places, centres)
        if np.array_equal(nearest, before):
            break
    return centres, nearest, distance


def _choose_colours(
    colours: NDArray[np.uint8], oklab: Floats, shares: Floats, clusters: NDArray[np.integer], centres: Floats
) -> NDArray[np.uint8]:
    """Return one colour for each centre with a non-empty cluster; colours of a negative cluster are left out."""
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


def _leave_out_alike(colours: NDArray[np.uint8], held: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the colours (k, 3), in order of falling share, without those that look like an earlier or a held one."""
    lab = convert_to_lab(np.concatenate([held, colours]) / 255)
    kept = list(range(len(held)))
    for number in range(len(held), len(lab)):
        if not kept or measure_difference(lab[kept], lab[number]).min() >= NEAR_DELTA_E:
            kept.append(number)
    return colours[np.array(kept[len(held) :], dtype=np.intp) - len(held)]


def _order(colours: NDArray[np.uint8], shares: NDArray[np.number]) -> NDArray[np.uint8]:
    """Return the colours in order of falling share (or count), equal shares by red, green and blue."""
    return colours[np.lexsort((pack_colours(colours), -shares))]


def find_near_yarns(
    palette: NDArray[np.uint8], limit_delta_e: float = NEAR_DELTA_E
) -> tuple[tuple[int, int, float], ...]:
    """Return the pairs of palette entries closer than `limit_delta_e`: (lower index, higher index, CIEDE2000).

    The closest pair comes first. The pairs suggest what could be merged; nothing is merged here.
    """
    lab = convert_to_lab(check_palette(palette) / 255)
    pairs = np.array(list(combinations(range(len(lab)), 2)), dtype=np.intp).reshape(-1, 2)
    difference = measure_difference(lab[pairs[:, 0]], lab[pairs[:, 1]])
    near = [(int(a), int(b), float(d)) for (a, b), d in zip(pairs, difference, strict=True) if d < limit_delta_e]
    return tuple(sorted(near, key=lambda pair: (pair[2], pair[:2])))


def _find_nearest(points: Floats, centres: Floats) -> tuple[NDArray[np.intp], Floats]:
    """Return the nearest of the centres (k, 3) for each point (n, 3), the first of equals, and its squared distance."""
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
