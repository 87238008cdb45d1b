"""Inspection of a design: its yarns, symmetry, border, repeat and stray knots, in figures and in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from studio.designs.colours.colour_spaces import format_colour
from studio.designs.colours.palette import find_near_yarns, suggest_palette
from studio.designs.files.density import Density
from studio.designs.files.opening import Design
from studio.designs.index_map import EXACT_LIMIT, IndexMap, list_colours
from studio.designs.structure.borders import Border, find_border
from studio.designs.structure.repeat import Repeat, Seams, find_repeat, measure_seams
from studio.designs.structure.symmetry import Axis, find_axis, is_symmetric
from studio.designs.weaving.orphans import measure_orphan_share
from studio.designs.yarns import measure_worst_served, read_yarns

_DIRECTIONS = {"vertical": "left to right", "horizontal": "top to bottom"}
_SIDES = {"vertical": ("left of", "right of"), "horizontal": ("above", "below")}


@dataclass(frozen=True, slots=True)
class Inspection:
    """The figures of one design.

    `colours` is the number of colours that occur. `indexed`: every pixel is exactly one of `palette`. Otherwise the
    picture is quantised to suggested yarns, and all figures but `colours` and `seams` are those of the quantised
    picture. `suggested` is the number of yarns that the picture could be woven in, None where its own colours are few
    enough to be its yarns. `palette` has one (r, g, b) per yarn in the file's order; `shares` sums to 1; both include
    unused entries. `seams` is measured on the pixels; it is None for a design with a border, which is not a repeat.
    `near_yarns` are the pairs (lower index, higher index, CIEDE2000) of nearly equal yarns that both occur.
    `worst_served` is the mean CIEDE2000 between picture and yarns over the worst tenth of the knots, None where every
    pixel is a yarn. `density` is the file's own, None where it states none. `unused_at_end` are the colours of its
    table behind the last one in use, which `palette` leaves out.
    """

    width_px: int
    height_px: int
    mode: str
    colours: int
    indexed: bool
    suggested: int | None
    palette: tuple[tuple[int, int, int], ...] = field(repr=False)
    shares: tuple[float, ...] = field(repr=False)
    vertical: Axis
    horizontal: Axis
    orphan_share: float
    seams: Seams | None
    border: Border | None
    repeat: Repeat | None
    near_yarns: tuple[tuple[int, int, float], ...]
    worst_served: float | None = None
    density: Density | None = None
    unused_at_end: tuple[tuple[int, int, int], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the figures for `json.dumps`: colours as #rrggbb, None for figures that do not apply."""
        return {
            "width": self.width_px,
            "height": self.height_px,
            "mode": self.mode,
            "colours": self.colours,
            "indexed": self.indexed,
            "suggested": self.suggested,
            "palette": [format_colour(colour) for colour in self.palette],
            "shares": list(self.shares),
            "symmetry": {
                axis.direction: {"offset": axis.offset, "agreement": axis.agreement, "kappa": axis.kappa}
                for axis in (self.vertical, self.horizontal)
            },
            "orphan_share": self.orphan_share,
            "seam_ratio": {
                "horizontal": self.seams and self.seams.horizontal,
                "vertical": self.seams and self.seams.vertical,
            },
            "border": self.border and asdict(self.border),
            "repeat": self.repeat and asdict(self.repeat),
            "near_yarns": [
                {"yarns": [first, second], "delta_e": difference} for first, second, difference in self.near_yarns
            ],
            "worst_served_tenth": self.worst_served,
            "density": self.density and {**asdict(self.density), "of_cloth": self.density.of_cloth},
            "unused_at_end": [format_colour(colour) for colour in self.unused_at_end],
        }


FINDING_YARNS, FINDING_STRUCTURE = "Finding the yarns", "Finding repeat and symmetry"


def inspect_design(design: Design, begin: Callable[[str], None] = lambda _stage: None) -> Inspection:
    """Return the figures of a design; one without yarns of its own is quantised to suggested yarns.

    `begin` is called with `FINDING_YARNS`, then with `FINDING_STRUCTURE`; what it raises ends the work.
    """
    # 1. Yarns: the file's own or suggested ones.
    begin(FINDING_YARNS)
    pixels = np.asarray(design.image)
    indexed = design.index_map is not None
    index_map = read_yarns(design)
    indices = index_map.indices
    shares = index_map.shares()
    begin(FINDING_STRUCTURE)
    # 2. Structure. A bordered design is not a repeat, even where its edges match.
    border = find_border(indices)
    repeat = find_repeat(indices)
    # 3. All figures.
    return Inspection(
        width_px=design.width_px,
        height_px=design.height_px,
        mode=design.mode,
        colours=int((shares > 0).sum()) if indexed else len(list_colours(pixels)),
        indexed=indexed,
        suggested=_count_suggested(design, index_map),
        palette=_list_colours(index_map.palette),
        shares=tuple(float(share) for share in shares),
        vertical=find_axis(indices, "vertical"),
        horizontal=find_axis(indices, "horizontal"),
        orphan_share=measure_orphan_share(indices),
        seams=None if border is not None else measure_seams(pixels),
        border=border,
        repeat=repeat,
        near_yarns=tuple(pair for pair in find_near_yarns(index_map.palette) if shares[[*pair[:2]]].all()),
        worst_served=None if indexed else measure_worst_served(pixels, index_map),
        density=design.density,
        unused_at_end=() if design.palette is None else _list_colours(design.palette[len(index_map.palette) :]),
    )


def _list_colours(palette: NDArray[np.uint8]) -> tuple[tuple[int, int, int], ...]:
    return tuple((int(red), int(green), int(blue)) for red, green, blue in palette)


def _count_suggested(design: Design, index_map: IndexMap) -> int | None:
    """Return the number of yarns that a design could be woven in, None where its own colours are its yarns."""
    if design.index_map is None:
        return len(index_map.palette)
    if len(index_map.used()) <= EXACT_LIMIT:
        return None
    return len(suggest_palette(np.asarray(design.image)))


def describe(inspection: Inspection, *, near_yarns: bool = True) -> tuple[str, ...]:
    """Return short descriptions for a designer, the most important first; features that are absent are left out.

    Without `near_yarns` nothing is said of yarns nearly alike, for a page that names them.
    """
    if inspection.suggested is None:
        words = [_count(inspection.colours, "yarn")]
    else:
        words = [f"{inspection.colours:,} colours, could be woven in {_count(inspection.suggested, 'yarn')}"]
        if inspection.worst_served is not None:
            words.append(f"the worst-served tenth of the knots ΔE {inspection.worst_served:.1f} from its yarn")
    mirrored = [axis for axis in (inspection.vertical, inspection.horizontal) if is_symmetric(axis)]
    if len(mirrored) == 2 and not any(axis.offset for axis in mirrored):
        words.append("symmetric left to right and top to bottom")
    else:
        words += [f"symmetric {_DIRECTIONS[axis.direction]}, {describe_place(axis)}" for axis in mirrored]
    if inspection.border is not None:
        words.append("bordered")
    if inspection.repeat is not None:
        words.append(describe_repeat(inspection, inspection.repeat))
    elif inspection.seams is not None:
        ratios = [r for r in (inspection.seams.horizontal, inspection.seams.vertical) if r is not None]
        if ratios and inspection.seams.meet:
            words.append("edges that meet as a repeat")
    if inspection.orphan_share > 0:
        words.append(f"{describe_share(inspection.orphan_share)} stray knots")
    if near_yarns and inspection.indexed and inspection.near_yarns:
        pairs = len(inspection.near_yarns)
        words.append("two yarns nearly alike" if pairs == 1 else f"{pairs} pairs of yarns nearly alike")
    return tuple(words)


def describe_repeat(inspection: Inspection, repeat: Repeat) -> str:
    """Return the size of a repeat in words, in both directions or in the one that repeats."""
    across = 1 < repeat.px_across < inspection.width_px
    down = 1 < repeat.px_down < inspection.height_px
    if across and down:
        return f"repeats every {repeat.px_across} x {repeat.px_down} knots"
    return f"repeats every {repeat.px_across} knots across" if across else f"repeats every {repeat.px_down} knots down"


def describe_place(axis: Axis) -> str:
    """Return the position of an axis in words: offsets count half knots, so 2 is one knot off the middle."""
    if axis.offset == 0:
        return "axis in the middle"
    towards = _SIDES[axis.direction][axis.offset > 0]
    return f"axis {_describe_knots(abs(axis.offset))} {towards} the middle"


def describe_share(share: float) -> str:
    """Return a share as a percentage: 12 %, 0.3 %, less than 0.1 %; 0 % and 100 % only for exactly 0 and 1."""
    if 0 < share < 0.0005:
        return "less than 0.1 %"
    if 0.9995 <= share < 1:
        return "over 99.9 %"
    fine = 0 < share < 0.0995 or 0.995 <= share < 1
    return f"{100 * share:.{int(fine)}f} %"


def _describe_knots(offset: int) -> str:
    """Return half an offset as a number of knots in words."""
    if offset == 1:
        return "half a knot"
    whole = offset // 2
    return _count(whole, "knot") if offset % 2 == 0 else f"{whole}.5 knots"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
