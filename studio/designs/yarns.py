"""Designs as index maps: in their own yarns, in suggested ones, or in those of another design."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from studio.designs.colours.colour_spaces import (
    Colour,
    convert_to_lab,
    format_colour,
    measure_difference,
    read_colour,
)
from studio.designs.colours.palette import NEAR_DELTA_E, snap, suggest_palette
from studio.designs.files.opening import Design
from studio.designs.index_map import IndexMap, index_colours

SERVED_SAMPLE = 200_000


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


def merge_alike(index_map: IndexMap, limit_delta_e: float = NEAR_DELTA_E) -> IndexMap:
    """Return an index map in which no two yarns in use look alike: closer than a CIEDE2000 of `limit_delta_e`.

    In order of falling share each yarn is kept, or its knots take the yarn kept before that is nearest to it. The
    palette and all numbers stay; merged yarns are unused.
    """
    lab = convert_to_lab(index_map.palette / 255)
    table = np.arange(len(lab), dtype=np.uint8)
    kept: list[int] = []
    for yarn in np.argsort(-index_map.shares(), kind="stable"):
        gaps = measure_difference(lab[kept], lab[yarn])
        if kept and gaps.min() < limit_delta_e:
            table[yarn] = kept[int(gaps.argmin())]
        else:
            kept.append(int(yarn))
    return index_map.with_indices(table[index_map.indices])


def measure_worst_served(pixels: NDArray[np.uint8], index_map: IndexMap) -> float:
    """Return the mean CIEDE2000 of a picture (h, w, 3) to its knots, over the tenth of the knots with the greatest.

    Measured on about 200 000 evenly spaced knots.
    """
    step = max(1, index_map.indices.size // SERVED_SAMPLE)
    seen, knots = pixels.reshape(-1, 3)[::step], index_map.indices.ravel()[::step]
    gaps = measure_difference(convert_to_lab(seen / 255), convert_to_lab(index_map.palette / 255)[knots])
    gaps.sort()
    return float(gaps[-max(1, len(gaps) // 10) :].mean())


def name_yarn(number: int, colour: Colour) -> str:
    """Return a yarn as everything names it, such as “yarn 3, #aa2211”: `number` is its index in the file, from 0.

    Looms and their software call a yarn by this number, so no page or command counts in another way.
    """
    return f"yarn {number}, {format_colour(colour)}"
