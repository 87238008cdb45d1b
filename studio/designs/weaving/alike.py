"""Knots that changed only between yarns that look alike: no eye sees them as drawn anew."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from studio.designs.colours.palette import NEAR_DELTA_E, find_near_yarns
from studio.designs.index_map import ROWS_AT_ONCE

ALIKE_DELTA_E = NEAR_DELTA_E
"""Yarns closer than this CIEDE2000 look alike beside one another in a cloth."""


def measure_alike(before: NDArray[np.uint8], after: NDArray[np.uint8], palette: NDArray[np.uint8]) -> float:
    """Return the share of knots (h, w) that differ, but only between yarns (k, 3) that look alike (CIEDE2000 < 3).

    Both are in the same yarns. Raises `ValueError` for a palette that is none.
    """
    pairs = find_near_yarns(palette, ALIKE_DELTA_E)
    if not pairs:
        return 0.0
    near = np.zeros((256, 256), dtype=bool)
    for first, second, _ in pairs:
        near[first, second] = near[second, first] = True
    count = 0
    for start in range(0, len(before), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        count += int(np.count_nonzero(near[before[rows], after[rows]]))
    return count / before.size
