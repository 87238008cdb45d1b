"""Leaves, vines, tendrils, boteh, cloud bands and cypresses."""

# ruff: noqa: PLR0917  (place, size, direction and inks by position: every motif is drawn in one line)
from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import numpy as np

from studio.carpets.drawing import Fills, Points, Sheet, curve, mirror_outline, place, taper
from studio.carpets.ornaments.motifs import bud, rosette


@cache
def _leaf_shape(bend: float, teeth: bool) -> tuple[Points, Points]:
    t = np.linspace(0, 1, 13 if teeth else 7)
    spine = np.stack([bend * np.sin(math.pi * t * 0.9), -2 * t], axis=1)
    width = (0.5 if teeth else 0.42) * np.sin(math.pi * t**0.8)
    if teeth:
        width = width * np.where(np.arange(len(t)) % 2, 0.62, 1.0)
    reach = np.stack([width, 0 * t], axis=1)
    return np.concatenate([spine + reach, (spine - reach)[::-1]]), spine[:-1]


def leaf(
    sheet: Sheet, x: float, y: float, size: float, angle: float, fill: int, outline: int | None, *,
    bend: float = 0.3, rib: int | None = None, teeth: bool = False,
) -> None:  # fmt: skip
    """Draw a bent leaf, 2 x size long, from its stalk at x, y in the direction `angle`."""
    shape, spine = _leaf_shape(round(bend, 1), teeth and size > 7)
    sheet.polygon(place(shape, x, y, size, angle), fill, outline)
    if rib is not None and size > 6:
        sheet.line(place(spine, x, y, size, angle), sheet.pen_px, rib)


@cache
def _boteh_shape() -> Points:
    knots = ((0.0, 1.0), (0.52, 0.74), (0.64, 0.24), (0.42, -0.28), (0.26, -0.58), (0.36, -0.8), (0.6, -0.78),
             (0.42, -1.0), (0.08, -0.94), (-0.22, -0.62), (-0.5, -0.08), (-0.62, 0.42), (-0.42, 0.84))  # fmt: skip
    return curve(knots, 4, closed=True)


def boteh(
    sheet: Sheet, x: float, y: float, size: float, angle: float, fills: Fills, outline: int | None, flip: bool = False
) -> None:
    """Draw a boteh, the bent drop of paisley: nested drops with a flower in the wide part."""
    shape = _boteh_shape()
    sheet.polygon(place(shape, x, y, size, angle, flip=flip), fills[0], outline)
    if size > 5:
        inner = outline if size > 9 else None
        sheet.polygon(place(shape * 0.68 + (0.0, 0.14), x, y, size, angle, flip=flip), fills[1 % len(fills)], inner)
    if size > 16:
        sheet.polygon(place(shape * 0.4 + (0.0, 0.26), x, y, size, angle, flip=flip), fills[0], outline)
    if size > 10:
        belly = place(np.array([(0.02, 0.42)]), x, y, size, angle, flip=flip)[0]
        rosette(sheet, belly[0], belly[1], size * 0.24, 0.0, (fills[-1], fills[0]), None, 6)
    if size > 13:  # a row of dots along the back
        for t in np.linspace(0.05, 0.42, 5):
            dot = place(shape[int(t * len(shape))][None] * 0.84 + (0, 0.06), x, y, size, angle, flip=flip)[0]
            sheet.disc(dot[0], dot[1], size * 0.05, fills[-1], None)


def spiral(x: float, y: float, radius: float, start: float, turns: float, way: int, inner: float = 0.22) -> Points:
    """Return a spiral from the rim of a circle to `inner` of its radius.

    `start` is in radians; `way` is 1 for clockwise on screen, -1 for anticlockwise.
    """
    t = np.linspace(0, 1, max(8, int(14 * turns + radius / 6)))
    r = radius * (1 - (1 - inner) * t**0.85)
    turn = start + way * 2 * math.pi * turns * t
    return np.stack([x + r * np.cos(turn), y + r * np.sin(turn)], axis=1)


def heading(points: Points, at: int) -> float:
    """Return the direction of the line at the point of this index, in radians (0 is up, clockwise)."""
    before, after = points[max(0, at - 1)], points[min(len(points) - 1, at + 1)]
    return math.atan2(after[0] - before[0], before[1] - after[1])


def draw_vine_leaves(
    sheet: Sheet, vine: Points, size: float, fills: Sequence[int], outline: int | None, *,
    every: int = 3, buds: bool = False, teeth: bool = False,
) -> None:  # fmt: skip
    """Draw leaves along a vine, one at every `every`-th point on alternating sides; with `buds` some are buds."""
    for count, at in enumerate(range(2, len(vine) - 1, every)):
        side = 1 if count % 2 else -1
        turn = heading(vine, at) + side * 0.85
        x, y = vine[at]
        if buds and count % 3 == 2:
            reach = size * 1.6
            bud(sheet, x + math.sin(turn) * reach, y - math.cos(turn) * reach, size * 0.8, turn, fills[::-1], outline)
        else:
            leaf(sheet, x, y, size, turn, fills[count % len(fills)], outline, bend=-0.4 * side, teeth=teeth)


def curl(
    sheet: Sheet, x: float, y: float, size: float, angle: float, fill: int, outline: int | None, way: int = 1
) -> None:
    """Draw a tapering tendril from x, y in the direction `angle`, curled up to one side (`way` 1 or -1)."""
    if size < 3:
        return
    turn = np.linspace(0, 4.6, 14)
    r = size * np.linspace(0.62, 0.24, 14)
    x0, y0 = r * np.cos(turn), r * np.sin(turn)
    line = np.stack([way * (size * 0.62 - x0), -y0 - size * 0.3], axis=1)
    line = np.concatenate([[(0.0, 0.0)], line])
    band = place(taper(line, size * 0.34, size * 0.2), x, y, 1.0, angle)
    sheet.polygon(band, fill, outline)
    end = place(line[-1:], x, y, 1.0, angle)[0]
    sheet.disc(end[0], end[1], size * 0.2, fill, outline)


@cache
def _cloud_line() -> Points:
    half = [(0.0, -0.28), (0.16, -0.62), (0.46, -0.78), (0.76, -0.56), (0.84, -0.14), (0.7, 0.22), (0.44, 0.36),
            (0.24, 0.2), (0.28, -0.04), (0.46, -0.08)]  # fmt: skip
    left = [(-x, y) for x, y in half[:0:-1]]
    return curve([*left, *half], 4)


def cloud_band(sheet: Sheet, x: float, y: float, size: float, angle: float, fill: int, outline: int | None) -> None:
    """Draw a small cloud band: two lobes with ends that curl inwards."""
    sheet.ribbon(place(_cloud_line(), x, y, size * 1.15, angle), max(1.0, size * 0.17), fill, outline)


def cypress(sheet: Sheet, x: float, y: float, size: float, fills: Fills, outline: int | None) -> None:
    """Draw a cypress, 2 x size high, centred on x, y, with a short trunk below."""
    sheet.polygon(place(_cypress_shape(), x, y + size, size * 2, 0.0), fills[0], outline)
    sheet.box(round(x - size * 0.06), y + size * 0.95, round(x + size * 0.06), y + size * 1.15, fills[-1])
    for step in np.linspace(0.25, 0.75, max(2, int(size / 6))):
        sheet.disc(x, y + size - 2 * size * step, max(0.5, size * 0.1 * (1.2 - step)), fills[1 % len(fills)], None)


@cache
def _cypress_shape() -> Points:
    t = np.linspace(0, 1, 12)
    x = 0.2 * np.sin(math.pi * t**0.62)
    return mirror_outline(np.stack([x, -t], axis=1))
