"""How the colours of a picture compare with a palette, and two palettes with one another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from studio.designs.colours.colour_spaces import Floats, convert_to_lab, count_colours, measure_difference

OFF_PALETTE_DELTA_E = 5.0
ROWS_AT_ONCE = 65_536
"""Colours compared at once: keeps the tables of differences within some tens of megabytes."""


def measure_off_palette_share(
    pixels: NDArray[np.uint8], palette: NDArray[np.uint8], *, limit_delta_e: float = OFF_PALETTE_DELTA_E
) -> float:
    """Return the share, 0 to 1, of pixels (..., 3) farther than a CIEDE2000 of 5 from every colour of a palette (k, 3).

    Raises `ValueError` for an empty palette or no pixels.
    """
    colours, counts = count_colours(pixels)
    yarns = convert_to_lab(_check_palette(palette))
    if not len(colours):
        raise ValueError("no pixels to compare with the palette")
    off = 0
    for start in range(0, len(colours), ROWS_AT_ONCE):
        lab = convert_to_lab(colours[start : start + ROWS_AT_ONCE])
        # The plain distance in Lab finds a likely yarn at once; only colours far from that one are compared with all.
        likely = yarns[np.argmin(((lab[:, None] - yarns) ** 2).sum(-1), axis=1)]
        left = np.flatnonzero(measure_difference(lab, likely) > limit_delta_e)
        far = measure_difference(lab[left, None], yarns).min(axis=1, initial=np.inf) > limit_delta_e
        off += int(counts[start + left[far]].sum())
    return off / int(counts.sum())


def measure_palette_distance(
    palette_a: NDArray[np.uint8], shares_a: Floats, palette_b: NDArray[np.uint8], shares_b: Floats
) -> float:
    """Return how far two palettes lie apart in CIEDE2000, each colour weighted by its share; 0 for the same colours.

    Half the sum of the mean distances to the nearest colour of the other palette, both ways. Palettes are uint8
    (k, 3), shares (k,) of any sum above 0. Raises `ValueError` for empty palettes or shares that do not fit.
    """
    difference = measure_difference(
        convert_to_lab(_check_palette(palette_a))[:, None], convert_to_lab(_check_palette(palette_b))
    )
    return (_average(difference.min(axis=1), shares_a) + _average(difference.min(axis=0), shares_b)) / 2


def _average(distances: Floats, shares: Floats) -> float:
    weights = np.asarray(shares, dtype=np.float64)
    if weights.shape != distances.shape or not weights.sum() > 0 or (weights < 0).any():
        raise ValueError(f"{weights.shape} shares for {distances.shape} colours; give one share from 0 on for each")
    return float((distances * weights).sum() / weights.sum())


def _check_palette(palette: NDArray[np.uint8]) -> NDArray[np.uint8]:
    colours = np.asarray(palette)
    if colours.ndim != 2 or colours.shape[-1] != 3 or not len(colours) or colours.dtype != np.uint8:
        raise ValueError(f"a palette of {colours.dtype} {colours.shape}; give uint8 of (k, 3) with k at least 1")
    return colours
