"""The part of a design that is drawn, and what lies beside it: mirror images, the next repeat, or the design's end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from studio.designs.structure.repeat import lay
from studio.designs.structure.repeat_symmetry import mirror_repeat
from studio.designs.structure.symmetry import source_of

_Scalar = TypeVar("_Scalar", bound=np.generic)

END, MIRROR, MIRROR_ON_KNOT = "end", "mirror", "mirror on a knot"


@dataclass(frozen=True)
class Domain:
    """The part of a design that is drawn; the rest follows from it.

    A symmetric design is drawn on one side of its axes only. A symmetric repeat is drawn whole and mirrored after each
    step (`fold`), since the mirror images of a half-drop do not lie straight beside it.

    - `rows`, `columns`: the part of the design.
    - `top`, `left`, `bottom`, `right`: what lies beyond each edge, unless `repeat` says it.
    - `repeat`: "straight", "half-drop", "brick" or None.
    - `vertical`, `horizontal`: offsets of the axes in the whole design (see `symmetry.Axis`).
    """

    shape: tuple[int, int]
    rows: slice
    columns: slice
    top: str
    left: str
    bottom: str
    right: str
    repeat: str | None
    vertical: int | None
    horizontal: int | None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the part, in knots."""
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start

    def cut(self, array: NDArray[_Scalar]) -> NDArray[_Scalar]:
        """Return the part of a design (h, w, ...)."""
        return np.ascontiguousarray(array[self.rows, self.columns])

    def unfold(self, part: NDArray[_Scalar]) -> NDArray[_Scalar]:
        """Return the whole design (h, w, ...) from its drawn part."""
        return self.unfold_level(part, self.shape)

    def unfold_level(self, part: NDArray[_Scalar], size: tuple[int, int]) -> NDArray[_Scalar]:
        """Return the whole design at another size (height, width) from its part (h, w, ...) at any level."""
        rows, columns = source_of(self.shape, self.vertical, self.horizontal)
        if self.repeat is not None:
            rows, columns = np.arange(self.shape[0]), np.arange(self.shape[1])
        places = []
        for lines, first, full, side, wanted in zip(
            (rows, columns), (self.rows.start, self.columns.start), self.size, part.shape, size, strict=False
        ):
            shown_lines = lines[((np.arange(wanted) + 0.5) * len(lines) / wanted).astype(np.intp)] - first
            places.append((shown_lines * side // full).clip(0, side - 1))
        shown: NDArray[_Scalar] = part[places[0]][:, places[1]]
        return shown

    def fold(self, part: NDArray[_Scalar]) -> NDArray[_Scalar]:
        """Return a repeat (h, w, ...) made symmetric, at any level's size. Other parts are returned as they are."""
        if self.repeat is None or (self.vertical is None and self.horizontal is None):
            return part
        shape = part.shape[:2]
        if shape == self.shape:
            return mirror_repeat(part, self.repeat, self.vertical, self.horizontal)
        vertical, horizontal = (
            None if offset is None else round(offset * side / full)
            for offset, side, full in zip((self.vertical, self.horizontal), shape[::-1], self.shape[::-1], strict=True)
        )
        return mirror_repeat(part, self.repeat, vertical, horizontal)

    def level_size(self, scale: float, least: int) -> tuple[int, int]:
        """Return height and width of the part at a scale, no less than `least`, and even where the repeat halves it."""
        height, width = (max(min(side, least), round(side * scale)) for side in self.size)
        if scale < 1 and self.repeat == "half-drop":
            height += height % 2
        if scale < 1 and self.repeat == "brick":
            width += width % 2
        return height, width

    def pads(self, pad: int) -> tuple[int, int, int, int]:
        """Return how many knots lie beyond the top, left, bottom and right edge: `pad`, or none beyond an end."""
        if self.repeat is not None:
            return pad, pad, pad, pad
        top, left, bottom, right = (
            0 if edge == END else pad for edge in (self.top, self.left, self.bottom, self.right)
        )
        return top, left, bottom, right

    def surround(self, part: NDArray[_Scalar], pad: int) -> NDArray[_Scalar]:
        """Return the part (h, w, ...) of any level with what lies beside it, `pads(pad)` wide."""
        top, left, bottom, right = self.pads(pad)
        height, width = part.shape[:2]
        ys, xs = np.arange(-top, height + bottom), np.arange(-left, width + right)
        if self.repeat is not None:
            return np.ascontiguousarray(part[lay((height, width), self.repeat, ys, xs)])
        exact = (height, width) == self.size  # an axis on a knot is one only at full size
        rows = _reflect(ys, height, exact and self.top == MIRROR_ON_KNOT, exact and self.bottom == MIRROR_ON_KNOT)
        columns = _reflect(xs, width, exact and self.left == MIRROR_ON_KNOT, exact and self.right == MIRROR_ON_KNOT)
        return np.ascontiguousarray(part[rows][:, columns])


def find_domain(shape: tuple[int, int], repeat: str, vertical: int | None, horizontal: int | None) -> Domain:
    """Return the part to draw of a design (h, w) with this repeat ("none" and "mirror" too) and these axes.

    Raises `ValueError` for an offset as large as the side.
    """
    outside = MIRROR if repeat == "mirror" else END
    closed = None if repeat in ("none", "mirror") else repeat
    height, width = shape
    if closed is not None:
        rows, columns = slice(0, height), slice(0, width)
        return Domain(shape, rows, columns, END, END, END, END, closed, vertical, horizontal)
    rows, top, bottom = _half(height, horizontal, outside)
    columns, left, right = _half(width, vertical, outside)
    return Domain(shape, rows, columns, top, left, bottom, right, None, vertical, horizontal)


def _half(side: int, offset: int | None, outside: str) -> tuple[slice, str, str]:
    """Return the larger side of an axis, and what lies before and after it."""
    if offset is None:
        return slice(0, side), outside, outside
    doubled = side - 1 + offset  # twice the axis' position
    axis = MIRROR_ON_KNOT if doubled % 2 == 0 else MIRROR
    if offset >= 0:
        return slice(0, doubled // 2 + 1), outside, axis
    return slice((doubled + 1) // 2, side), axis, outside


def _reflect(places: NDArray[np.int64], side: int, first_on: bool, last_on: bool) -> NDArray[np.int64]:
    """Return the places in 0 to side - 1 that these places show, mirrored at both ends as often as needed."""
    found = places.copy()
    while (found < 0).any() or (found >= side).any():
        found = np.where(found < 0, -found - (0 if first_on else 1), found)
        found = np.where(found >= side, 2 * side - found - (2 if last_on else 1), found)
        if side == 1:
            found = np.zeros_like(found)
    return found
