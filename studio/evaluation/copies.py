"""Whether a variation is one at all: how much of its design it repeats, knot by knot."""

from __future__ import annotations

import numpy as np
from PIL import Image

from studio.designs.colours.colour_spaces import Floats, convert_to_lab, measure_difference
from studio.designs.index_map import IndexMap

COPY_SHARE = 0.97
"""From this share of equal knots on, a variation is its design with a few knots moved."""
UNSEEN_DIFFERENCE = 2.0
"""CIEDE2000 up to which two places of a picture pass for the same."""
COMPARED_PX = 256
"""Longer side at which pictures without common yarns are compared."""


def measure_copy(source: IndexMap, variation: IndexMap) -> float | None:
    """Return the share of knots, 0 to 1, in which a variation has its design's own yarn.

    None where that would say nothing: other yarns, another size, or a design of a single yarn.
    """
    same_yarns = np.array_equal(source.palette[: len(variation.palette)], variation.palette[: len(source.palette)])
    if not same_yarns or source.indices.shape != variation.indices.shape or len(source.used()) < 2:
        return None
    return float((source.indices == variation.indices).mean())


def glance(picture: Image.Image) -> Floats:
    """Return an RGB picture as it looks at 256 px, in CIELab (h, w, 3): small enough to be kept beside others."""
    scale = min(1.0, COMPARED_PX / max(picture.size))
    size = tuple(max(1, round(side * scale)) for side in picture.size)
    return convert_to_lab(np.asarray(picture.resize(size, Image.Resampling.BOX)))


def measure_sameness(source: Floats, variation: Floats) -> float | None:
    """Return the share of places, 0 to 1, in which a variation looks like its design, where knots say nothing.

    Both as `glance` returns them: what a photo's grain does is no change. None for another form, or a plain design.
    """
    if source.shape != variation.shape or np.ptp(source, axis=(0, 1)).max() < UNSEEN_DIFFERENCE:
        return None
    return float((measure_difference(source, variation) <= UNSEEN_DIFFERENCE).mean())
