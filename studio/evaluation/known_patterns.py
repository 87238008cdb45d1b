"""Known neighbourhoods of a set: how much of a picture is drawn as some design of an archive draws, in any yarns.

`studio.designs.weaving.neighbourhoods` compares knots with one design by the numbers of its yarns. The designs of an
archive have different yarns, so here a neighbourhood is its pattern: which adjacent knots have the same yarn.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

MOST_KNOTS = 1 << 23
"""Knots of an archive that are read: 12 bytes are held for each different pattern, and some more while reading."""
MOST_MEASURED = 1 << 21
"""Knots of one picture that are measured; of a larger one the upper left part."""

Knots = NDArray[np.uint8]
Hashes = NDArray[np.uint64]
_SHARED = -1
"""The owner of a pattern that several designs have."""


class KnownPatterns:
    """The patterns of `side` x `side` knots of an archive's designs, as drawn and mirrored, each with its designs.

    Plain patterns, without an edge, are left out: every design has them. Patterns count as equal where their hashes of
    64 bits are.
    """

    def __init__(self, designs: Iterable[Sequence[Knots]], side: int, pictures: int) -> None:
        """Read designs, each with the knots (h, w) of its pictures: itself and, in a set of pairs, its variations.

        `pictures` is how many they are in all. Of large archives the upper left part of each picture is read.
        """
        self.side = side
        odd = np.random.default_rng(side).integers(1, 1 << 63, (4, side), np.uint64) * np.uint64(2)
        self._factors = odd + np.uint64(1)
        limit = min(MOST_KNOTS // max(pictures, 1), MOST_MEASURED)
        hashes, owners = [np.zeros(0, np.uint64)], [np.zeros(0, np.int32)]
        for number, design in enumerate(designs):
            own = _sort_once([self._hash(_cut(one, limit)) for one in design])
            hashes.append(own)
            owners.append(np.full(len(own), number, np.int32))
        every, whose = np.concatenate(hashes), np.concatenate(owners)
        order = np.argsort(every, kind="stable")
        every, whose = every[order], whose[order]
        first = np.flatnonzero(np.append(True, every[1:] != every[:-1])) if len(every) else np.zeros(0, np.intp)
        shared = np.diff(first, append=len(every)) > 1
        self._known = every[first]
        self._owner = np.where(shared, _SHARED, whose[first]).astype(np.int32)

    def measure_known(self, knots: Knots, own: int | None = None) -> float | None:
        """Return the share of the patterns of knots (h, w) that designs other than number `own` have.

        None where there are no patterns but plain ones, or an empty archive.
        """
        wanted = self._hash(_cut(knots, MOST_MEASURED))
        if not len(wanted) or not len(self._known):
            return None
        wanted.sort()  # one search begins near the last one and finds its part of the table in the cache
        at = np.searchsorted(self._known, wanted)
        found = self._known.take(at, mode="clip") == wanted
        if own is not None:
            found &= self._owner.take(at, mode="clip") != own
        return float(found.mean())

    def _hash(self, knots: Knots) -> Hashes:
        """Return the hash of each pattern of knots (h, w) with an edge, shape (n,), the same for its mirror images."""
        side = self.side
        if min(knots.shape) < side:
            return np.zeros(0, np.uint64)
        beside, below = (knots[:, 1:] != knots[:, :-1]), (knots[1:] != knots[:-1])
        down, across, further_down, further_across = self._factors
        upright = _sum_four_ways(beside, down, across[:-1])
        level = _sum_four_ways(below, further_down[:-1], further_across)
        best = np.full((knots.shape[0] - side + 1, knots.shape[1] - side + 1), ~np.uint64(0))
        for one, other in zip(upright, level, strict=True):
            np.minimum(best, one + other, out=best)
        # Without an edge all sums are 0; a pattern with edges is so once in 10^19.
        patterns: Hashes = best[best != 0]
        return patterns


def _sort_once(hashes: Sequence[Hashes]) -> Hashes:
    """Return hashes in ascending order, each once; `np.unique` takes many times as long where nearly all differ."""
    every = np.concatenate([np.zeros(0, np.uint64), *hashes])
    every.sort()
    once: Hashes = every[np.append(True, every[1:] != every[:-1])] if len(every) else every
    return once


def _cut(knots: Knots, limit: int) -> Knots:
    """Return the upper left part of knots (h, w), of their proportions, with at most `limit` knots."""
    share = min((limit / knots.size) ** 0.5, 1.0)
    return knots[: max(int(knots.shape[0] * share), 1), : max(int(knots.shape[1] * share), 1)]


def _sum_four_ways(edges: NDArray[np.bool_], down: Hashes, across: Hashes) -> list[Hashes]:
    """Return sums of edges (h, w) in windows, weighted, as drawn and mirrored each way; 0 where there are none."""
    sums = []
    for factors in (across, across[::-1]):
        row = _sum(edges.astype(np.uint64), factors, axis=1)
        row = (row ^ row >> np.uint64(29)) * np.uint64(0xBF58476D1CE4E5B9)  # else the two sums would be one product
        sums += [_sum(row, down, axis=0), _sum(row, down[::-1], axis=0)]
    return sums


def _sum(values: Hashes, factors: Hashes, axis: int) -> Hashes:
    length = values.shape[axis] - len(factors) + 1
    total = np.zeros((length, values.shape[1]) if axis == 0 else (values.shape[0], length), np.uint64)
    for i, factor in enumerate(factors):
        total += factor * (values[i : i + length] if axis == 0 else values[:, i : i + length])
    return total
