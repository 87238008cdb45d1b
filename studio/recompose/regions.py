"""The parts of a carpet that never mix: its field, the bands of its border along each edge, and the corners.

Motifs on an axis of symmetry are a part too: half of another motif, mirrored there, would be no motif.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from studio.designs.structure.borders import Border

FIELD, LEVEL_BAND, UPRIGHT_BAND, CORNER = 1, 2, 3, 4
"""The regions of a design."""
ON_UPRIGHT_AXIS, ON_LEVEL_AXIS, STEADY = 5, 6, 7
"""Labels of patches that lie across an axis: those of the field move along it. Where two axes cross, and where one
crosses a band of the border, they stay."""
LABELS = 8
ANYWHERE = 1e6
FIRM_HOLD, LOOSE_HOLD = 1.0, 0.02
"""How much motifs of the field hold on to their place in a subtle variation and in a strong one."""
FIRM_BAND_NOISE, LOOSE_BAND_NOISE = 0.3, 0.7
"""The noise on the bands of a border in both, as a share of that on the field: their motifs stand closer."""
BAND_HOLD = 0.02


@dataclass(frozen=True, slots=True)
class Orientation:
    """Whether a design is shown upside down, and whether left to right."""

    down: bool = False
    across: bool = False


BARRED = {
    Orientation(): (),
    Orientation(across=True): (UPRIGHT_BAND, CORNER, ON_UPRIGHT_AXIS, STEADY),
    Orientation(down=True): (LEVEL_BAND, CORNER, ON_LEVEL_AXIS, STEADY),
    Orientation(down=True, across=True): (LEVEL_BAND, UPRIGHT_BAND, CORNER, ON_UPRIGHT_AXIS, ON_LEVEL_AXIS, STEADY),
}
"""Labels that an orientation does not serve: a band turned round would show its inner line outside."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How freely patches move, by their label.

    - `noise` (labels,): factor of the noise on a region.
    - `reach` (labels, 2): how far down and across a patch may come from, in knots of the design.
    - `hold` (labels,): how much a patch holds on to its place.
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


def label_axes(labels: NDArray[np.uint8], beyond: tuple[int, int, int, int]) -> None:
    """Set the labels of patches (rows, columns) across an axis, by their regions.

    `beyond` are the patches that reach beyond the top, left, bottom and right edge, which must be axes.
    """
    top, left, bottom, right = beyond
    rows, columns = (np.arange(side) for side in labels.shape)
    level = ((rows < top) | (rows >= len(rows) - bottom))[:, None]
    upright = ((columns < left) | (columns >= len(columns) - right))[None]
    field = labels == FIELD
    steady = (labels == LEVEL_BAND) & upright | (labels == UPRIGHT_BAND) & level | field & level & upright
    labels[field & level] = ON_LEVEL_AXIS
    labels[field & upright] = ON_UPRIGHT_AXIS
    labels[steady] = STEADY


def find_ground(labels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return which patches of these labels lie within the border."""
    return np.isin(labels, (FIELD, ON_UPRIGHT_AXIS, ON_LEVEL_AXIS))


def plan_rules(free: float) -> Rules:
    """Return the rules of a bordered design. Its bands move along their strip only, its corners not at all.

    `free`, 0 to 1, is how freely motifs move.
    """
    noise, held = np.zeros(LABELS), np.zeros(LABELS)
    reach = np.full((LABELS, 2), ANYWHERE)
    noise[FIELD] = 1.0
    held[[FIELD, ON_UPRIGHT_AXIS, ON_LEVEL_AXIS]] = FIRM_HOLD * (LOOSE_HOLD / FIRM_HOLD) ** free
    noise[[LEVEL_BAND, UPRIGHT_BAND]] = FIRM_BAND_NOISE + (LOOSE_BAND_NOISE - FIRM_BAND_NOISE) * free
    held[LEVEL_BAND] = held[UPRIGHT_BAND] = BAND_HOLD
    reach[[LEVEL_BAND, ON_LEVEL_AXIS], 0] = reach[[UPRIGHT_BAND, ON_UPRIGHT_AXIS], 1] = 0
    reach[[CORNER, STEADY]] = 0
    return Rules(noise, reach, held)
