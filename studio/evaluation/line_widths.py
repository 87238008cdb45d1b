"""The widths of drawn lines, in knots: how a design's lines are distributed over widths."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from studio.designs.weaving.orphans import find_orphans

WIDEST = 12
"""Wider parts are ground and areas, not lines."""

Knots = NDArray[np.uint8]
Shares = NDArray[np.float64]


def measure_line_widths(knots: Knots) -> Shares | None:
    """Return the share of lines of each width from 1 to 12 knots, shape (12,), of knots (h, w); sums to 1.

    A knot's width is the shorter of the two runs of its yarn that it lies in, along its row and along its column. Each
    width counts by its knots divided by the width, so by the length of the lines. Stray knots are no lines. None where
    there are no lines.
    """
    width = np.minimum(_measure_runs(knots), _measure_runs(knots.T).T)
    lines = width[(width <= WIDEST) & ~find_orphans(knots)]
    lengths = np.bincount(lines, minlength=WIDEST + 1)[1:] / np.arange(1, WIDEST + 1)
    total = lengths.sum()
    return lengths / total if total > 0 else None


def measure_mean_width(shares: Shares) -> float:
    """Return the mean width of lines, in knots, from the shares of their widths (12,)."""
    return float(shares @ np.arange(1, WIDEST + 1))


def measure_width_gap(shares: Shares, archive: Sequence[Shares]) -> float | None:
    """Return how far widths (12,) are from the mean distribution of an archive's, in knots: 0 for equal ones.

    It is the least mean change of width that makes the one distribution the other (Wasserstein's distance). None for
    an empty archive.
    """
    if not archive:
        return None
    return float(np.abs(np.cumsum(shares - np.mean(archive, axis=0))).sum())


def _measure_runs(knots: Knots) -> NDArray[np.int64]:
    """Return for each of the knots (h, w) the length of the run of its yarn in its row."""
    begins = np.ones(knots.shape, bool)
    begins[:, 1:] = knots[:, 1:] != knots[:, :-1]
    first = np.flatnonzero(begins)
    lengths = np.diff(first, append=begins.size)
    return np.repeat(lengths, lengths).reshape(knots.shape)
