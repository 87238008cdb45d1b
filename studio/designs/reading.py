"""A design read as a loom would: in its own yarns where it has any, else in yarns that suit it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from studio.designs.index_map import IndexMap
from studio.designs.opening import Design
from studio.designs.palette import snap, suggest_palette


def read_yarns(design: Design, count: int | None = None) -> IndexMap:
    """Return the design in its own yarns, or in at most `count` of them.

    A design without yarns of its own, or with more than `count`, is brought into suggested ones (see
    `suggest_palette`); one with fewer keeps those that it has.
    """
    own = design.index_map
    if own is not None and (count is None or count >= len(own.used())):
        return own
    return take_yarns(design, suggest_palette(np.asarray(design.image), count))


def take_yarns(design: Design, palette: NDArray[np.uint8]) -> IndexMap:
    """Return the design in the yarns of a palette (k, 3), each knot in the nearest one."""
    return IndexMap(snap(np.asarray(design.image), palette), palette)
