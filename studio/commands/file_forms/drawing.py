"""The drawing of all forms: its knots, its yarns, and what a reader should see."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 40, 48
YARNS = np.array([[176, 36, 40], [240, 226, 196], [24, 44, 92], [196, 150, 60], [44, 84, 60]], np.uint8)
GREYS = np.array([[0] * 3, [51] * 3, [102] * 3, [187] * 3, [238] * 3], np.uint8)
"""Multiples of 17, which 4 bits hold exactly."""
WHITE = 255
CLEAR = 2
"""The yarn that is transparent in the forms that have one."""


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """A file and what it shows.

    `shows` is uint8 (height, width, 3), or None for a file that has to be refused. `numbers`: the file holds yarn
    numbers, those of `draw_knots`, so that they have to be kept; `entries` is the length of its palette where that
    has to be kept. `density` is in knots per metre. `media_type` is set for forms that a browser is asked about too.
    `tolerance` is the greatest difference of a channel, for conversions that readers round differently.
    """

    kind: str
    title: str
    data: bytes
    shows: NDArray[np.uint8] | None
    numbers: bool = False
    entries: int | None = None
    density: tuple[float, float] | None = None
    media_type: str | None = None
    tolerance: int = 0


def draw_knots(yarns: int = 5) -> NDArray[np.uint8]:
    """Draw slanting stripes and blocks without symmetry, so that a turned or shifted reading is wrong."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    knots: NDArray[np.uint8] = ((x // 5 + 2 * (y // 7) + (x * y > 700)) % yarns).astype(np.uint8)
    return knots


def colour(palette: NDArray[np.uint8] = YARNS, *, clear: int | None = None, yarns: int = 5) -> NDArray[np.uint8]:
    """Return the drawing in a palette, with one yarn white where it is transparent."""
    shown = palette.copy()
    if clear is not None:
        shown[clear] = WHITE
    pixels: NDArray[np.uint8] = shown[draw_knots(yarns)]
    return pixels


def apply_gamma(values: NDArray[np.uint8], exponent: float) -> NDArray[np.uint8]:
    """Return values in sRGB whose light is the value raised to an exponent (IEC 61966-2-1)."""
    light = (values / 255) ** exponent
    encoded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    values_in_srgb: NDArray[np.uint8] = np.rint(255 * encoded).astype(np.uint8)
    return values_in_srgb
