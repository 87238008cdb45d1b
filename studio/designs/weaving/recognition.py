"""Recognition: which knots of a drawn picture are the design's own, seen through a model's VAE.

A model never sees a design itself but what its VAE keeps of it: lines of one knot come back soft, and between two
yarns lie colours of neither. Where the model left a part alone, that soft view comes back, and the nearest yarns of
it are not the design's. So what was drawn is compared with the view, and where it is the view, the knots are known.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from studio.designs.colours.colour_spaces import spread_in_oklab

REACH_PX = 3
"""Unchanged is judged over this many pixels to each side, so that a motif stays or goes as a whole, not by knots."""
BENEFIT = 1.5
"""Of an unchanged part, the view must be at most this many times as far as the nearest yarns are: noise that the model
left lies upon both, and yarns are chosen freely where the view is one."""
ROUNDING = 1e-8
"""A squared distance (ΔEOK2) that means none: what is left of nothing by sums over a large picture."""
UNLIKE = 16.0
"""A squared distance (ΔEOK2) beyond that of any two colours."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A design as a model sees it: through its VAE and back, `pixels` (h, w, 3) of the size that it draws at.

    `true` (h, w) is where the model was shown the design itself, None for everywhere: edges that do not meet are
    faded before they are varied as a repeat.
    """

    pixels: NDArray[np.uint8]
    true: NDArray[np.bool_] | None = None


def measure_likeness(drawn: NDArray[np.uint8], view: View) -> NDArray[np.float32]:
    """Return the squared distance (ΔEOK2) of what was drawn (h, w, 3) from the view, (h, w); 0 is the view itself.

    Raises `ValueError` for pictures of different sizes.
    """
    if drawn.shape != view.pixels.shape:
        raise ValueError(f"a picture of {drawn.shape} beside a view of {view.pixels.shape}")
    apart = measure_distance(drawn, view.pixels)
    return apart if view.true is None else np.where(view.true, apart, np.float32(UNLIKE))


def measure_distance(drawn: NDArray[np.uint8], wanted: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the squared distance (ΔEOK2) of two pictures (h, w, 3) pixel by pixel, (h, w)."""
    apart = np.empty(drawn.shape[:2], dtype=np.float32)
    for row in range(0, len(drawn), 256):  # in strips: a picture in OKLab takes four times its own memory
        strip = slice(row, row + 256)
        offset = spread_in_oklab(drawn[strip]) - spread_in_oklab(wanted[strip])
        apart[strip] = np.einsum("hwc,hwc->hw", offset, offset)
    return apart


def find_unchanged(likeness: NDArray[np.float32], distances: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return where (h, w) a picture is the design as the model sees it, judged over a neighbourhood.

    `likeness` is the squared distance from the view, `distances` that from the nearest yarns.
    """
    return _average(likeness) <= BENEFIT * _average(distances) + ROUNDING


def _average(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the mean over a square of `REACH_PX` to each side; outside the picture its edge goes on."""
    side = 2 * REACH_PX + 1
    sums = np.pad(values, REACH_PX, mode="edge").astype(np.float64).cumsum(axis=0).cumsum(axis=1)
    sums = np.pad(sums, ((1, 0), (1, 0)))
    return (sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]) / side**2
