"""Find the border of a design: the frame round its field, made of straight lines. Doubtful frames are not reported.

A ring is a closed rectangle of lines of one yarn, parallel to the four edges. Depth is the distance from an edge.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Lines = NDArray[np.uint8]

SMALLEST_SIDE_PX = 16
DEEPEST_SHARE = 0.3
"""The greatest depth of a border, on each side of the field, as a share of the shorter side."""
THINNEST_SHARE = 0.02
"""The least depth of a border as a share of the shorter side; less is a selvedge or a line at the edge."""
LEAST_CHANGE = 0.55
"""Across a line of the frame the yarn changes at this share of its knots or more."""
LEAST_PLAIN = 0.65
"""One of the two rows that meet in a line has a single yarn in at least this share of its knots, on all four sides."""
LEAST_SUM = 1.4
"""The least sum of both shares: a line weak in one has to be strong in the other."""
MOST_BEYOND = 0.3
"""Beyond its corners a line of a frame continues in less than this share of the knots; a line of a grid continues."""
UNEVEN_PX = 2
UNEVEN_SHARE = 0.01
"""Opposite sides may differ in depth by this many knots, or by this part of the shorter side."""
SKEW_LIMIT = 1.3
"""The border may be up to this many times deeper in one direction than in the other, since knots need not be square.
All rings of a frame then have the same ratio."""
BAND_SHARE = 0.04
MOST_ALIKE = 0.75
"""A band at least BAND_SHARE of the shorter side deep is part of the field if their yarn shares overlap this much."""
LINE_SHARE = 0.015
"""The greatest thickness of the line that ends the frame, as a share of the shorter side."""
MOST_IN_FIELD = 0.35
"""Its yarn has at most this share of the field."""


@dataclass(frozen=True, slots=True)
class Border:
    """The depth of the frame from each edge, in knots; the field lies inside."""

    left_px: int
    top_px: int
    right_px: int
    bottom_px: int


class _Line(NamedTuple):
    """A straight line between two rows, `depth_px` from an edge: `yarn` is that of its outer or its `inner` row."""

    depth_px: int
    yarn: int
    inner: bool


def find_border(indices: NDArray[np.uint8]) -> Border | None:
    """Return the border of indices (h, w), or None where no frame is certain.

    A frame is made of rings: lines of one yarn along all four edges, at nearly the same depth, that end at their
    corners. The innermost ring ends the frame. Raises `ValueError` for indices that are not (h, w).
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


def border_mask(shape: tuple[int, int], border: Border) -> NDArray[np.bool_]:
    """Return a mask (h, w) that is true on the border. Raises `ValueError` where the border leaves no field."""
    height, width = shape
    room = min(width - border.left_px - border.right_px, height - border.top_px - border.bottom_px)
    if room < 1 or min(_depths(border)) < 0:
        raise ValueError(f"{border} leaves no field in {width} x {height} px")
    mask = np.ones(shape, np.bool_)
    mask[border.top_px : height - border.bottom_px, border.left_px : width - border.right_px] = False
    return mask


def _view_sides(indices: NDArray[np.uint8], deepest: int) -> tuple[Lines, ...]:
    """Return the left, top, right and bottom side, each with its outermost row first and as deep as a border can be."""
    views = (indices.T, indices, indices[:, ::-1].T, indices[::-1])
    return tuple(np.ascontiguousarray(view[: deepest + 1]) for view in views)


def _list_lines(side: Lines, deepest: int) -> list[_Line]:
    """Return the lines in the middle part of a side, which the frame of no other side can reach."""
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
    """Return the candidate rings, outermost first: lines of one yarn on all four sides at nearly the same depth."""
    rings = []
    for line in lines[0]:
        right = _find_partner(lines[2], line, line.depth_px, uneven_px)
        top = _find_partner(lines[1], line, line.depth_px, max(uneven_px, round((SKEW_LIMIT - 1) * line.depth_px)))
        if right is None or top is None:
            continue
        bottom = _find_partner(lines[3], line, top, uneven_px)
        if bottom is not None:
            rings.append((Border(line.depth_px, top, right, bottom), line))
    return sorted(rings, key=lambda ring: (ring[0].left_px, ring[0].top_px))


def _find_partner(lines: list[_Line], line: _Line, depth_px: int, most_px: int) -> int | None:
    """Return the depth nearest to `depth_px`, within `most_px`, of a line like the given one."""
    depths = [other.depth_px for other in lines if (other.yarn, other.inner) == (line.yarn, line.inner)]
    nearest = min(depths, key=lambda depth: abs(depth - depth_px), default=None)
    return nearest if nearest is not None and abs(nearest - depth_px) <= most_px else None


def _is_line(change: float, plain: float) -> bool:
    return change >= LEAST_CHANGE and plain >= LEAST_PLAIN and change + plain >= LEAST_SUM


def _depths(border: Border) -> tuple[int, int, int, int]:
    """Return the depths in the order of `_view_sides`."""
    return border.left_px, border.top_px, border.right_px, border.bottom_px


def _is_parallel(ring: Border, outer: Border, uneven_px: int) -> bool:
    """Return whether top and left differ as in the next ring outwards, which may be the edge itself.

    The difference is the same where the design was cropped, the ratio where its knots are not square.
    """
    if abs((ring.top_px - outer.top_px) - (ring.left_px - outer.left_px)) <= uneven_px:
        return True
    if min(outer.left_px, outer.top_px) <= uneven_px:
        return False
    return abs(ring.top_px - ring.left_px * outer.top_px / outer.left_px) <= uneven_px


def _is_ring(sides: tuple[Lines, ...], ring: Border, outer: Border, line: _Line, uneven_px: int) -> bool:
    """Return whether the lines run from corner to corner and end there; `outer` is the next ring outwards."""
    depths, outer_depths = _depths(ring), _depths(outer)
    nested = all(depth >= before for depth, before in zip(depths, outer_depths, strict=True))
    if not nested or not _is_parallel(ring, outer, uneven_px):
        return False
    beyond = []
    for i, side in enumerate(sides):
        # Left and right (even) run from top to bottom, top and bottom from left to right.
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
    """Return whether the band between two rings is part of the field, so that the inner ring is a line drawn on it."""
    if min(_depths(ring)) - min(_depths(outer)) < BAND_SHARE * min(indices.shape):
        return False
    inside, within = (np.bincount(_cut(indices, border).ravel(), minlength=256) for border in (ring, outer))
    band = within - inside
    return float(np.minimum(inside / inside.sum(), band / band.sum()).sum()) >= MOST_ALIKE


def _add_line(indices: NDArray[np.uint8], sides: tuple[Lines, ...], border: Border, yarn: int) -> Border:
    """Return the border including the line at its inner edge, even where the field hides the line's inner side."""
    if np.count_nonzero(_cut(indices, border) == yarn) > MOST_IN_FIELD * _cut(indices, border).size:
        return border
    thickest = max(2, round(LINE_SHARE * min(indices.shape)))
    thick = []
    for i, (side, depth) in enumerate(zip(sides, _depths(border), strict=True)):
        first, last = (border.top_px, border.bottom_px) if i % 2 == 0 else (border.left_px, border.right_px)
        plain = (side[depth : depth + thickest + 1, first : side.shape[1] - last] == yarn).mean(axis=1) >= LEAST_PLAIN
        thick.append(int(np.argmin(np.r_[plain, False])))
    # Where one side seems thicker, the field beside it has the same yarn.
    more = min(thick)
    return Border(*(depth + more for depth in _depths(border))) if more <= thickest else border


def _cut(indices: NDArray[np.uint8], border: Border) -> NDArray[np.uint8]:
    height, width = indices.shape
    return indices[border.top_px : height - border.bottom_px, border.left_px : width - border.right_px]
