"""The parts of a carpet that never mix: its field, the bands of its border along each edge, and the corners."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from studio.designs.structure.borders import Border

FIELD, LEVEL_BAND, UPRIGHT_BAND, CORNER = 1, 2, 3, 4
REGIONS = 5
ANYWHERE = 1e6
BAND_NOISE = 0.5
"""The noise on the bands of a border, as a share of that on the field: their motifs stand closer."""
BAND_HOLD = 0.02


@dataclass(frozen=True, slots=True)
class Orientation:
    """Whether a design is shown upside down, and whether left to right."""

    down: bool = False
    across: bool = False


BARRED = {
    Orientation(): (),
    Orientation(across=True): (UPRIGHT_BAND, CORNER),
    Orientation(down=True): (LEVEL_BAND, CORNER),
    Orientation(down=True, across=True): (LEVEL_BAND, UPRIGHT_BAND, CORNER),
}
"""Regions that an orientation does not serve: a band turned round would show its inner line outside."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How freely the patches of each region move, by the region's number.

    - `noise` (regions,): factor of the noise.
    - `reach` (regions, 2): how far down and across a patch may come from, in knots of the design.
    - `hold` (regions,): how much a patch holds on to its place.
    """

    noise: NDArray[np.float64]
    reach: NDArray[np.float64]
    hold: NDArray[np.float64]


def map_regions(shape: tuple[int, int], border: Border | None) -> NDArray[np.uint8]:
    """Return the region of each knot of a design (h, w)."""
    regions = np.full(shape, FIELD, np.uint8)
    if border is None:
        return regions
    height, width = shape
    rows = slice(border.top_px, height - border.bottom_px)
    columns = slice(border.left_px, width - border.right_px)
    regions[:] = CORNER
    regions[rows, :] = UPRIGHT_BAND
    regions[:, columns] = LEVEL_BAND
    regions[rows, columns] = FIELD
    return regions


def plan_rules(hold: float) -> Rules:
    """Return the rules of a bordered design. Its bands move along their strip only, its corners not at all."""
    noise, held = np.zeros(REGIONS), np.zeros(REGIONS)
    reach = np.full((REGIONS, 2), ANYWHERE)
    noise[FIELD], held[FIELD] = 1.0, hold
    noise[LEVEL_BAND] = noise[UPRIGHT_BAND] = BAND_NOISE
    held[LEVEL_BAND] = held[UPRIGHT_BAND] = BAND_HOLD
    reach[LEVEL_BAND, 0] = reach[UPRIGHT_BAND, 1] = 0
    reach[CORNER] = 0
    return Rules(noise, reach, held)
