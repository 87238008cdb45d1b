"""Recognition: find the parts of a drawn picture in which the model left the design unchanged.

A model's input is the design as its VAE reconstructs it: lines of one knot are soft, and edges between two yarns have
the colours of neither. An unchanged part equals this reconstruction, the view, whose nearest yarns are not the design's
knots. So the picture is compared with the view; where both are equal, the knots are the design's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from studio.designs.colours.colour_spaces import spread_in_oklab

WINDOW_RADIUS_PX = 3
"""Distances are averaged over a window that extends this far to each side, so that a motif is kept or changed as a
whole and not knot by knot."""
VIEW_TOLERANCE = 1.5
"""In an unchanged part the mean squared distance from the view is at most this many times that from the nearest yarns:
noise left by the model adds to both distances, but less to the second, since the nearest yarns follow the noise."""
ROUNDING = 1e-8
"""The rounding error of a squared distance (ΔEOK2) of 0, summed over a large picture."""
FAR = 16.0
"""A squared distance (ΔEOK2) greater than that of any two colours."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A design after encoding and decoding by the model's VAE: `pixels` (h, w, 3) at the model's working size.

    `valid` (h, w) is true where the model's input was the design itself, None for everywhere. Edges of a repeat that
    do not meet are blended before it is varied, and are not valid.
    """

    pixels: NDArray[np.uint8]
    valid: NDArray[np.bool_] | None = None


def measure_view_distance(drawn: NDArray[np.uint8], view: View) -> NDArray[np.float32]:
    """Return the squared distance (ΔEOK2) of a drawn picture (h, w, 3) from the view, (h, w), FAR where not valid.

    Raises `ValueError` for pictures of different sizes.
    """
    if drawn.shape != view.pixels.shape:
        raise ValueError(f"a picture of {drawn.shape} beside a view of {view.pixels.shape}")
    distances = measure_distance(drawn, view.pixels)
    return distances if view.valid is None else np.where(view.valid, distances, np.float32(FAR))


def measure_distance(drawn: NDArray[np.uint8], wanted: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the squared distance (ΔEOK2) between two pictures (h, w, 3), pixel by pixel, (h, w)."""
    distances = np.empty(drawn.shape[:2], dtype=np.float32)
    for row in range(0, len(drawn), 256):  # in strips: OKLab in float32 takes four times a picture's memory
        strip = slice(row, row + 256)
        offset = spread_in_oklab(drawn[strip]) - spread_in_oklab(wanted[strip])
        distances[strip] = np.einsum("hwc,hwc->hw", offset, offset)
    return distances


def find_unchanged(view_distances: NDArray[np.float32], yarn_distances: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return a mask (h, w) of the unchanged parts of a picture.

    Both arguments are squared distances (h, w): from the view and from the nearest yarns.
    """
    return _average(view_distances) <= VIEW_TOLERANCE * _average(yarn_distances) + ROUNDING


def _average(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the mean over a window of `WINDOW_RADIUS_PX` to each side; the picture's edge is extended outwards."""
    side = 2 * WINDOW_RADIUS_PX + 1
    sums = np.pad(values, WINDOW_RADIUS_PX, mode="edge").astype(np.float64).cumsum(axis=0).cumsum(axis=1)
    sums = np.pad(sums, ((1, 0), (1, 0)))
    totals: NDArray[np.float64] = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    return totals / side**2
