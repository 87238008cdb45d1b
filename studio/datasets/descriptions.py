"""Captions made from the designs themselves: layout, yarns by name, field, borders, symmetry, repeat.

The built-in model has read captions of generated carpets (`studio.carpets.captions`). Where the same is said here it is
said in the same words and order. What cannot be told for certain is left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from studio.designs import Border, Design, border_mask, find_border, find_repeat
from studio.designs.colours.colour_words import BASIC_OF
from studio.designs.colours.yarn_names import name_colours, rank_colours
from studio.designs.structure.symmetry import Direction, find_symmetries
from studio.designs.yarns import read_yarns

Knots = NDArray[np.uint8]
DESCRIBED_PIXELS = 1_500_000
"""A larger picture without yarns of its own, such as a photo, is reduced to at most this many pixels first."""
LEAST_NAMED = 0.03
"""A yarn is named from this share of the knots on."""
MOSTLY = 0.4
"""A field or border has a colour where one yarn covers this much of it."""
PLAIN_LINE = 0.93
"""Between two bands of a border runs a line: rows of which a yarn has this share, the mean of the four sides."""
THINNEST_BAND_PX = 2
COUNTED_BORDERS = {3: "three borders", 4: "four borders", 5: "five borders"}
"""Fewer are not counted: lines between plain bands cannot be told from bands. Of 70 generated carpets on which three to
five borders were counted, 68 have so many."""
STRIPED = "striped "
STRIPED_CHANGE = 0.002
"""Along the stripes of a striped field the yarn changes at most at this share of the knots."""
MEDALLION_OVERLAP = 0.5
"""The middle of a medallion carpet has other yarns than its field around: their shares overlap less. On 448 generated
carpets every middle that was found so is a medallion."""


def describe_design(design: Design) -> str:
    """Return a caption of a design: "medallion carpet in red, navy and ivory, red field, three borders, red border"."""
    knots = read_yarns(_reduce(design))
    names = name_colours(knots.palette)
    border = find_border(knots.indices)
    axes = find_symmetries(knots.indices)
    field = _cut_field(knots.indices, border)
    modifier, details = _describe_layout(field, names, bordered=border is not None, quarter=len(axes) == 2)
    parts = [f"{modifier}carpet in {_list_colours(names, knots.shares())}"]
    if (ground := _name_mostly(field, names)) is not None:
        parts.append(f"{ground} field")
    parts += details
    if border is not None:
        parts += _describe_border(knots.indices, border, names)
    if modifier == STRIPED:
        return ", ".join(parts)
    parts += _describe_symmetry(axes)
    if border is None and find_repeat(knots.indices) is not None:
        parts.append("repeating pattern")
    return ", ".join(parts)


def _reduce(design: Design) -> Design:
    """Return a design without yarns of its own with few enough pixels, any other unchanged: its knots count."""
    factor = math.ceil(math.sqrt(design.width_px * design.height_px / DESCRIBED_PIXELS))
    if design.index_map is not None or factor == 1:
        return design
    image = design.image.reduce(factor)
    return replace(design, image=image, width_px=image.width, height_px=image.height)


def _list_colours(names: tuple[str, ...], shares: NDArray[np.float64]) -> str:
    """Return the yarns that a caption names: the dominant colour's, and the largest two of other colours."""
    colour, ranked = rank_colours(names, shares)
    by_name = dict.fromkeys(ranked, 0.0)
    for name, share in zip(names, shares, strict=True):
        by_name[name] += float(share)
    first = next(name for name in ranked if BASIC_OF[name] == colour)
    others = [name for name in ranked if BASIC_OF[name] != colour and by_name[name] >= LEAST_NAMED][:2]
    return " and ".join([", ".join([first, *others[:-1]]), *others[-1:]])


def _describe_layout(
    field: Knots, names: tuple[str, ...], *, bordered: bool, quarter: bool
) -> tuple[str, tuple[str, ...]]:
    """Return the word for the layout, with a space, and its details; nothing where it is not certain."""
    changes = [float((np.diff(lines, axis=0) != 0).mean()) if len(lines) > 1 else 0.0 for lines in (field, field.T)]
    down, across = changes
    if min(changes) <= STRIPED_CHANGE < max(changes) / 2:
        return STRIPED, ("stripes across" if across < down else "stripes along",)
    if bordered and quarter:
        middle, around = _cut_rings(field)
        overlap = sum(min(middle.get(yarn, 0.0), share) for yarn, share in around.items())
        main = max(middle, key=lambda yarn: middle[yarn])
        if overlap < MEDALLION_OVERLAP and main != max(around, key=lambda yarn: around[yarn]):
            return "medallion ", (f"{names[main]} medallion",) if middle[main] >= MOSTLY else ()
    return "", ()


def _cut_rings(field: Knots) -> tuple[dict[int, float], dict[int, float]]:
    """Return the shares of the yarns in the middle of a field, and in a ring around where a medallion has ended."""
    height, width = field.shape
    across = np.abs((np.arange(width) + 0.5) / width * 2 - 1)
    down = np.abs((np.arange(height) + 0.5) / height * 2 - 1)
    radius = np.hypot(across[None], down[:, None])
    return _count_shares(field[radius < 0.35]), _count_shares(field[(radius > 0.72) & (radius < 0.98)])


def _describe_border(knots: Knots, border: Border, names: tuple[str, ...]) -> Iterator[str]:
    count = _count_bands(knots, border)
    if count in COUNTED_BORDERS:
        yield COUNTED_BORDERS[count]
    colour = _name_mostly(knots[border_mask(knots.shape, border)], names)
    yield "a border" if colour is None else f"{colour} border"


def _count_bands(knots: Knots, border: Border) -> int:
    """Return the number of patterned bands between the lines of a border."""
    depth = min(border.left_px, border.top_px, border.right_px, border.bottom_px)
    sides = (
        (knots.T, border.left_px),
        (knots, border.top_px),
        (knots[:, ::-1].T, border.right_px),
        (knots[::-1], border.bottom_px),
    )
    plain = np.zeros(depth)
    for side, own_px in sides:
        rows = np.arange(depth) * own_px // depth
        middle = side[:own_px, side.shape[1] // 3 : side.shape[1] - side.shape[1] // 3]
        plain += np.array([np.bincount(middle[row]).max() / middle.shape[1] for row in rows]) / len(sides)
    patterned = np.r_[False, plain < PLAIN_LINE, False].astype(np.int8)
    starts, ends = np.flatnonzero(np.diff(patterned) == 1), np.flatnonzero(np.diff(patterned) == -1)
    return int((ends - starts >= THINNEST_BAND_PX).sum())


def _describe_symmetry(axes: Mapping[Direction, int]) -> Iterator[str]:
    words: dict[Direction, str] = {"vertical": "left to right", "horizontal": "top to bottom"}
    found = [text for direction, text in words.items() if direction in axes]
    if found:
        yield f"symmetric {' and '.join(found)}"


def _name_mostly(knots: Knots, names: tuple[str, ...]) -> str | None:
    """Return the name of the yarn that covers most of some knots, None where none covers enough."""
    shares = _count_shares(knots)
    yarn = max(shares, key=lambda one: shares[one])
    return names[yarn] if shares[yarn] >= MOSTLY else None


def _count_shares(knots: Knots) -> dict[int, float]:
    counts = np.bincount(knots.ravel())
    return {int(yarn): float(counts[yarn] / counts.sum()) for yarn in np.flatnonzero(counts)}


def _cut_field(knots: Knots, border: Border | None) -> Knots:
    if border is None:
        return knots
    height, width = knots.shape
    return knots[border.top_px : height - border.bottom_px, border.left_px : width - border.right_px]
