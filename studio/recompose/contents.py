"""What the source patches of a level hold of each yarn and of each design, and how much of each a field shows.

The two directions are each other's transpose: prices of yarns become prices of patches, uses of patches become shares
of yarns. Neither needs a table of patches by yarns, which for 256 yarns would be larger than all else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from studio.recompose import kernels
from studio.recompose.kernels import PATCH
from studio.recompose.levels import PAD, Level, Motifs, sample
from studio.recompose.plates import Field
from studio.recompose.regions import find_ground

COUNTED_KNOTS = 200_000
"""Yarns are counted on about this many knots of a design, evenly spread, or on one for each cell of a finer level."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Source:
    """One design: some of its `knots` (n,), the `cells` of the level that they lie in (n,), and how many lie in each.

    `beside` (h, w) are the cells of the level with what lies beside it.
    """

    knots: NDArray[np.uint8]
    cells: NDArray[np.intp]
    of_cell: NDArray[np.intp]
    beside: NDArray[np.intp]


class Contents:
    """The contents of the source patches of one level."""

    def __init__(self, level: Level, motifs: Sequence[Motifs], yarns: int) -> None:
        """Read the designs. `yarns` is the number of yarns of the palette."""
        self._level, self._yarns = level, yarns
        self._sources = [_read_source(level, one) for one in motifs]

    def price(self, yarns: Floats, designs: Floats) -> Floats:
        """Return the mean price (rows, stride) of the knots of each source patch, from that of each yarn and design."""
        plates = self._level.plates
        prices = np.zeros(plates.labels.shape)
        boxes = [self._average(source, yarns) + extra for source, extra in zip(self._sources, designs, strict=True)]
        for first, number, down, across, height, width in plates.table[:, :6]:
            prices[first : first + height, :width] = boxes[number][:: -1 if down else 1, :: -1 if across else 1]
        return prices

    def count(self, field: Field) -> tuple[Floats, Floats]:
        """Return the share of each yarn (k,) in the patches of a field, and of each design (n,) in those of the ground.

        The ground is the region within the border, where a second design's motifs may lie.
        """
        plates = self._level.plates
        uses = np.zeros(plates.labels.shape, np.int32)
        kernels.count_uses(field, uses)
        by_source: list[Floats] = [np.zeros(source.beside.shape) for source in self._sources]
        for first, number, down, across, height, width in plates.table[:, :6]:
            part = uses[first : first + height, :width][:: -1 if down else 1, :: -1 if across else 1]
            by_source[number] += _sum_boxes(np.pad(part, PAD))
        counted = sum(self._spread(one, uses) for one, uses in zip(self._sources, by_source, strict=True))
        ground = field[find_ground(self._level.labels)]
        number_of_row = plates.table[plates.plate_of_row, 1]
        numbers = number_of_row[(ground if ground.size else field.ravel()) // plates.labels.shape[1]]
        designs = np.bincount(numbers, minlength=len(self._sources)) / numbers.size
        return np.asarray(counted / np.sum(counted)), designs

    def _average(self, source: _Source, yarns: Floats) -> Floats:
        cells = np.bincount(source.cells, yarns[source.knots], len(source.of_cell)) / source.of_cell
        return _sum_boxes(cells[source.beside]) / PATCH**2

    def _spread(self, source: _Source, uses: Floats) -> Floats:
        cells = np.bincount(source.beside.ravel(), uses.ravel(), len(source.of_cell)) / source.of_cell
        return np.asarray(np.bincount(source.knots, cells[source.cells], self._yarns), np.float64)


def _read_source(level: Level, source: Motifs) -> _Source:
    size = source.domain.level_size(level.scale, PATCH)
    full = source.domain.size
    share = min(1.0, (COUNTED_KNOTS / (full[0] * full[1])) ** 0.5)
    counted = [max(round(side * share), cells) for side, cells in zip(full, size, strict=True)]
    knots = sample(source.knots, (counted[0], counted[1]))
    rows, columns = (np.arange(many) * cells // many for many, cells in zip(counted, size, strict=True))
    cells = np.arange(size[0] * size[1]).reshape(size)
    of_knot = cells[rows][:, columns].ravel()
    beside = source.domain.surround(cells, PAD)
    return _Source(knots.ravel(), of_knot, np.bincount(of_knot, minlength=cells.size), beside)


def _sum_boxes(part: NDArray[np.generic]) -> Floats:
    """Return the sum of each box of `PATCH` x `PATCH` values of an array (h, w)."""
    summed = np.pad(part.astype(np.float64), ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)
    upper, lower = summed[:-PATCH], summed[PATCH:]
    boxes: Floats = lower[:, PATCH:] - lower[:, :-PATCH] - upper[:, PATCH:] + upper[:, :-PATCH]
    return boxes
