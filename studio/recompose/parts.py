"""The parts in which sketches depart from their design, and which of them to put together.

A part is a connected area. Around it a sketch shows the design, so each may be left out, and parts of several sketches
that do not touch fit into one drawing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from studio.recompose.domain import Domain
from studio.recompose.levels import Knots
from studio.recompose.regions import FIELD

MARGIN = 2
"""Cells round a part that are taken with it."""
LEAST_PART = 0.001
"""Parts that change a smaller share of the knots are left out."""
TRIALS = 64
"""So many choices of parts are tried at random."""

Floats = NDArray[np.float64]
Judge = Callable[[float, Floats], float]
"""Returns the fault of a drawing that changes this share of the knots and has these shares of yarns (k,)."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The n parts of one sketch.

    `cells` (n, h, w) are true where a part lies in the cells of the sketch's last level. `changed` (n,) is the share of
    the knots that each changes, `yarns` (n, k) what it adds to the share of each yarn. `ground` (n,) is true within
    the border.
    """

    cells: NDArray[np.bool_]
    changed: Floats
    yarns: Floats
    ground: NDArray[np.bool_]


def find_parts(knots: Knots, own: Knots, regions: NDArray[np.uint8], domain: Domain, yarns: int) -> Parts:
    """Return the parts in which knots (h, w) of a domain differ from its own, in cells of a level.

    `regions` (rows, columns) are those of the cells; no part reaches from one into another. `yarns` is the number of
    yarns of the palette.
    """
    size = regions.shape
    rows, columns = (np.arange(side) * cells // side for side, cells in zip(knots.shape, size, strict=True))
    at = rows[:, None] * size[1] + columns[None, :]
    differs = knots != own
    cells = np.bincount(at[differs], minlength=size[0] * size[1]).reshape(size) > 0
    numbers = np.zeros(size, np.int64)
    for region in np.unique(regions):
        found = label_areas(_grow(cells & (regions == region), domain) & (regions == region), domain)
        numbers = np.where(found > 0, found + numbers.max(), numbers)
    numbers = domain.fold(numbers)
    count = int(numbers.max()) + 1
    of_knot = numbers.ravel()[at[differs]]
    changed = np.bincount(of_knot, minlength=count) / knots.size
    added = [
        np.bincount(of_knot * yarns + one[differs], minlength=count * yarns).reshape(count, yarns) / knots.size
        for one in (knots, own)
    ]
    large = np.flatnonzero(changed >= LEAST_PART)
    large = large[large > 0]
    areas = numbers[None] == large[:, None, None]
    ground = np.array([bool((regions[area] == FIELD).any()) for area in areas], np.bool_)
    return Parts(areas, changed[large], (added[0] - added[1])[large], ground)


def choose_parts(
    pool: list[Parts], most: float, own_yarns: Floats, judge: Judge, rng: np.random.Generator
) -> list[tuple[int, int]]:
    """Return the best of a few random choices of parts, as pairs of the number of a sketch and that of its part.

    No two parts overlap, and together they change at most about the share `most` of the knots, unless a single one does
    so. Of equally good choices the one that changes most of the ground is taken.
    """
    names = [(i, j) for i, parts in enumerate(pool) for j in range(len(parts.changed))]
    if not names:
        return []
    changed, yarns, ground = (
        np.concatenate([getattr(one, name) for one in pool]) for name in ("changed", "yarns", "ground")
    )
    flat = np.concatenate([one.cells for one in pool]).reshape(len(names), -1).astype(np.float32)
    touching = flat @ flat.T > 0
    best: tuple[tuple[float, float], list[int]] | None = None
    for _ in range(TRIALS):
        chosen: list[int] = []
        total, barred = 0.0, np.zeros(len(names), np.bool_)
        for number in rng.permutation(len(names)):
            if barred[number] or (chosen and total + changed[number] > most):
                continue
            chosen.append(int(number))
            total += float(changed[number])
            barred |= touching[number]
        fault = judge(total, own_yarns + yarns[chosen].sum(axis=0)), -float(changed[chosen][ground[chosen]].sum())
        if best is None or fault < best[0]:
            best = fault, chosen
    assert best is not None
    return [names[number] for number in sorted(best[1])]


def label_areas(mask: NDArray[np.bool_], domain: Domain) -> NDArray[np.int64]:
    """Return the number of the connected area of each cell (h, w), 1 and more, 0 where the mask is false.

    Cells at a corner are connected, and so are those across the seams of a repeat. Each cell takes the lowest number
    beside it, and then that of the cell of this number.
    """
    none = mask.size
    labels = np.where(mask, np.arange(none).reshape(mask.shape), none)
    while True:
        lowest = np.where(mask, -_spread(-labels, -none, domain), none)
        lowest = np.append(lowest, none)[lowest]
        if np.array_equal(lowest, labels):
            break
        labels = lowest
    return np.searchsorted(np.unique(labels[mask]), labels).astype(np.int64) * mask + mask


def _grow(mask: NDArray[np.bool_], domain: Domain) -> NDArray[np.bool_]:
    grown = mask.astype(np.int64)
    for _ in range(MARGIN):
        grown = _spread(grown, 0, domain)
    return grown > 0


def _spread(values: NDArray[np.int64], outside: int, domain: Domain) -> NDArray[np.int64]:
    """Return the greatest value of each cell (h, w) and the eight beside it, `outside` beyond the design's end."""
    top, left, bottom, right = domain.pads(1)
    wide = np.pad(domain.surround(values, 1), ((1 - top, 1 - bottom), (1 - left, 1 - right)), constant_values=outside)
    rows = np.maximum(np.maximum(wide[:-2], wide[1:-1]), wide[2:])
    greatest: NDArray[np.int64] = np.maximum(np.maximum(rows[:, :-2], rows[:, 1:-1]), rows[:, 2:])
    return greatest
