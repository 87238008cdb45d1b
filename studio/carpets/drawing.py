"""Drawing on index maps: crisp polygons and ribbons without anti-aliasing, and mirrors that are exact."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw

Points = NDArray[np.float64]
"""(n, 2), x to the right and y down, in pixels; whole numbers are pixel centres."""


class Sheet:
    """An index map to draw on. `pen_px` is how thick outlines are; an outline of None draws none."""

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
        """The drawn indices, uint8 (h, w)."""
        return np.asarray(self.image).copy()

    def paste(self, indices: NDArray[np.uint8], left_px: int = 0, top_px: int = 0) -> None:
        """Put an index map onto the sheet."""
        self.image.paste(Image.fromarray(indices), (int(left_px), int(top_px)))

    def polygon(self, points: ArrayLike, fill: int | None, outline: int | None = None) -> None:
        """Fill a polygon and trace its edge."""
        flat = np.asarray(points, np.float64).ravel().tolist()
        if len(flat) < 6:
            return
        if fill is not None:
            self.draw.polygon(flat, fill=fill, outline=fill)
        if outline is not None:
            self.draw.line([*flat, flat[0], flat[1]], fill=outline, width=self.pen_px)

    def line(self, points: ArrayLike, width_px: float, colour: int) -> None:
        """Draw a line through the points; thick ones with round joints."""
        flat = np.asarray(points, np.float64).ravel().tolist()
        self.draw.line(flat, fill=colour, width=max(1, round(width_px)))
        if width_px >= 3:
            half = width_px / 2 - 0.5
            for x, y in zip(flat[::2], flat[1::2], strict=True):
                self.draw.ellipse((x - half, y - half, x + half, y + half), fill=colour)

    def ribbon(self, points: ArrayLike, width_px: float, fill: int, outline: int | None = None) -> None:
        """Draw a band of even width along the points, traced on both sides."""
        if outline is not None:
            self.line(points, max(1, round(width_px)) + 2 * self.pen_px, outline)
        self.line(points, max(1, round(width_px)), fill)

    def disc(self, x: float, y: float, radius: float, fill: int | None, outline: int | None = None) -> None:
        """Draw a filled circle; below one pixel of radius a dot."""
        if radius < 0.75:
            if fill is not None:
                self.draw.point((round(x), round(y)), fill=fill)
            return
        box = (x - radius, y - radius, x + radius, y + radius)
        self.draw.ellipse(box, fill=fill, outline=outline, width=self.pen_px if outline is not None else 1)

    def box(  # noqa: PLR0917  (a box is four numbers)
        self, left: float, top: float, right: float, bottom: float, fill: int | None, outline: int | None = None
    ) -> None:
        """Draw a rectangle, both edges included; an inverted one is left out."""
        if right >= left and bottom >= top:
            self.draw.rectangle((left, top, right, bottom), fill=fill, outline=outline, width=self.pen_px)


def unfold(part: NDArray[np.uint8], width_px: int, height_px: int) -> NDArray[np.uint8]:
    """Mirror the top left part (or left half, or top half) about the true centre of width_px x height_px.

    A part as wide as the whole is not mirrored sideways, one as high not up and down. An odd side shares its
    middle row or column.
    """
    if part.shape[1] < width_px:
        part = np.concatenate([part, part[:, : width_px - part.shape[1]][:, ::-1]], axis=1)
    if part.shape[0] < height_px:
        part = np.concatenate([part, part[: height_px - part.shape[0]][::-1]], axis=0)
    return part


def half(side_px: int) -> int:
    """Return how many pixels of a side must be drawn when the rest is mirrored."""
    return (side_px + 1) // 2


def place(shape: ArrayLike, x: float, y: float, size: float, angle: float = 0.0, *, flip: bool = False) -> Points:
    """Return a unit shape (n, 2) scaled, turned by `angle` radians (clockwise on screen) and moved to x, y."""
    points = np.asarray(shape, np.float64) * size
    if flip:
        points = points * (-1, 1)
    cos, sin = math.cos(angle), math.sin(angle)
    return points @ np.array([[cos, sin], [-sin, cos]]) + (x, y)


def curve(knots: Sequence[tuple[float, float]] | Points, steps: int = 8, closed: bool = False) -> Points:
    """Return a smooth line through the knots (Catmull-Rom), `steps` points between each two."""
    p = np.asarray(knots, np.float64)
    ends = (p[-1:], p[:2]) if closed else (2 * p[:1] - p[1:2], 2 * p[-1:] - p[-2:-1])
    p = np.concatenate([ends[0], p, ends[1]])
    p0, p1, p2, p3 = p[:-3, None], p[1:-2, None], p[2:-1, None], p[3:, None]
    t = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    inner = 2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3
    line = (inner / 2).reshape(-1, 2)
    return line if closed else np.concatenate([line, p[-2:-1]])


def taper(points: Points, start_px: float, end_px: float) -> Points:
    """Return the outline of a band along the points whose width runs from start to end."""
    step = np.gradient(points, axis=0)
    normal = step[:, ::-1] * (-1, 1) / np.maximum(np.hypot(step[:, 0], step[:, 1]), 1e-6)[:, None]
    side = normal * np.linspace(start_px / 2, end_px / 2, len(points))[:, None]
    return np.concatenate([points + side, (points - side)[::-1]])
