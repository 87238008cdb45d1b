"""Detect copies: the share of a variation that equals its source design."""

from __future__ import annotations

import numpy as np
from PIL import Image

from studio.designs.colours.colour_spaces import Floats, convert_to_lab, measure_difference
from studio.designs.index_map import IndexMap

COPY_SHARE = 0.97
"""From this share of equal knots a variation counts as a copy with a few knots changed."""
INVISIBLE_DELTA_E = 2.0
"""CIEDE2000 up to which two pixels look the same."""
COMPARED_PX = 256
"""Longer side at which pictures without a common palette are compared."""


def measure_copy(source: IndexMap, variation: IndexMap) -> float | None:
    """Return the share of knots, 0 to 1, with the same palette index in the source and in the variation.

    Return None if the two have different palettes or sizes, or if the source uses a single yarn.
    """
    same_yarns = np.array_equal(source.palette[: len(variation.palette)], variation.palette[: len(source.palette)])
    if not same_yarns or source.indices.shape != variation.indices.shape or len(source.used()) < 2:
        return None
    return float((source.indices == variation.indices).mean())


def shrink_to_lab(picture: Image.Image) -> Floats:
    """Return an RGB picture in CIELab (h, w, 3), shrunk to a longer side of at most 256 px to save memory."""
    scale = min(1.0, COMPARED_PX / max(picture.size))
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return convert_to_lab(np.asarray(picture.resize(size, Image.Resampling.BOX)))


def measure_sameness(source: Floats, variation: Floats) -> float | None:
    """Return the share of pixels, 0 to 1, that look the same in the source and in the variation.

    For pictures that `measure_copy` cannot compare. Both come from `shrink_to_lab`, which averages out the grain of
    photographs. Return None if their sizes differ or if the source has a single colour.
    """
    if source.shape != variation.shape or np.ptp(source, axis=(0, 1)).max() < INVISIBLE_DELTA_E:
        return None
    return float((measure_difference(source, variation) <= INVISIBLE_DELTA_E).mean())
