"""Flowers on index maps, from dots of 2 px to palmettes of 100 px; small ones have fewer parts.

Each flower takes (sheet, x, y, size, angle, fills, outline): `size` is half its height in pixels, `angle` the
direction in which it opens, in radians (0 is up, clockwise), `fills` at least two inks.
"""

# ruff: noqa: PLR0917  (place, size, direction and inks by position: every motif is drawn in one line)
from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache, wraps

import numpy as np

from studio.carpets.drawing import Fills, Points, Sheet, mirror_outline, place

OUTLINED_PETALS_FROM_PX = 6.5
Flower = Callable[..., None]
"""Some flowers take the number of petals as a further argument."""


@cache
def petal(width: float = 0.3, belly: float = 0.6, steps: int = 7) -> Points:
    """Return a pointed petal from (0, 0) up to (0, -1), widest at `belly` of its length."""
    t = np.linspace(0, 1, steps)
    x = width * np.sin(math.pi * t ** (math.log(0.5) / math.log(belly)))
    return mirror_outline(np.stack([x, -t], axis=1))


@cache
def round_petal(width: float = 0.3, notch: float = 0.0) -> Points:
    """Return a petal with a round end, notched by `notch`, from (0, 0) up to about (0, -1)."""
    t = np.linspace(0, math.pi, 9)
    x, y = width * np.cos(t), -(1 - width) - width * np.sin(t)
    cap = np.stack([x, y], axis=1)
    cap[4, 1] += notch
    return np.concatenate([[(0.08, 0.0)], cap, [(-0.08, 0.0)]])


def outlined_as_one(draw: Flower) -> Flower:
    """Make a flower too small for outlined petals have one outline round the whole."""

    @wraps(draw)
    def draw_flower(
        sheet: Sheet, x: float, y: float, size: float, angle: float, fills: Fills, outline: int | None, *more: int
    ) -> None:
        if outline is not None and size < OUTLINED_PETALS_FROM_PX:
            draw(sheet, x, y, size + sheet.pen_px, angle, (outline, outline), None, *more)
            outline = None
        draw(sheet, x, y, size, angle, fills, outline, *more)

    return draw_flower


def _dot_flower(sheet: Sheet, x: float, y: float, size: float, fills: Fills, outline: int | None) -> None:
    """Draw a flower too small for petals: a dot with a centre."""
    sheet.disc(x, y, size, fills[0], outline if size >= 2 else None)
    if size >= 1.5:
        sheet.disc(x, y, size * 0.35, fills[-1], None)


@outlined_as_one
def rosette(
    sheet: Sheet, x: float, y: float, size: float, angle: float, fills: Fills, outline: int | None, petals: int = 8
) -> None:
    """Draw a rosette: round petals, a ring and a centre."""
    if size < 3.5:
        _dot_flower(sheet, x, y, size, fills, outline)
        return
    petals = min(petals, 5 + int(size / 4))
    shape = round_petal(min(0.42, 0.92 * math.tan(math.pi / petals) / (1 + math.tan(math.pi / petals))))
    tip = fills[1] if petals % 2 == 0 and len(fills) > 2 else fills[0]
    for k in range(petals):
        turn = angle + 2 * math.pi * k / petals
        sheet.polygon(place(shape, x, y, size, turn), (fills[0], tip)[k % 2], outline)
        if size > 16:
            sheet.polygon(place(petal(0.12, 0.6), x, y, size * 0.78, turn), fills[-1], None)
    sheet.disc(x, y, size * 0.36, fills[-1], outline)
    if size > 8:
        sheet.disc(x, y, size * 0.17, fills[0], outline if size > 20 else None)


@outlined_as_one
def daisy(
    sheet: Sheet, x: float, y: float, size: float, angle: float, fills: Fills, outline: int | None, petals: int = 8
) -> None:
    """Draw a daisy: pointed petals in two layers."""
    if size < 3.5:
        _dot_flower(sheet, x, y, size, fills, outline)
        return
    for layer, reach in enumerate((1.0, 0.68)):
        if layer and size < 7:
            break
        shape = petal(0.2, 0.55)
        for k in range(petals):
            turn = angle + 2 * math.pi * (k + layer / 2) / petals
            sheet.polygon(place(shape, x, y, size * reach, turn), fills[layer % len(fills)], outline)
    sheet.disc(x, y, size * 0.24, fills[-1], outline)


@outlined_as_one
def palmette(sheet: Sheet, x: float, y: float, size: float, angle: float, fills: Fills, outline: int | None) -> None:
    """Draw a palmette: two fans of petals round a bud."""
    if size < 4:
        sheet.polygon(
            place(petal(0.45, 0.6), x - math.sin(angle) * size, y + math.cos(angle) * size, size * 2, angle),
            fills[0],
            outline,
        )
        return
    foot_x, foot_y = x - math.sin(angle) * size * 0.62, y + math.cos(angle) * size * 0.62
    count = 5 if size < 8 else 7 if size < 26 else 9
    rows = ((1.0, count, 1.95, fills[0]), (0.76, max(3, count - 2), 1.3, fills[1 % len(fills)]))
    for reach, petals, spread, fill in rows:
        for turn in sorted(np.linspace(-spread, spread, petals), key=abs, reverse=True):
            length = size * 1.62 * reach * (1 - 0.17 * abs(turn))
            sheet.polygon(place(round_petal(0.22), foot_x, foot_y, length, angle + turn), fill, outline)
    sheet.polygon(place(petal(0.34, 0.5), foot_x, foot_y, size * 0.95, angle), fills[-1], outline)
    if size > 10:
        sheet.polygon(
            place(petal(0.26, 0.5), foot_x, foot_y, size * 0.55, angle), fills[0], outline if size > 24 else None
        )


@outlined_as_one
def lotus(sheet: Sheet, x: float, y: float, size: float, angle: float, fills: Fills, outline: int | None) -> None:
    """Draw a lotus: pointed petals fanned from a calyx."""
    if size < 4:
        palmette(sheet, x, y, size, angle, fills, outline)
        return
    foot_x, foot_y = x - math.sin(angle) * size * 0.7, y + math.cos(angle) * size * 0.7
    turns = (1.75, 1.25, 0.8, 0.4, 0.0) if size > 7 else (1.5, 0.75, 0.0)
    for row, turn in enumerate(turns):
        for side in (-1, 1) if turn else (1,):
            length = size * (1.75 - 0.3 * turn)
            sheet.polygon(place(petal(0.24, 0.5), foot_x, foot_y, length, angle + side * turn), fills[row % 2], outline)
            if size > 15:
                sheet.polygon(
                    place(petal(0.11, 0.45), foot_x, foot_y, length * 0.7, angle + side * turn),
                    fills[(row + 1) % 2],
                    None,
                )
    sheet.polygon(place(petal(0.3, 0.45), foot_x, foot_y, size * 0.75, angle), fills[-1], outline)


@outlined_as_one
def tulip(sheet: Sheet, x: float, y: float, size: float, angle: float, fills: Fills, outline: int | None) -> None:
    """Draw a tulip in profile: one petal between two that bend outwards."""
    foot_x, foot_y = x - math.sin(angle) * size, y + math.cos(angle) * size
    sheet.polygon(place(petal(0.22, 0.5), foot_x, foot_y, size * 1.75, angle), fills[1 % len(fills)], outline)
    side = np.array(
        [(0, 0), (0.3, -0.12), (0.44, -0.45), (0.4, -0.75), (0.6, -1.0), (0.3, -0.9), (0.14, -0.6), (0.04, -0.3)]
    )
    for flip in (False, True):
        sheet.polygon(place(side, foot_x, foot_y, size * 1.9, angle, flip=flip), fills[0], outline)


@outlined_as_one
def carnation(sheet: Sheet, x: float, y: float, size: float, angle: float, fills: Fills, outline: int | None) -> None:
    """Draw a carnation in profile, as in Ottoman designs: two toothed fans on a calyx."""
    foot_x, foot_y = x - math.sin(angle) * size * 0.8, y + math.cos(angle) * size * 0.8
    teeth = 11 if size > 9 else 7
    for reach, fill in ((1.75, fills[0]), (1.15, fills[1 % len(fills)])):
        turn = np.linspace(-1.15, 1.15, teeth)
        radius = reach * np.where(np.arange(teeth) % 2, 0.8, 1.0)
        fan = np.stack([radius * np.sin(turn), -radius * np.cos(turn)], axis=1)
        sheet.polygon(place(np.concatenate([[(0, 0)], fan]), foot_x, foot_y, size, angle), fill, outline)
    sheet.polygon(place(petal(0.4, 0.5), foot_x, foot_y, size * 0.7, angle), fills[-1], outline)


@outlined_as_one
def pomegranate(sheet: Sheet, x: float, y: float, size: float, angle: float, fills: Fills, outline: int | None) -> None:
    """Draw a pomegranate: a round fruit with a crown, cut open."""
    crown = np.array(
        [(-0.2, -0.55), (-0.34, -1.0), (-0.1, -0.82), (0, -1.05), (0.1, -0.82), (0.34, -1.0), (0.2, -0.55)]
    )
    sheet.polygon(place(crown, x, y, size, angle), fills[1 % len(fills)], outline)
    low_x, low_y = x - math.sin(angle) * size * 0.2, y + math.cos(angle) * size * 0.2
    sheet.disc(low_x, low_y, size * 0.72, fills[0], outline)
    if size > 5:
        foot = place(np.array([(0.0, 0.75)]), x, y, size, angle)[0]
        sheet.polygon(
            place(petal(0.3, 0.5), foot[0], foot[1], size * 1.05, angle), fills[-1], outline if size > 10 else None
        )


@outlined_as_one
def bud(sheet: Sheet, x: float, y: float, size: float, angle: float, fills: Fills, outline: int | None) -> None:
    """Draw a closed bud with two sepals."""
    foot_x, foot_y = x - math.sin(angle) * size, y + math.cos(angle) * size
    sheet.polygon(place(petal(0.3, 0.45), foot_x, foot_y, size * 2, angle), fills[0], outline)
    if size > 3:
        for side in (-0.55, 0.55):
            sheet.polygon(place(petal(0.2, 0.5), foot_x, foot_y, size * 1.2, angle + side), fills[-1], outline)


@outlined_as_one
def peony(sheet: Sheet, x: float, y: float, size: float, angle: float, fills: Fills, outline: int | None) -> None:
    """Draw a peony: three rings of notched petals."""
    if size < 5:
        rosette(sheet, x, y, size, angle, fills, outline)
        return
    for ring, (reach, petals) in enumerate(((1.0, 9), (0.7, 7), (0.42, 5))):
        if reach * size < 3.5:
            break
        shape = round_petal(0.3, 0.08)
        for k in range(petals):
            turn = angle + 2 * math.pi * (k + 0.5 * (ring % 2)) / petals
            sheet.polygon(place(shape, x, y, size * reach, turn), fills[ring % len(fills)], outline)
    sheet.disc(x, y, max(1.0, size * 0.13), fills[-1], outline if size > 12 else None)


FLOWERS: dict[str, Flower] = {
    "rosettes": rosette,
    "daisies": daisy,
    "palmettes": palmette,
    "lotus flowers": lotus,
    "tulips": tulip,
    "carnations": carnation,
    "pomegranates": pomegranate,
    "peonies": peony,
}
"""Flowers by their plural in captions. To add one, write a function of the same form and add one entry."""

FACING_FLOWERS = ("palmettes", "lotus flowers", "tulips", "carnations", "pomegranates")
ROUND_FLOWERS = ("rosettes", "daisies", "peonies")
