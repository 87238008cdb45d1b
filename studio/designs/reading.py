"""A design read as a loom would: in its own yarns where it has any, else in yarns that suit it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from studio.designs.colours.colour_spaces import read_colour
from studio.designs.colours.palette import snap, suggest_palette
from studio.designs.files.opening import Design
from studio.designs.index_map import IndexMap, index_colours


def read_index_map(design: Design) -> IndexMap | None:
    """Return the numbers and colours of a design's knots, or None where it is no drawn design but a photo.

    An indexed file keeps its own numbers and its palette in the file's order up to the last entry in use: numbers
    stay, equal entries stay apart, and only unused entries at the end are cut. The colours are those that
    `design.image` shows: see-through entries lie on white, a colour profile is applied. A picture of another kind
    has an index map when it shows at most 64 colours (`index_colours`).
    """
    return design.index_map if design.index_map is not None else index_colours(design.image)


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
