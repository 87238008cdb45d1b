"""Measure how far the colours of a picture are from a palette."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from studio.designs.colours.colour_spaces import convert_to_lab, count_colours, measure_difference

OFF_PALETTE_DELTA_E = 5.0
COLOURS_PER_CHUNK = 65_536
"""Keeps each table of colour differences within some tens of megabytes."""


def measure_off_palette_share(
    pixels: NDArray[np.uint8], palette: NDArray[np.uint8], *, limit_delta_e: float = OFF_PALETTE_DELTA_E
) -> float:
    """Return the share, 0 to 1, of pixels (..., 3) farther than `limit_delta_e` (CIEDE2000) from a palette (k, 3).

    Raises `ValueError` for an empty palette or no pixels.
    """
    colours, counts = count_colours(pixels)
    yarns = convert_to_lab(_check_palette(palette))
    if not len(colours):
        raise ValueError("no pixels to compare with the palette")
    off = 0
    for start in range(0, len(colours), COLOURS_PER_CHUNK):
        lab = convert_to_lab(colours[start : start + COLOURS_PER_CHUNK])
        # CIEDE2000 is slow. The nearest yarn by Euclidean distance suffices for most colours; the rest try all yarns.
        nearest = yarns[np.argmin(((lab[:, None] - yarns) ** 2).sum(-1), axis=1)]
        rest = np.flatnonzero(measure_difference(lab, nearest) > limit_delta_e)
        far = measure_difference(lab[rest, None], yarns).min(axis=1, initial=np.inf) > limit_delta_e
        off += int(counts[start + rest[far]].sum())
    return off / int(counts.sum())


def _check_palette(palette: NDArray[np.uint8]) -> NDArray[np.uint8]:
    colours = np.asarray(palette)
    if colours.ndim != 2 or colours.shape[-1] != 3 or not len(colours) or colours.dtype != np.uint8:
        raise ValueError(f"a palette of {colours.dtype} {colours.shape}; give uint8 of (k, 3) with k at least 1")
    return colours
