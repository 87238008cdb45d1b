"""The density of a cloth in knots per metre, as files store it."""

from __future__ import annotations

import math
from dataclasses import dataclass

METRES_PER_INCH = 0.0254
DENSITY_LIMIT = 100_000
"""Knots per metre, ten times finer than any cloth: a greater value is in a wrong unit."""
FINEST_CLOTH = 2_000
"""Knots per metre of the finest silk carpets, and more. The 72 dots per inch that programs write unasked are 2835."""


@dataclass(frozen=True, slots=True)
class Density:
    """Knots per metre: reeds across the width, picks along the length.

    PNG and BMP store whole pixels per metre, so that other values are rounded there. Raises `ValueError` outside 1 to
    100 000.
    """

    reeds_per_metre: float
    picks_per_metre: float

    def __post_init__(self) -> None:
        for name, value in (("reeds", self.reeds_per_metre), ("picks", self.picks_per_metre)):
            if not math.isfinite(value) or not 1 <= value <= DENSITY_LIMIT:
                raise ValueError(f"{value:g} {name} per metre; give 1 to {DENSITY_LIMIT}, such as 700")

    @property
    def dpi(self) -> tuple[float, float]:
        """Knots per inch, across and along."""
        return self.reeds_per_metre * METRES_PER_INCH, self.picks_per_metre * METRES_PER_INCH

    @property
    def whole(self) -> bool:
        """Whether both are whole numbers, which files store exactly."""
        return self.reeds_per_metre == round(self.reeds_per_metre) and self.picks_per_metre == round(
            self.picks_per_metre
        )

    @property
    def of_cloth(self) -> bool:
        """Whether a carpet can be woven so; a picture's density is that of a screen or of a print otherwise."""
        return max(self.reeds_per_metre, self.picks_per_metre) <= FINEST_CLOTH

    def __str__(self) -> str:
        if not self.of_cloth:
            across, along = (f"{round(dots, 1):g}" for dots in self.dpi)
            return f"{across} x {along} dots per inch, of a screen or a print"
        return f"{self.reeds_per_metre:g} x {self.picks_per_metre:g} knots per metre"


def read_density(reeds_per_metre: float, picks_per_metre: float) -> Density | None:
    """Return the density that a file states, or None for values that no cloth has, such as 0 for “not stated”."""
    try:
        # Dots per inch and per centimetre give 699.9999…: files hold no finer steps than a thousandth.
        return Density(round(float(reeds_per_metre), 3), round(float(picks_per_metre), 3))
    except (ValueError, OverflowError):
        return None
