"""One repeat of each rectilinear border ornament, for flatweaves and tribal carpets, and of all guard bands."""

from __future__ import annotations

import math

import numpy as np

from studio.carpets.drawing import Sheet
from studio.carpets.ornaments.border_tiles import BandInks, Tile, draw_petals, draw_trefoils, measure_tile
from studio.carpets.ornaments.geometry import cross, hooked_diamond, ram_horns, star


def draw_plain(sheet: Sheet, inks: BandInks) -> None:
    """Draw nothing: the band is its ground."""


def draw_lines(sheet: Sheet, inks: BandInks) -> None:
    """Draw two lines along the band."""
    w, h, *_ = measure_tile(sheet)
    third = max(1, h // 4)
    sheet.box(0, third, w, 2 * third - 1, inks.figure)
    if h >= 7:
        sheet.box(0, h - 2 * third, w, h - third - 1, inks.second)


def draw_pearls(sheet: Sheet, inks: BandInks) -> None:
    """Draw a pearl; in thin bands a bar."""
    w, h, x, y = measure_tile(sheet)
    if h < 6:
        sheet.box(w // 4, h // 3, w // 4 + max(0, w // 2 - 1), h - 1 - h // 3, inks.figure)
        return
    sheet.disc(x, y, h * 0.32, inks.figure, inks.outline if h > 10 else None)


def draw_teeth(sheet: Sheet, inks: BandInks) -> None:
    """Draw a triangle, so that the repeats form a sawtooth."""
    w, h, x, _ = measure_tile(sheet)
    sheet.polygon([(0, h - 1), (x, 0), (w - 1, h - 1)], inks.figure)
    if h > 9:
        sheet.polygon([(w * 0.3, h - 1), (x, h * 0.4), (w * 0.7, h - 1)], inks.second)


def draw_barber_pole(sheet: Sheet, inks: BandInks) -> None:
    """Draw a diagonal bar of a barber-pole stripe."""
    w, h, *_ = measure_tile(sheet)
    sheet.polygon([(0, h - 1), (w * 0.34, h - 1), (w * 0.84, 0), (w * 0.5, 0)], inks.figure)


def draw_checks(sheet: Sheet, inks: BandInks) -> None:
    """Draw a chequer of two rows."""
    w, h, *_ = measure_tile(sheet)
    sheet.box(0, 0, w // 2 - 1, h // 2 - 1, inks.figure)
    sheet.box(w // 2, h // 2, w, h, inks.figure)


def draw_zigzag(sheet: Sheet, inks: BandInks) -> None:
    """Draw a zigzag line; in bands of at least 10 px with triangles in its bends."""
    w, h, x, _ = measure_tile(sheet)
    thick = max(1, round(h * 0.2))
    sheet.line([(0, h - 1 - thick / 2), (x, thick / 2), (w - 1, h - 1 - thick / 2)], thick, inks.figure)
    if h > 9:
        sheet.polygon([(x - h * 0.14, h - 1), (x, h * 0.62), (x + h * 0.14, h - 1)], inks.second)
        for edge in inks.edges(w):
            sheet.polygon([(edge - h * 0.14, 0), (edge, h * 0.38), (edge + h * 0.14, 0)], inks.third)


def draw_diamonds(sheet: Sheet, inks: BandInks) -> None:
    """Draw nested diamonds."""
    w, h, x, y = measure_tile(sheet)
    for reach, fill in ((0.49, inks.figure), (0.32, inks.second), (0.15, inks.third)):
        rx, ry = w * reach, h * reach * 0.94
        if ry >= 1:
            outline = inks.outline if reach > 0.4 and h > 8 else None
            sheet.polygon([(x - rx, y), (x, y - ry), (x + rx, y), (x, y + ry)], fill, outline)


def draw_stars(sheet: Sheet, inks: BandInks) -> None:
    """Draw an eight-pointed star between diamonds."""
    w, h, x, y = measure_tile(sheet)
    star(sheet, x, y, h * 0.44, inks.fills, inks.outline)
    for edge in inks.edges(w):
        sheet.polygon(
            [(edge - h * 0.2, y), (edge, y - h * 0.3), (edge + h * 0.2, y), (edge, y + h * 0.3)],
            inks.third,
            inks.outline,
        )


def draw_running_dog(sheet: Sheet, inks: BandInks) -> None:
    """Draw a running dog: reciprocal hooks in two inks."""
    w, h, *_ = measure_tile(sheet)
    shape = np.array(
        [
            (0, 1),
            (0, 0.75),
            (0.3, 0.1),
            (0.85, 0.1),
            (0.85, 0.55),
            (0.6, 0.55),
            (0.6, 0.35),
            (0.45, 0.35),
            (0.45, 0.75),
            (1, 0.75),
            (1, 1),
        ]
    )
    sheet.polygon(shape * (w, h - 1), inks.figure)


def draw_meander(sheet: Sheet, inks: BandInks) -> None:
    """Draw a Greek key meander."""
    w, h, *_ = measure_tile(sheet)
    thick = max(1, round(h / 9))
    path = np.array(
        [
            (0, 0.9),
            (0.12, 0.9),
            (0.12, 0.12),
            (0.8, 0.12),
            (0.8, 0.66),
            (0.44, 0.66),
            (0.44, 0.4),
            (0.44, 0.4),
            (0.62, 0.4),
        ]
    )
    sheet.draw.line((path * (w, h - 1)).ravel().tolist(), fill=inks.figure, width=thick)
    sheet.draw.line((np.array([(0.0, 0.9), (1.0, 0.9)]) * (w, h - 1)).ravel().tolist(), fill=inks.figure, width=thick)


def draw_steps(sheet: Sheet, inks: BandInks) -> None:
    """Draw reciprocal stepped triangles."""
    w, h, x, _ = measure_tile(sheet)
    steps = max(2, min(5, h // 3))
    for k in range(steps):
        reach = w / 2 * (1 - k / steps)
        fill = inks.figure if k < steps - 1 or steps < 3 else inks.second
        sheet.box(
            round(x - reach), round(h - 1 - (k + 1) * h / steps), round(x + reach), round(h - 1 - k * h / steps), fill
        )


def draw_hooked(sheet: Sheet, inks: BandInks) -> None:
    """Draw a hooked diamond."""
    w, h, x, y = measure_tile(sheet)
    hooked_diamond(sheet, x, y, min(w, h) * 0.46, inks.fills, inks.outline)


def draw_horns(sheet: Sheet, inks: BandInks) -> None:
    """Draw ram's horns, up or down, between diamonds."""
    w, h, x, y = measure_tile(sheet)
    ram_horns(sheet, x, y, h * 0.42, inks.figure, bool(inks.variant % 2))
    for edge in inks.edges(w):
        sheet.polygon(
            [(edge - h * 0.14, y), (edge, y - h * 0.24), (edge + h * 0.14, y), (edge, y + h * 0.24)], inks.second
        )


def draw_crosses(sheet: Sheet, inks: BandInks) -> None:
    """Draw a stepped cross."""
    _, h, x, y = measure_tile(sheet)
    cross(sheet, x, y, h * 0.4, inks.figure, inks.second)


def draw_s_hooks(sheet: Sheet, inks: BandInks) -> None:
    """Draw an angular S."""
    w, h, *_ = measure_tile(sheet)
    path = np.array([(0.8, 0.2), (0.2, 0.2), (0.2, 0.5), (0.8, 0.5), (0.8, 0.8), (0.2, 0.8)])
    sheet.draw.line((path * (w - 1, h - 1)).ravel().tolist(), fill=inks.figure, width=max(1, round(h * 0.16)))


def draw_leaf_and_wineglass(sheet: Sheet, inks: BandInks) -> None:
    """Draw two slanting serrated leaves between goblets: the leaf-and-wineglass border of Caucasian carpets."""
    w, h, x, y = measure_tile(sheet)
    for way in (-1, 1):
        t = np.linspace(0, 1, 9)
        teeth = np.where(np.arange(9) % 2, 0.09, 0.2) * h * np.sin(math.pi * np.clip(t, 0.1, 0.9))
        spine = np.stack([x + way * (h * 0.12 + t * w * 0.3), y + h * (0.36 - 0.72 * t)], axis=1)
        shape = np.concatenate(
            [spine + np.stack([teeth, teeth * 0.4], 1), (spine - np.stack([teeth, teeth * 0.4], 1))[::-1]]
        )
        sheet.polygon(shape, inks.figure if way > 0 else inks.second, inks.outline)
    cup = np.array([(-0.5, -0.5), (0.5, -0.5), (0.1, 0), (0.5, 0.5), (-0.5, 0.5), (-0.1, 0)])
    for edge in inks.edges(w):
        sheet.polygon(cup * (w * 0.3, h * 0.8) + (edge, y), inks.third, inks.outline)


STEPPED_TILES: dict[str, Tile] = {
    "diamonds": Tile(draw_diamonds, 1.3, 6, "a border of diamonds"),
    "stars": Tile(draw_stars, 1.35, 10, "a border of stars"),
    "zigzag": Tile(draw_zigzag, 1.3, 5, "a zigzag border"),
    "running dog": Tile(draw_running_dog, 0.9, 6, "a border of hooks"),
    "meander": Tile(draw_meander, 1.05, 9, "a key border"),
    "steps": Tile(draw_steps, 1.2, 6, "a stepped border"),
    "hooked": Tile(draw_hooked, 1.1, 11, "a border of hooks"),
    "horns": Tile(draw_horns, 1.2, 9, "a border of horns"),
    "crosses": Tile(draw_crosses, 1.1, 7, "a border of crosses"),
    "leaf and wineglass": Tile(draw_leaf_and_wineglass, 1.9, 11, "a border of leaves"),
    "S hooks": Tile(draw_s_hooks, 0.9, 7, "a border of hooks"),
}
"""Rectilinear ornaments of tribal and flatwoven borders."""

GUARD_TILES: dict[str, Tile] = {
    "plain": Tile(draw_plain, 1.0, 1, "plain guards"),
    "lines": Tile(draw_lines, 1.0, 4, "plain guards"),
    "pearls": Tile(draw_pearls, 1.15, 3, "beaded guards"),
    "teeth": Tile(draw_teeth, 1.2, 3, "toothed guards"),
    "barber pole": Tile(draw_barber_pole, 1.3, 3, "slanting guards"),
    "checks": Tile(draw_checks, 1.0, 2, "checked guards"),
    "zigzag": Tile(draw_zigzag, 1.5, 4, "zigzag guards"),
    "trefoils": Tile(draw_trefoils, 0.7, 7, "trefoil guards"),
    "petals": Tile(draw_petals, 1.9, 5, "leafy guards"),
}
"""Ornaments of guard bands, the narrow bands on both sides of the main border."""
