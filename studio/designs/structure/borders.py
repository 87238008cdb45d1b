"""The frame round a design's field, found by its straight lines; None rather than a wrong one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Lines = NDArray[np.uint8]

SMALLEST_SIDE_PX = 16
DEEPEST_SHARE = 0.3
"""A border takes at most this part of the shorter side, on each side of the field."""
THINNEST_SHARE = 0.02
"""A border takes at least this part of the shorter side; less is a selvedge or a line at the edge."""
LEAST_CHANGE = 0.55
"""Along a line of the frame the yarn changes from one knot to the next in at least this share of places."""
LEAST_PLAIN = 0.65
"""One of the two rows that meet in a line is of one yarn in at least this share of places, on all four sides."""
LEAST_SUM = 1.4
"""What a line lacks in one of the two it must have in the other."""
MOST_BEYOND = 0.3
"""Past its corners a line of a frame goes on in less than this share of places; the line of a grid goes on."""
UNEVEN_PX = 2
UNEVEN_SHARE = 0.01
"""Opposite sides may differ by so many knots, or by this part of the shorter side."""
SKEWED = 1.3
"""Borders may be so many times thicker one way than the other: knots need not be square.
The rings of one frame then are so all alike."""
BAND_SHARE = 0.04
MOST_ALIKE = 0.75
"""A band of at least this part of the shorter side whose yarns are those of the field to this extent is the field."""
LINE_SHARE = 0.015
"""A line that ends the frame is at most this thick, by the shorter side, and its yarn is rare in the field."""
MOST_IN_FIELD = 0.35


@dataclass(frozen=True, slots=True)
class Border:
    """How far the frame reaches in from each edge, in knots; inside it lies the field."""

    left_px: int
    top_px: int
    right_px: int
    bottom_px: int


class _Line(NamedTuple):
    """A straight line `depth_px` in from an edge: `yarn` is that of its outer or of its inner side."""

    depth_px: int
    yarn: int
    inner: bool


def find_border(indices: NDArray[np.uint8]) -> Border | None:
    """Return the frame round the field of indices (h, w), None where there is none that is certain.

    A frame is made of rings: lines of one yarn that run along all four edges, nearly as far from each, and stop at
    their corners. The innermost ring ends the frame. Raises `ValueError` for indices that are not (h, w).
    """
    if indices.ndim != 2 or not indices.size:
        raise ValueError(f"indices of shape {indices.shape}; give (h, w) with at least one knot")
    if min(indices.shape) < SMALLEST_SIDE_PX:
        return None
    deepest = int(DEEPEST_SHARE * min(indices.shape))
    sides = _view_sides(indices, deepest)
    lines = [_list_lines(side, deepest) for side in sides]
    uneven_px = max(UNEVEN_PX, round(UNEVEN_SHARE * min(indices.shape)))
    border, last = Border(0, 0, 0, 0), None
    for ring, line in _list_rings(lines, uneven_px):
        if _is_ring(sides, ring, border, line, uneven_px) and not _is_field(indices, ring, border):
            border, last = ring, line
    if last is not None and last.inner:
        border = _add_line(indices, sides, border, last.yarn)
    return border if min(_depths(border)) >= THINNEST_SHARE * min(indices.shape) else None


def has_border(indices: NDArray[np.uint8]) -> bool:
    """Return whether indices (h, w) have a frame; a framed design is no repeat."""
    return find_border(indices) is not None


def border_mask(shape: tuple[int, int], border: Border) -> NDArray[np.bool_]:
    """Return where the frame lies in a design of shape (h, w). Raises `ValueError` when it leaves no field."""
    height, width = shape
    room = min(width - border.left_px - border.right_px, height - border.top_px - border.bottom_px)
    if room < 1 or min(_depths(border)) < 0:
        raise ValueError(f"{border} leaves no field in {width} x {height} px")
    mask = np.ones(shape, np.bool_)
    mask[border.top_px : height - border.bottom_px, border.left_px : width - border.right_px] = False
    return mask


def _view_sides(indices: NDArray[np.uint8], deepest: int) -> tuple[Lines, ...]:
    """Return left, top, right, bottom, each with the outermost row first and as deep as a border may be."""
    views = (indices.T, indices, indices[:, ::-1].T, indices[::-1])
    return tuple(np.ascontiguousarray(view[: deepest + 1]) for view in views)


def _list_lines(side: Lines, deepest: int) -> list[_Line]:
    """Return the lines that run along the middle of a side, where no other side's frame can reach."""
    middle = side[:, deepest : side.shape[1] - deepest]
    changes = (middle[1:] != middle[:-1]).mean(axis=1)
    lines = []
    for depth in np.flatnonzero(changes >= LEAST_CHANGE) + 1:
        for inner in (False, True):
            counts = np.bincount(middle[depth if inner else depth - 1])
            if _is_line(changes[depth - 1], counts.max() / middle.shape[1]):
                lines.append(_Line(int(depth), int(counts.argmax()), inner))
    return lines


def _list_rings(lines: list[list[_Line]], uneven_px: int) -> list[tuple[Border, _Line]]:
    """Return what could be rings, outermost first: a line of the same yarn on all sides, nearly as far in."""
    rings = []
    for line in lines[0]:
        right = _find_partner(lines[2], line, line.depth_px, uneven_px)
        top = _find_partner(lines[1], line, line.depth_px, max(uneven_px, round((SKEWED - 1) * line.depth_px)))
        if right is None or top is None:
            continue
        bottom = _find_partner(lines[3], line, top, uneven_px)
        if bottom is not None:
            rings.append((Border(line.depth_px, top, right, bottom), line))
    return sorted(rings, key=lambda ring: (ring[0].left_px, ring[0].top_px))


def _find_partner(lines: list[_Line], line: _Line, depth_px: int, most_px: int) -> int | None:
    depths = [other.depth_px for other in lines if (other.yarn, other.inner) == (line.yarn, line.inner)]
    nearest = min(depths, key=lambda depth: abs(depth - depth_px), default=None)
    return nearest if nearest is not None and abs(nearest - depth_px) <= most_px else None


def _is_line(change: float, plain: float) -> bool:
    return change >= LEAST_CHANGE and plain >= LEAST_PLAIN and change + plain >= LEAST_SUM


def _depths(border: Border) -> tuple[int, int, int, int]:
    """Return the depths in the order of the sides."""
    return border.left_px, border.top_px, border.right_px, border.bottom_px


def _is_parallel(ring: Border, outer: Border, uneven_px: int) -> bool:
    """Return whether top and left differ as they do for the next ring outwards, which may be the edge itself.

    By as many knots where the design was cut, by as many times where its knots are not square.
    """
    if abs((ring.top_px - outer.top_px) - (ring.left_px - outer.left_px)) <= uneven_px:
        return True
    if min(outer.left_px, outer.top_px) <= uneven_px:
        return False
    return abs(ring.top_px - ring.left_px * outer.top_px / outer.left_px) <= uneven_px


def _is_ring(sides: tuple[Lines, ...], ring: Border, outer: Border, line: _Line, uneven_px: int) -> bool:
    """Return whether the lines hold from corner to corner and end there; `outer` is the next ring outwards."""
    depths, outer_depths = _depths(ring), _depths(outer)
    nested = all(depth >= before for depth, before in zip(depths, outer_depths, strict=True))
    if not nested or not _is_parallel(ring, outer, uneven_px):
        return False
    beyond = []
    for i, side in enumerate(sides):
        # Left and right run from top to bottom, top and bottom from left to right.
        first, last = (1, 3) if i % 2 == 0 else (0, 2)
        depth, length = depths[i], side.shape[1]
        changed = side[depth] != side[depth - 1]
        plain = side[depth if line.inner else depth - 1] == line.yarn
        along = slice(depths[first], length - depths[last])
        if not _is_line(float(changed[along].mean()), float(plain[along].mean())):
            return False
        both = changed & plain
        beyond += [both[outer_depths[first] : depths[first]], both[length - depths[last] : length - outer_depths[last]]]
    corners = np.concatenate(beyond)
    return not corners.size or float(corners.mean()) < MOST_BEYOND


def _is_field(indices: NDArray[np.uint8], ring: Border, outer: Border) -> bool:
    """Return whether what lies between two rings is the field itself, so that the ring is a line drawn on it."""
    if min(_depths(ring)) - min(_depths(outer)) < BAND_SHARE * min(indices.shape):
        return False
    inside, within = (np.bincount(_cut(indices, border).ravel(), minlength=256) for border in (ring, outer))
    band = within - inside
    return float(np.minimum(inside / inside.sum(), band / band.sum()).sum()) >= MOST_ALIKE


def _add_line(indices: NDArray[np.uint8], sides: tuple[Lines, ...], border: Border, yarn: int) -> Border:
    """Return the border with the line that begins at its inner edge, where the field hides the line's other side."""
    if np.count_nonzero(_cut(indices, border) == yarn) > MOST_IN_FIELD * _cut(indices, border).size:
        return border
    thickest = max(2, round(LINE_SHARE * min(indices.shape)))
    thick = []
    for i, (side, depth) in enumerate(zip(sides, _depths(border), strict=True)):
        first, last = (border.top_px, border.bottom_px) if i % 2 == 0 else (border.left_px, border.right_px)
        plain = (side[depth : depth + thickest + 1, first : side.shape[1] - last] == yarn).mean(axis=1) >= LEAST_PLAIN
        thick.append(int(np.argmin(np.r_[plain, False])))
    # Where one side seems thicker, something of that yarn lies along it in the field.
    more = min(thick)
    return Border(*(depth + more for depth in _depths(border))) if more <= thickest else border


def _cut(indices: NDArray[np.uint8], border: Border) -> NDArray[np.uint8]:
    height, width = indices.shape
    return indices[border.top_px : height - border.bottom_px, border.left_px : width - border.right_px]
