"""Drawing on index maps: polygons and ribbons without anti-aliasing, exact mirroring, smooth curves."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw

Points = NDArray[np.float64]
"""(n, 2) x and y in pixels, y down; whole numbers are pixel centres."""


Fills = Sequence[int]
"""The inks of a motif's parts, the largest part first."""


class Sheet:
    """An index map to draw on. `pen_px` is the thickness of outlines; a fill or outline of None is not drawn."""

    def __init__(self, width_px: int, height_px: int, ground: int = 0, pen_px: int = 1) -> None:
        self.image = Image.new("L", (max(1, width_px), max(1, height_px)), ground)
        self.draw = ImageDraw.Draw(self.image)
        self.pen_px = pen_px

    @property
    def width_px(self) -> int:
        """Width of the sheet."""
        return self.image.width

    @property
    def height_px(self) -> int:
        """Height of the sheet."""
        return self.image.height

    def array(self) -> NDArray[np.uint8]:
        """Return a copy of the indices, uint8 (h, w)."""
        return np.asarray(self.image).copy()

    def paste(self, indices: NDArray[np.uint8], left_px: int = 0, top_px: int = 0) -> None:
        """Paste an index map onto the sheet."""
        self.image.paste(Image.fromarray(indices), (int(left_px), int(top_px)))

    def polygon(self, points: ArrayLike, fill: int | None, outline: int | None = None) -> None:
        """Draw a closed polygon; fewer than three points draw nothing."""
        flat = np.asarray(points, np.float64).ravel().tolist()
        if len(flat) < 6:
            return
        if fill is not None:
            self.draw.polygon(flat, fill=fill, outline=fill)
        if outline is not None:
            self.draw.line([*flat, flat[0], flat[1]], fill=outline, width=self.pen_px)

    def line(self, points: ArrayLike, width_px: float, colour: int) -> None:
        """Draw a polyline; with round joints if it is at least 3 px wide."""
        flat = np.asarray(points, np.float64).ravel().tolist()
        self.draw.line(flat, fill=colour, width=max(1, round(width_px)))
        if width_px >= 3:
            half = width_px / 2 - 0.5
            for x, y in zip(flat[::2], flat[1::2], strict=True):
                self.draw.ellipse((x - half, y - half, x + half, y + half), fill=colour)

    def ribbon(self, points: ArrayLike, width_px: float, fill: int, outline: int | None = None) -> None:
        """Draw a line of even width along the points, outlined on both sides."""
        if outline is not None:
            self.line(points, max(1, round(width_px)) + 2 * self.pen_px, outline)
        self.line(points, max(1, round(width_px)), fill)

    def disc(self, x: float, y: float, radius: float, fill: int | None, outline: int | None = None) -> None:
        """Draw a circle; below a radius of 0.75 px a dot of one pixel."""
        if radius < 0.75:
            if fill is not None:
                self.draw.point((round(x), round(y)), fill=fill)
            return
        box = (x - radius, y - radius, x + radius, y + radius)
        self.draw.ellipse(box, fill=fill, outline=outline, width=self.pen_px if outline is not None else 1)

    def box(  # noqa: PLR0917  (a box is four numbers)
        self, left: float, top: float, right: float, bottom: float, fill: int | None, outline: int | None = None
    ) -> None:
        """Draw a rectangle, edges included; an inverted one draws nothing."""
        if right >= left and bottom >= top:
            self.draw.rectangle((left, top, right, bottom), fill=fill, outline=outline, width=self.pen_px)


def unfold(part: NDArray[np.uint8], width_px: int, height_px: int) -> NDArray[np.uint8]:
    """Return the whole design, (height_px, width_px), mirrored from its top left quarter, left half or top half.

    A part as wide as the design is not mirrored left to right, one as high not top to bottom. An odd side does not
    double its middle row or column.
    """
    if part.shape[1] < width_px:
        part = np.concatenate([part, part[:, : width_px - part.shape[1]][:, ::-1]], axis=1)
    if part.shape[0] < height_px:
        part = np.concatenate([part, part[: height_px - part.shape[0]][::-1]], axis=0)
    return part


def half(side_px: int) -> int:
    """Return the number of pixels of a mirrored side that are drawn, the middle one of an odd side included."""
    return (side_px + 1) // 2


def place(shape: ArrayLike, x: float, y: float, size: float, angle: float = 0.0, *, flip: bool = False) -> Points:
    """Return a unit shape (n, 2) scaled, rotated by `angle` radians (clockwise on screen) and moved to x, y.

    `flip` mirrors it left to right first.
    """
    points = np.asarray(shape, np.float64) * size
    if flip:
        points = points * (-1, 1)
    cos, sin = math.cos(angle), math.sin(angle)
    placed: Points = points @ np.array([[cos, sin], [-sin, cos]]) + (x, y)
    return placed


def mirror_outline(right: Points) -> Points:
    """Return a closed outline, symmetric about x = 0, from its right half, listed from end to end."""
    return np.concatenate([right, (right * (-1, 1))[::-1]])


def curve(knots: Sequence[tuple[float, float]] | Points, steps: int = 8, closed: bool = False) -> Points:
    """Return a Catmull-Rom spline through the knots, `steps` points from each to the next."""
    p = np.asarray(knots, np.float64)
    ends = (p[-1:], p[:2]) if closed else (2 * p[:1] - p[1:2], 2 * p[-1:] - p[-2:-1])
    p = np.concatenate([ends[0], p, ends[1]])
    p0, p1, p2, p3 = p[:-3, None], p[1:-2, None], p[2:-1, None], p[3:, None]
    t = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    inner = 2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3
    line = (inner / 2).reshape(-1, 2)
    return line if closed else np.concatenate([line, p[-2:-1]])


def taper(points: Points, start_px: float, end_px: float) -> Points:
    """Return the outline of a band along the points, its width changing linearly from start to end."""
    step = np.gradient(points, axis=0)
    normal = step[:, ::-1] * (-1, 1) / np.maximum(np.hypot(step[:, 0], step[:, 1]), 1e-6)[:, None]
    side = normal * np.linspace(start_px / 2, end_px / 2, len(points))[:, None]
    return np.concatenate([points + side, (points - side)[::-1]])
