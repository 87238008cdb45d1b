"""How much of a drawing is a design's own: the share of its small neighbourhoods of knots that the design has too."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SMALL, LARGE = 4, 8
"""Sides of the neighbourhoods that are measured, in knots."""

Knots = NDArray[np.uint8]


class Neighbourhoods:
    """The neighbourhoods of `side` x `side` knots of designs, as drawn and mirrored left to right and upside down.

    Two neighbourhoods count as equal where their hashes of 64 bits are; among a billion pairs that errs less than once.
    """

    def __init__(self, designs: list[Knots], side: int) -> None:
        """Read designs (h, w). Raises `ValueError` for arrays of other dimensions."""
        self.side = side
        rng = np.random.default_rng(side)
        self._down, self._across = rng.integers(1, 1 << 63, (2, side), dtype=np.uint64) * np.uint64(2) + np.uint64(1)
        found: list[NDArray[np.uint64]] = []
        for design in designs:
            if design.ndim != 2:
                raise ValueError(f"knots of shape {design.shape}; give (h, w)")
            shown = [design]
            for axis in (0, 1):
                turned = [np.flip(one, axis) for one in shown]
                if not np.array_equal(turned[0], shown[0]):
                    shown += turned
            found += [np.unique(self._hash(one)) for one in shown]
        self._known = np.unique(np.concatenate(found)) if found else np.zeros(0, np.uint64)

    def find_known(self, knots: Knots) -> NDArray[np.bool_]:
        """Return which neighbourhoods (h - side + 1, w - side + 1) of knots (h, w) the designs have."""
        hashes = self._hash(knots)
        if not hashes.size or not self._known.size:
            return np.zeros(hashes.shape, bool)
        values, places = np.unique(hashes, return_inverse=True)
        at = np.searchsorted(self._known, values).clip(0, len(self._known) - 1)
        found: NDArray[np.bool_] = (self._known[at] == values)[places].reshape(hashes.shape)
        return found

    def measure_known(self, knots: Knots) -> float | None:
        """Return the share of the neighbourhoods of knots (h, w) that the designs have, None where there are none."""
        known = self.find_known(knots)
        return float(known.mean()) if known.size else None

    def _hash(self, knots: Knots) -> NDArray[np.uint64]:
        """Return a hash of each neighbourhood: sums weighted by random odd numbers, across and then down."""
        height, width = (max(side - self.side + 1, 0) for side in knots.shape)
        values = knots.astype(np.uint64) + np.uint64(1)
        across = np.zeros((knots.shape[0], width), np.uint64)
        for i, factor in enumerate(self._across):
            across += values[:, i : i + width] * factor
        across ^= across >> np.uint64(29)  # otherwise the two sums would be one product, which collides more often
        across *= np.uint64(0xBF58476D1CE4E5B9)
        down = np.zeros((height, width), np.uint64)
        for i, factor in enumerate(self._down):
            down += across[i : i + height] * factor
        return down


def measure_known(designs: Sequence[Knots], knots: Knots, side: int) -> float | None:
    """Return the share of the neighbourhoods of knots (h, w) that designs (h, w) have, None where there are none.

    The neighbourhoods of the last designs are remembered: the variations of a run are measured one after another.
    """
    share = _remember(tuple(_Same(design) for design in designs), side).measure_known(knots)
    return None if share is None else round(share, 5)


class _Same:
    """An array as a key: equal where it is the same array."""

    def __init__(self, array: Knots) -> None:
        self.array = array

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.array is self.array

    def __hash__(self) -> int:
        return id(self.array)


@functools.lru_cache(maxsize=2)
def _remember(designs: tuple[_Same, ...], side: int) -> Neighbourhoods:
    return Neighbourhoods([design.array for design in designs], side)
