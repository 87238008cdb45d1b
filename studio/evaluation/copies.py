"""Whether a variation is one at all: how much of its design it repeats, knot by knot."""

from __future__ import annotations

import numpy as np

from studio.designs.index_map import IndexMap

COPY_SHARE = 0.97
"""From this share of equal knots on, a variation is its design with a few knots moved."""


def measure_copy(source: IndexMap, variation: IndexMap) -> float | None:
    """Return the share of knots, 0 to 1, in which a variation has its design's own yarn.

    None where that would say nothing: other yarns, another size, or a design of a single yarn.
    """
    same_yarns = np.array_equal(source.palette[: len(variation.palette)], variation.palette[: len(source.palette)])
    if not same_yarns or source.indices.shape != variation.indices.shape or len(source.used()) < 2:
        return None
    return float((source.indices == variation.indices).mean())
