"""Designs as index maps: in their own yarns, in suggested ones, or in those of another design."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from studio.designs.colours.colour_spaces import Colour, format_colour, read_colour
from studio.designs.colours.palette import snap, suggest_palette
from studio.designs.files.opening import Design
from studio.designs.index_map import IndexMap, index_colours


def read_index_map(design: Design) -> IndexMap | None:
    """Return the exact index map of a design, or None for a picture of more than 64 colours, such as a photo.

    An indexed file keeps its indices and its palette in the file's order, equal entries included; only unused entries
    at the end are cut. The colours are those of `design.image`: transparent entries on white, the colour profile
    applied. Any other picture has an index map where it has at most 64 colours (`index_colours`).
    """
    return design.index_map if design.index_map is not None else index_colours(design.image)


def read_yarns(design: Design, count: int | None = None) -> IndexMap:
    """Return the design in its own yarns, or in at most `count` yarns.

    A design without yarns of its own, or with more than `count`, is quantised to suggested yarns (`suggest_palette`);
    one with at most `count` keeps its own.
    """
    own = design.index_map
    if own is not None and (count is None or count >= len(own.used())):
        return own
    pixels = np.asarray(design.image)
    palette = suggest_palette(pixels, count)
    return IndexMap(snap(pixels, palette), palette)


def take_yarns(design: Design, other: IndexMap) -> IndexMap:
    """Return the design with another index map's palette, each knot in the nearest yarn that the other one uses."""
    used = other.used()
    nearest = snap(np.asarray(design.image), np.ascontiguousarray(other.palette[used]))
    return IndexMap(used.astype(np.uint8)[nearest], other.palette)


def restore_yarns(index_map: IndexMap, yarns: Sequence[str]) -> IndexMap:
    """Return an index map with the full palette (“#rrggbb”) of its record: files end at the last entry in use."""
    return IndexMap(index_map.indices, np.array([read_colour(yarn) for yarn in yarns], dtype=np.uint8))


def name_yarn(number: int, colour: Colour) -> str:
    """Return a yarn as everything names it, such as “yarn 3, #aa2211”: `number` is its index in the file, from 0.

    Looms and their software call a yarn by this number, so no page or command counts in another way.
    """
    return f"yarn {number}, {format_colour(colour)}"
