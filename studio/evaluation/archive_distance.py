"""The distance of a set of pictures to an archive, free of the bias that small samples have, with its floor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from studio.designs.colours.colour_spaces import Floats
from studio.evaluation.intervals import LEVEL, Counts, Estimate, estimate
from studio.evaluation.patches import measure_gaps

LEAST_ARCHIVE = 4
"""An archive is halved for its floor; each half needs pairs of designs."""
SPLITS = 400
LEAST_UNIT = 1e-6

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Floor:
    """The distance of one half of an archive to the other, over random halves: mean, and where 95 % of them lie.

    The mean is 0 but for chance. A set whose distance lies in the range cannot be told from the archive itself by it.
    """

    mean: float
    low: float
    high: float
    designs: int


@dataclass(frozen=True, slots=True, eq=False)
class Archive:
    """An archive of designs in one kind of patches: `features` (m, f), `weights` (f,), `gaps` (m, m) between them."""

    features: Floats = field(repr=False)
    weights: Floats = field(repr=False)
    gaps: Matrix = field(repr=False)

    @property
    def spread(self) -> float:
        """The mean gap between patches of two different designs."""
        return _mean_apart(self.gaps, np.ones(len(self.gaps)))

    @property
    def unit(self) -> float:
        """The mean distance of one design to another: twice the gap between designs less that within them."""
        return 2 * (self.spread - float(np.diag(self.gaps).mean()))


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """A set compared with an archive: mean gaps of each design to the archive (n,), within the set (n, n)."""

    to_archive: NDArray[np.float64] = field(repr=False)
    within: Matrix = field(repr=False)
    spread: float
    unit: float

    def measure(self, counts: Counts) -> float:
        """Return the distance if design i counts counts[i] times.

        NaN where only one design is left, and for an archive of one drawing over and over, which has no unit.
        """
        if self.unit <= LEAST_UNIT:
            return float("nan")
        across = float(counts @ self.to_archive / counts.sum())
        return (2 * across - _mean_apart(self.within, counts) - self.spread) / self.unit


def read_archive(features: Sequence[Floats], weights: Floats) -> Archive:
    """Return an archive of the features of its designs. Raises `ValueError` for fewer than two designs."""
    if len(features) < 2:
        raise ValueError(f"an archive of {len(features)} designs; give at least 2")
    stacked = np.stack(features)
    return Archive(stacked, weights, measure_gaps(weights, stacked, stacked))


def compare(archive: Archive, features: Sequence[Floats], own: Sequence[int | None]) -> Compared:
    """Return a set compared with an archive.

    `features` has one entry for each source design: that of its variations taken together. `own` has the number of
    the archive's design that is the source, None where the archive does not have it: a variation is like its source,
    which would say nothing of the archive, so the two are not compared.
    """
    stacked = np.stack(features)
    gaps = measure_gaps(archive.weights, stacked, archive.features)
    others = np.ones(gaps.shape)
    for row, left_out in enumerate(own):
        if left_out is not None:
            others[row, left_out] = 0
    to_archive = (gaps * others).sum(axis=1) / others.sum(axis=1)
    return Compared(to_archive, measure_gaps(archive.weights, stacked, stacked), archive.spread, archive.unit)


def measure_distance(compared: Compared, *, level: float = LEVEL) -> Estimate | None:
    """Return the distance of a set to its archive: 0 where its patches are distributed as the archive's are, 1 where
    it is as far from them as one design of the archive is from another.

    It is (2 X - W - S) / U with the mean gaps of patches across (X), within the set (W) and within the archive (S),
    each over pairs of different designs only: so the number of designs and of patches does not change what is expected,
    and by chance it can be below 0. U is the archive's `unit`. The interval is over source designs; the archive is
    taken as it is. None for fewer than two designs.
    """
    count = len(compared.to_archive)
    return None if count < 2 else estimate(compared.measure, count, level=level)


def measure_distance_difference(one: Compared, other: Compared, *, level: float = LEVEL) -> Estimate | None:
    """Return the distance of `one` less that of `other`, sets of variations of the same designs in the same order."""
    count = len(one.to_archive)
    if count != len(other.to_archive):
        raise ValueError(f"sets of {count} and {len(other.to_archive)} designs; give the same designs")
    if count < 2:
        return None
    return estimate(lambda counts: one.measure(counts) - other.measure(counts), count, level=level)


def measure_floor(archive: Archive, *, seed: int = 0) -> Floor | None:
    """Return the archive's own floor, None for fewer than four designs or where all are one drawing."""
    count = len(archive.gaps)
    if count < LEAST_ARCHIVE or archive.unit <= LEAST_UNIT:
        return None
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(SPLITS):
        order = rng.permutation(count)
        half, rest = order[: count // 2], order[count // 2 :]
        across = archive.gaps[np.ix_(half, rest)].mean()
        inside = [_mean_apart(archive.gaps[np.ix_(part, part)], np.ones(len(part))) for part in (half, rest)]
        found.append((2 * across - sum(inside)) / archive.unit)
    low, high = np.quantile(found, [0.025, 0.975])
    return Floor(float(np.mean(found)), float(low), float(high), count)


def _mean_apart(gaps: Matrix, counts: Counts) -> float:
    """Return the mean of gaps (n, n) over pairs of different designs, each as often as it counts; NaN without pairs."""
    pairs = np.outer(counts, counts)
    np.fill_diagonal(pairs, 0)
    total = pairs.sum()
    return float((pairs * gaps).sum() / total) if total > 0 else float("nan")
