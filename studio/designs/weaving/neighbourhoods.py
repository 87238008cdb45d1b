"""How much of a drawing is a design's own: the share of its small neighbourhoods of knots that the design has too."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

SMALL, LARGE = 4, 8
"""Sides of the neighbourhoods that are measured, in knots."""
KNOTS_AT_ONCE = 1 << 17
"""Knots hashed and looked up at once: beside the hashes of the designs that takes about 20 MB."""
REMEMBERED_SETS, REMEMBERED_BYTES = 2, 32 * 2**20
"""The last neighbourhoods to be kept for the next drawing, and the most memory that each of them may take."""

Knots = NDArray[np.uint8]
Hashes = NDArray[np.uint64]
Check = Callable[[], None]


def go_on() -> None:
    """Let the work go on: the check of work that nothing stops."""


class Neighbourhoods:
    """The neighbourhoods of `side` x `side` knots of designs, as drawn and mirrored left to right and upside down.

    Two neighbourhoods count as equal where their hashes of 64 bits are; among a billion pairs that errs less than once.
    To read the designs takes up to 12 bytes for each of their knots, of which 8 are held for each different one.
    """

    def __init__(self, designs: Sequence[Knots], side: int, check: Check = go_on) -> None:
        """Read designs (h, w). Raises `ValueError` for arrays of other dimensions.

        `check` is called between strips of knots and may raise to stop, here and in the methods.
        """
        for design in designs:
            if design.ndim != 2:
                raise ValueError(f"knots of shape {design.shape}; give (h, w)")
        self.side = side
        rng = np.random.default_rng(side)
        self._down, self._across = rng.integers(1, 1 << 63, (2, side), dtype=np.uint64) * np.uint64(2) + np.uint64(1)
        found = np.empty(sum(height * width for height, width in map(self._shape, designs)), np.uint64)
        filled = 0
        for design in designs:
            for _, hashes in self._hash(design, check):
                found[filled : filled + hashes.size] = hashes.ravel()
                filled += hashes.size
        self._known = _sort_once(found, check)

    @property
    def size_bytes(self) -> int:
        """Memory that is held, in bytes."""
        owner = self._known.base
        return self._known.nbytes if owner is None else owner.nbytes

    def find_known(self, knots: Knots, check: Check = go_on) -> NDArray[np.bool_]:
        """Return which neighbourhoods (h - side + 1, w - side + 1) of knots (h, w) the designs have."""
        known = np.zeros(self._shape(knots), bool)
        for first, found in self._look_up(knots, check):
            known[first : first + len(found)] = found
        return known

    def measure_known(self, knots: Knots, check: Check = go_on) -> float | None:
        """Return the share of the neighbourhoods of knots (h, w) that the designs have, None where there are none."""
        height, width = self._shape(knots)
        count = sum(int(np.count_nonzero(found)) for _, found in self._look_up(knots, check))
        return count / (height * width) if height and width else None

    def _shape(self, knots: Knots) -> tuple[int, int]:
        height, width = (max(length - self.side + 1, 0) for length in knots.shape)
        return height, width

    def _look_up(self, knots: Knots, check: Check) -> Iterator[tuple[int, NDArray[np.bool_]]]:
        """Yield the first row of each strip, and which of its neighbourhoods (rows, w - side + 1) the designs have."""
        if not self._known.size:
            return
        for first, hashes in self._hash(knots, check):
            # In order, so that one search begins near the last one and finds its part of the table in the cache.
            order = hashes.ravel().argsort()
            wanted = hashes.ravel()[order]
            at = np.searchsorted(self._known, wanted)
            found = np.empty(hashes.size, bool)
            found[order] = self._known.take(at, mode="clip") == wanted
            yield first, found.reshape(hashes.shape)

    def _hash(self, knots: Knots, check: Check) -> Iterator[tuple[int, Hashes]]:
        """Yield the first row of each strip of knots (h, w), and a hash of each of its neighbourhoods.

        It is the least of the hashes of the neighbourhood and its mirror images, so that all four have the same one.
        """
        height, width = self._shape(knots)
        if not height or not width:
            return
        rows = max(KNOTS_AT_ONCE // width, self.side)
        for first in range(0, height, rows):
            check()
            strip = knots[first : min(first + rows, height) + self.side - 1]
            yield first, self._hash_strip(strip)

    def _hash_strip(self, strip: Knots) -> Hashes:
        """Return the hashes (rows - side + 1, w - side + 1) of a strip (rows, w)."""
        best = np.full([length - self.side + 1 for length in strip.shape], ~np.uint64(0))
        for sums in _sum_both_ways(strip.astype(np.uint64) + np.uint64(1), self._across, axis=1):
            # Otherwise the two sums would be one product, which collides more often.
            across = (sums ^ sums >> np.uint64(29)) * np.uint64(0xBF58476D1CE4E5B9)
            for hashes in _sum_both_ways(across, self._down, axis=0):
                np.minimum(best, hashes, out=best)
        return best


def measure_known(designs: Sequence[Knots], knots: Knots, side: int, check: Check = go_on) -> float | None:
    """Return the share of the neighbourhoods of knots (h, w) that designs (h, w) have, None where there are none.

    The neighbourhoods of the last designs are remembered (`REMEMBERED_BYTES`, `forget_neighbourhoods`): the variations
    of a run are measured one after another. `check` is called between strips of knots and may raise to stop.
    """
    share = _read(tuple(designs), side, check).measure_known(knots, check)
    return None if share is None else round(share, 5)


def find_known(designs: Sequence[Knots], knots: Knots, side: int, check: Check = go_on) -> NDArray[np.bool_]:
    """Return which neighbourhoods (h - side + 1, w - side + 1) of knots (h, w) designs (h, w) have.

    Remembers and can be stopped as `measure_known`.
    """
    return _read(tuple(designs), side, check).find_known(knots, check)


def forget_neighbourhoods() -> None:
    """Free the neighbourhoods that `measure_known` and `find_known` remember."""
    _remembered.clear()


_remembered: list[tuple[tuple[Knots, ...], Neighbourhoods]] = []
"""The last designs, as the same arrays, and their neighbourhoods; the latest come first."""


def _read(designs: tuple[Knots, ...], side: int, check: Check) -> Neighbourhoods:
    for known, neighbourhoods in _remembered:
        if neighbourhoods.side == side and len(known) == len(designs) and all(map(operator.is_, known, designs)):
            return neighbourhoods
    neighbourhoods = Neighbourhoods(designs, side, check)
    if neighbourhoods.size_bytes + sum(design.nbytes for design in designs) <= REMEMBERED_BYTES:
        _remembered[:] = [(designs, neighbourhoods), *_remembered][:REMEMBERED_SETS]
    return neighbourhoods


def _sum_both_ways(values: Hashes, factors: Hashes, axis: int) -> tuple[Hashes, Hashes]:
    """Return the sums of as many neighbours of values (h, w) along an axis as there are factors, weighted by them.

    The second sums have the factors in reversed order, as for mirrored values.
    """
    count, last = values.shape[axis] - len(factors) + 1, len(factors) - 1
    shape = (count, values.shape[1]) if axis == 0 else (values.shape[0], count)
    forward, backward = np.zeros(shape, np.uint64), np.zeros(shape, np.uint64)
    for i, factor in enumerate(factors):
        product = values * factor
        if axis == 0:
            forward += product[i : i + count]
            backward += product[last - i : last - i + count]
        else:
            forward += product[:, i : i + count]
            backward += product[:, last - i : last - i + count]
    return forward, backward


def _sort_once(values: Hashes, check: Check) -> Hashes:
    """Return values (n,) in ascending order, each once. The array that is given is used up.

    `np.unique` hashes them first, which takes a hundred times as long for values that are nearly all different.
    """
    values.sort()
    kept, last = 0, None
    for start in range(0, len(values), KNOTS_AT_ONCE):
        check()
        part = values[start : start + KNOTS_AT_ONCE]
        new = np.append(last is None or part[0] != last, part[1:] != part[:-1])
        last, once = part[-1], part[new]
        values[kept : kept + len(once)] = once
        kept += len(once)
    # A copy of most of them would take more memory than it frees.
    return values[:kept].copy() if 2 * kept <= len(values) else values[:kept]
