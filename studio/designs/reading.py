"""A design read as a loom would: in its own yarns where it has any, else in yarns that suit it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from studio.designs.colour import read_colour
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
    pixels = np.asarray(design.image)
    palette = suggest_palette(pixels, count)
    return IndexMap(snap(pixels, palette), palette)


def take_yarns(design: Design, other: IndexMap) -> IndexMap:
    """Return the design in the yarns of another one, each knot in the nearest that the other uses, under its number."""
    used = other.used()
    nearest = snap(np.asarray(design.image), np.ascontiguousarray(other.palette[used]))
    return IndexMap(used.astype(np.uint8)[nearest], other.palette)


def restore_yarns(index_map: IndexMap, yarns: Sequence[str]) -> IndexMap:
    """Return a woven picture with all yarns (“#rrggbb”) of its record: a file knows them up to the last one in use."""
    return IndexMap(index_map.indices, np.array([read_colour(yarn) for yarn in yarns], dtype=np.uint8))
