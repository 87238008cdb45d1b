"""A target at all of its levels, coarse to fine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from studio.recompose.domain import Domain
from studio.recompose.levels import (
    Colours,
    Knots,
    Level,
    Motifs,
    convert_colours,
    measure_free_side,
    plan_level,
    plan_scales,
    sample,
    shrink_knots,
)

SKETCHED_SHARE, SKETCHED_PX, SKETCHED_LEVELS = 0.13, 117, 2
"""A sketch ends at the first level of this scale or with a shorter side of this many cells, and after this many levels
more than the coarsest: what is where is settled there."""
COUNTED_KNOTS, MOST_COUNTED_KNOTS = 50_000, 400_000
"""What a sketch changes is counted on about the first number of its free knots, but on no more knots than the second.
"""
MOST_KEPT_BYTES = 64 << 20
"""Levels with larger plates are made again for each drawing."""


class Pyramid:
    """The levels of a target, made when first needed, and the target's own knots at each of them.

    `regions` (h, w) of the target name the patches that may be used there. `design` are the target's own knots, which
    stay where `kept` (h, w) is true. `check` is called before a level is made, and after each band of rows that is
    drawn; it may raise to stop.
    """

    def __init__(
        self,
        *,
        target: Domain,
        regions: NDArray[np.uint8],
        motifs: Sequence[Motifs],
        palette: NDArray[np.uint8],
        design: Knots,
        kept: NDArray[np.bool_] | None,
        check: Callable[[], None],
    ) -> None:
        self.target, self.regions, self.motifs, self.check = target, regions, tuple(motifs), check
        self._colours, self._design, self._kept = convert_colours(palette), design, kept
        self.scales = plan_scales(target.size, None if kept is None else measure_free_side(kept))
        settled = min(SKETCHED_SHARE, SKETCHED_PX / min(target.size))
        first = next(number for number, scale in enumerate(self.scales) if scale >= settled)
        self.sketched = min(max(first, SKETCHED_LEVELS), len(self.scales) - 2)
        """Number of the level at which a sketch ends."""
        self._levels: dict[int, Level] = {}
        self._own: dict[tuple[int, int], Colours] = {}
        self.counter = self._plan_counter()
        """The level of knots on which a sketch's changes are counted."""

    @property
    def yarns(self) -> int:
        """Number of yarns of the palette."""
        return len(self._colours)

    @property
    def last(self) -> int:
        """Number of the last level, the only one of knots."""
        return len(self.scales) - 1

    def level(self, number: int) -> Level:
        """Return a level, 0 the coarsest."""
        if number not in self._levels:
            self.check()
            colours = self._colours if number < self.last else None
            self._levels[number] = self._plan(self.scales[number], colours)
        return self._levels[number]

    def forget(self, number: int) -> None:
        """Drop a level where keeping it for the next drawing takes much memory."""
        if self._levels[number].plates.picture.nbytes > MOST_KEPT_BYTES:
            del self._levels[number]

    def own_colours(self, size: tuple[int, int]) -> Colours:
        """Return the colours (height, width, 4) of the target's own knots."""
        if size not in self._own:
            self._own[size] = shrink_knots(self._design, self._colours, size)
        return self._own[size]

    def own_knots(self, size: tuple[int, int]) -> Knots:
        """Return the target's own knots (height, width)."""
        return self._design if size == self._design.shape else sample(self._design, size)

    def keep(self, shown: NDArray[Any]) -> None:
        """Set the kept part of a picture in work, colours (h, w, 4) or knots (h, w), back to the design's."""
        if self._kept is None:
            return
        size = shown.shape[:2]
        kept = sample(self._kept, size)
        own = self.own_knots(size) if shown.ndim == 2 else self.own_colours(size)
        shown[kept] = own[kept]

    def count_changed(self, knots: Knots) -> float:
        """Return the share of the knots (h, w), of those that may change, that are not the target's own."""
        size = knots.shape[0], knots.shape[1]
        differing = int(np.count_nonzero(knots != self.own_knots(size)))
        free = knots.size if self._kept is None else knots.size - int(np.count_nonzero(sample(self._kept, size)))
        return differing / max(free, 1)

    def _plan(self, scale: float, colours: Colours | None) -> Level:
        return plan_level(scale, self.target, self.regions, self.motifs, colours, kept=self._kept)

    def _plan_counter(self) -> Level:
        height, width = self.target.size
        free = 1.0 if self._kept is None else max(1 - float(self._kept.mean()), 1e-6)
        counted = min(COUNTED_KNOTS / free, MOST_COUNTED_KNOTS)
        scale = min(1.0, max((counted / (height * width)) ** 0.5, self.scales[self.sketched]))
        return self.level(self.last) if scale == 1 else self._plan(scale, None)
