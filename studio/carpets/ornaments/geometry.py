"""Rectilinear motifs of tribal carpets: guls, stars, hooks, crosses. `size` is half a motif's height in pixels."""

# ruff: noqa: PLR0917  (place, size, direction and inks by position: every motif is drawn in one line)
from __future__ import annotations

import math
from functools import cache

import numpy as np

from studio.carpets.drawing import Fills, Points, Sheet, mirror_outline, place


@cache
def octagon(cut: float = 0.42) -> Points:
    """Return an octagon: the square from -1 to 1 with `cut` taken off each corner."""
    a = 1 - cut
    return np.array([(-a, -1), (a, -1), (1, -a), (1, a), (a, 1), (-a, 1), (-1, a), (-1, -a)], np.float64)


@cache
def diamond() -> Points:
    """Return a diamond from -1 to 1."""
    return np.array([(0, -1), (1, 0), (0, 1), (-1, 0)], np.float64)


@cache
def hexagon(cut: float = 0.5) -> Points:
    """Return a hexagon with a point at the top and the bottom, each `cut` high."""
    return np.array([(0, -1), (1, -1 + cut), (1, 1 - cut), (0, 1), (-1, 1 - cut), (-1, -1 + cut)], np.float64)


@cache
def star_shape(points: int = 8, inner: float = 0.72) -> Points:
    """Return a star with one point up; `inner` is the radius between the points."""
    turn = np.arange(2 * points) * math.pi / points
    r = np.where(np.arange(2 * points) % 2, inner, 1.0)
    return np.stack([r * np.sin(turn), -r * np.cos(turn)], axis=1)


@cache
def stepped_diamond(steps: int = 4) -> Points:
    """Return a diamond with stepped sides."""
    k = np.arange(steps)
    low, high = k / steps, (k + 1) / steps
    stairs = np.stack([np.stack([low, -(1 - low)], 1), np.stack([high, -(1 - low)], 1)], axis=1).reshape(-1, 2)
    return mirror_outline(np.concatenate([stairs, (stairs * (1, -1))[::-1]]))


def star(sheet: Sheet, x: float, y: float, size: float, fills: Fills, outline: int | None) -> None:
    """Draw nested eight-pointed stars round a diamond."""
    sheet.polygon(place(star_shape(8, 0.74), x, y, size), fills[0], outline)
    if size > 4:
        sheet.polygon(place(star_shape(8, 0.7), x, y, size * 0.6), fills[1 % len(fills)], None)
    if size > 7:
        sheet.polygon(place(diamond(), x, y, size * 0.26), fills[-1], None)


def cross(sheet: Sheet, x: float, y: float, size: float, fill: int, centre: int) -> None:
    """Draw a stepped cross with a square centre of another ink."""
    a = size / 3
    sheet.box(round(x - size), round(y - a), round(x + size), round(y + a), fill)
    sheet.box(round(x - a), round(y - size), round(x + a), round(y + size), fill)
    sheet.box(round(x - 2 * a), round(y - 2 * a), round(x + 2 * a), round(y + 2 * a), fill)
    sheet.box(round(x - a * 0.7), round(y - a * 0.7), round(x + a * 0.7), round(y + a * 0.7), centre)


def hook(sheet: Sheet, x: float, y: float, size: float, angle: float, fill: int, way: int = 1) -> None:
    """Draw a latch hook: a stem from x, y in the direction `angle`, bent over to one side (`way` 1 or -1)."""
    path = np.array([(0, 0), (0, -1.0), (way * 0.75, -1.0), (way * 0.75, -0.5)])
    flat = place(path, x, y, size, angle).ravel().tolist()
    sheet.draw.line(flat, fill=fill, width=max(1, round(size * 0.32)))


def hooked_diamond(
    sheet: Sheet, x: float, y: float, size: float, fills: Fills, outline: int | None, hooks: int = 3
) -> None:
    """Draw nested diamonds with this many latch hooks on each side."""
    core = size * 0.66 if size > 5 else size
    if size > 5:
        reach = size * 0.3
        for k in range(hooks):
            t = (k + 0.5) / hooks
            for sx in (-1, 1):
                for sy in (-1, 1):
                    hook(
                        sheet,
                        x + sx * core * t,
                        y + sy * core * (1 - t),
                        reach,
                        0.0 if sy < 0 else math.pi,
                        fills[0],
                        sx * -sy,
                    )
    for reach, fill in ((1.0, fills[0]), (0.66, fills[1 % len(fills)]), (0.32, fills[-1])):
        if core * reach >= 1:
            sheet.polygon(place(diamond(), x, y, core * reach), fill, outline if reach == 1.0 and size > 8 else None)


def ram_horns(sheet: Sheet, x: float, y: float, size: float, fill: int, over: bool = False) -> None:
    """Draw a stem with a pair of ram's horns; `over` turns it upside down."""
    way = -1 if over else 1
    thick = max(1, round(size * 0.28))
    for side in (-1, 1):
        path = [(0, 1.0), (0, -0.7), (side * 0.85, -0.7), (side * 0.85, 0.1), (side * 0.45, 0.1), (side * 0.45, -0.2)]
        points = np.array(path) * (size, way * size) + (x, y)
        sheet.draw.line(points.ravel().tolist(), fill=fill, width=thick)


def comb(sheet: Sheet, x: float, y: float, size: float, fill: int) -> None:
    """Draw a comb with five teeth, three when small."""
    thick = max(1, round(size * 0.2))
    sheet.box(round(x - size), round(y - size * 0.1), round(x + size), round(y - size * 0.1) + thick - 1, fill)
    for k in np.linspace(-size, size, 5 if size > 5 else 3):
        left = round(x + k - thick / 2)
        sheet.box(left, round(y - size * 0.1), left + thick - 1, round(y + size * 0.8), fill)


def gul(sheet: Sheet, x: float, y: float, size: float, fills: Fills, outline: int | None, kind: int = 0) -> None:
    """Draw a Turkmen gul, 1.35 times as wide as high, quartered in two inks, with a star in the middle.

    `kind` selects the outline: octagon, flatter octagon, hexagon, stepped diamond.
    """
    wide, flat, middle = size * 1.35, size, np.array((x, y))
    shapes = (octagon(0.42), octagon(0.6), hexagon(0.55), stepped_diamond(5))
    shape = shapes[kind % 4]
    sheet.polygon(shape * (wide, flat) + (x, y), fills[0], outline)
    inner = shape * (wide * 0.86, flat * 0.84)
    sheet.polygon(inner + middle, fills[1], None)
    for sx, sy in ((1, 1), (-1, -1)):  # two opposite quarters in another ink
        quarter = np.clip(inner * (sx, sy), 0, None) * (sx, sy)
        sheet.polygon(quarter + middle, fills[2 % len(fills)], None)
    if size > 8:
        for sx, sy in ((1, 1), (-1, 1), (1, -1), (-1, -1)):
            spot = fills[2 % len(fills)] if sx != sy else fills[1]
            sheet.polygon(
                diamond() * (size * 0.17, size * 0.17) + (x + sx * wide * 0.46, y + sy * flat * 0.42), spot, None
            )
    sheet.polygon(octagon(0.5) * (wide * 0.36, flat * 0.4) + (x, y), fills[0], outline if size > 9 else None)
    if size > 6:
        star(sheet, x, y, size * 0.26, (fills[-1], fills[1]), None)


def small_gul(sheet: Sheet, x: float, y: float, size: float, fills: Fills, outline: int | None) -> None:
    """Draw the minor gul, which stands between the rows: a diamond with four smaller ones."""
    sheet.polygon(place(diamond(), x, y, size), fills[0], outline)
    for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        sheet.polygon(
            diamond() * (size * 0.3) + (x + dx * size * 0.72, y + dy * size * 0.72),
            fills[1 % len(fills)],
            outline if size > 7 else None,
        )
    sheet.polygon(place(diamond(), x, y, size * 0.36), fills[-1], None)
