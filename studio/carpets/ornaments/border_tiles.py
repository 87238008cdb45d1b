"""One repeat of each curvilinear border ornament. Tiles are drawn for the top border, outer edge up."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from studio.carpets.drawing import Fills, Points, Sheet, mirror_outline, place
from studio.carpets.ornaments.foliage import boteh, cloud_band, draw_vine_leaves, leaf, spiral
from studio.carpets.ornaments.motifs import FACING_FLOWERS, FLOWERS, ROUND_FLOWERS, Flower, daisy, petal, rosette

UPSIDE_DOWN = math.pi


@dataclass(frozen=True, slots=True)
class BandInks:
    """The inks of one band, a number that selects variants of its motifs, and whether this repeat is the first.

    The first repeat lies beside the corner motif.
    """

    ground: int
    figure: int
    second: int
    third: int
    outline: int
    leaf: int
    variant: int
    first: bool = False

    def edges(self, width_px: int) -> tuple[int, ...]:
        """Return the x of motifs that two repeats share: both edges, but not the edge beside the corner motif."""
        return (width_px - 1,) if self.first else (0, width_px - 1)

    @property
    def fills(self) -> Fills:
        """The inks of a motif."""
        return self.figure, self.second, self.third


def _flower(inks: BandInks, names: tuple[str, ...], shift: int = 0) -> Flower:
    return FLOWERS[names[(inks.variant + shift) % len(names)]]


def _wave(sheet: Sheet, swing: float) -> Points:
    t = np.linspace(0, 1, 25)
    middle = (sheet.height_px - 1) / 2
    y = middle + sheet.height_px * swing * np.cos(2 * math.pi * t)
    return np.stack([t * (sheet.width_px - 1), y], axis=1)


def measure_tile(sheet: Sheet) -> tuple[int, int, float, float]:
    """Return the width and height of a tile, and x and y of its centre, in px."""
    return sheet.width_px, sheet.height_px, (sheet.width_px - 1) / 2, (sheet.height_px - 1) / 2


def draw_rosettes(sheet: Sheet, inks: BandInks) -> None:
    """Draw a round flower between two leaves."""
    w, h, x, y = measure_tile(sheet)
    for side in (-1, 1):
        leaf(sheet, x + side * h * 0.36, y, (w - h * 0.72) * 0.24, side * math.pi / 2, inks.leaf, inks.outline)
    _flower(inks, ROUND_FLOWERS)(sheet, x, y, h * 0.4, 0.0, inks.fills, inks.outline)


def draw_palmette_vine(sheet: Sheet, inks: BandInks) -> None:
    """Draw a meandering vine with a palmette in each bend, facing outwards and inwards alternately."""
    w, h, x, y = measure_tile(sheet)
    vine = _wave(sheet, 0.34)
    sheet.ribbon(vine, max(1.0, h / 18), inks.leaf, inks.outline if h > 26 else None)
    draw_vine_leaves(sheet, vine, h * 0.11, (inks.leaf, inks.third), inks.outline if h > 20 else None, every=4)
    draw = _flower(inks, FACING_FLOWERS)
    draw(sheet, x, y - h * 0.08, h * 0.3, 0.0, inks.fills, inks.outline)
    other = _flower(inks, FACING_FLOWERS, inks.variant // 8)
    for edge in inks.edges(w):
        other(sheet, edge, y + h * 0.08, h * 0.3, UPSIDE_DOWN, (inks.second, inks.figure, inks.third), inks.outline)


def draw_flower_row(sheet: Sheet, inks: BandInks) -> None:
    """Draw an upright flower between small rosettes."""
    w, h, x, y = measure_tile(sheet)
    way = UPSIDE_DOWN if inks.variant % 2 else 0.0
    for side in (-0.7, 0.7):
        leaf(sheet, x, y + h * (0.36 if way == 0 else -0.36), h * 0.22, way + side * 1.6, inks.leaf, inks.outline)
    _flower(inks, FACING_FLOWERS)(sheet, x, y, h * 0.36, way, inks.fills, inks.outline)
    for edge in inks.edges(w):
        rosette(sheet, edge, y, h * 0.17, 0.0, (inks.second, inks.third), inks.outline, 6)


def draw_scroll(sheet: Sheet, inks: BandInks) -> None:
    """Draw a running scroll with a flower in each spiral, pointing up and down alternately."""
    w, h, _, y = measure_tile(sheet)
    vine = _wave(sheet, 0.4)
    pen = inks.outline if h > 22 else None
    thick = max(1.0, h / 20)
    sheet.ribbon(vine, thick, inks.leaf, pen)
    draw_vine_leaves(sheet, vine, h * 0.1, (inks.leaf, inks.second), pen, every=5)
    for cx, way in (((w - 1) / 2, 1), *((edge, -1) for edge in inks.edges(w))):
        cy, r = y + way * h * 0.08, h * 0.34
        line = spiral(cx, cy, r, way * math.pi / 2 + (0.5 if way > 0 else -0.5), 1.0, way)
        sheet.ribbon(line, thick, inks.leaf, pen)
        fills = inks.fills if way > 0 else (inks.second, inks.figure, inks.third)
        _flower(inks, ROUND_FLOWERS)(sheet, cx, cy, r * 0.62, 0.0, fills, inks.outline)


def draw_botehs(sheet: Sheet, inks: BandInks) -> None:
    """Draw a boteh that leans left or right, between small rosettes."""
    w, h, x, y = measure_tile(sheet)
    boteh(sheet, x, y, h * 0.4, 0.0, inks.fills, inks.outline, bool(inks.variant % 2))
    for edge in inks.edges(w):
        rosette(sheet, edge, y, h * 0.1, 0.0, (inks.third, inks.figure), None)


def draw_cartouches(sheet: Sheet, inks: BandInks) -> None:
    """Draw a long cartouche with a flower, and a roundel where two cartouches meet."""
    w, h, x, y = measure_tile(sheet)
    a, b, c = w / 2 - h * 0.42, h * 0.36, h * 0.2
    shape = [(-a, 0), (-a + c, -b * 0.55), (-a + c * 1.5, -b), (a - c * 1.5, -b), (a - c, -b * 0.55), (a, 0)]
    full = np.array(shape + [(px, -py) for px, py in reversed(shape)])
    sheet.polygon(full + np.array((x, y)), inks.second, inks.outline)
    for side in (-1, 1):
        leaf(sheet, x + side * h * 0.2, y, max(1.5, (a - h * 0.3) * 0.36), side * math.pi / 2, inks.leaf, inks.outline)
    for edge in inks.edges(w):
        daisy(sheet, edge, y, h * 0.3, 0.0, (inks.figure, inks.third), inks.outline, 6)
    _flower(inks, ROUND_FLOWERS)(sheet, x, y, h * 0.27, 0.0, (inks.figure, inks.third), inks.outline)


def draw_clouds(sheet: Sheet, inks: BandInks) -> None:
    """Draw a cloud band between small flowers."""
    w, h, x, y = measure_tile(sheet)
    cloud_band(sheet, x, y, h * 0.4, 0.0, inks.figure, inks.outline)
    daisy(sheet, x, y + h * 0.08, h * 0.14, 0.0, (inks.second, inks.third), None, 6)
    for edge in inks.edges(w):
        daisy(sheet, edge, y, h * 0.2, 0.0, (inks.second, inks.third), inks.outline, 6)


def draw_arches(sheet: Sheet, inks: BandInks) -> None:
    """Draw a scalloped line along both edges with flowers between, as on Chinese and Aubusson borders."""
    w, h, x, y = measure_tile(sheet)
    t = np.linspace(0, 2 * math.pi, 25)
    for way in (1, -1):
        line = np.stack([t / (2 * math.pi) * (w - 1), y - way * (h * 0.46 - h * 0.16 * np.abs(np.cos(t / 2)))], axis=1)
        sheet.ribbon(line, max(1.0, h / 16), inks.leaf, inks.outline if h > 24 else None)
    _flower(inks, FACING_FLOWERS)(sheet, x, y, h * 0.3, UPSIDE_DOWN * (inks.variant % 2), inks.fills, inks.outline)
    for edge in inks.edges(w):
        _flower(inks, ROUND_FLOWERS, 1)(sheet, edge, y, h * 0.2, 0.0, (inks.second, inks.third), inks.outline)


def draw_trefoils(sheet: Sheet, inks: BandInks) -> None:
    """Draw reciprocal trefoils: figure and ground have the same shape."""
    w, h, x, _ = measure_tile(sheet)
    right = np.array([(0.0, 0.1), (0.1, 0.3), (0.2, 0.34), (0.22, 0.52), (0.1, 0.56), (0.14, 0.8), (0.25, 1.0)])
    sheet.polygon(place(mirror_outline(right * (w, h)), x, 0, 1.0), inks.figure, None)


def draw_petals(sheet: Sheet, inks: BandInks) -> None:
    """Draw a leaf that lies along the band, between dots."""
    w, h, x, y = measure_tile(sheet)
    sheet.polygon(
        place(petal(0.26, 0.5), x - w * 0.42, y, w * 0.84, math.pi / 2), inks.figure, inks.outline if h > 8 else None
    )
    for edge in inks.edges(w):
        sheet.disc(edge, y, h * 0.14, inks.second, None)


@dataclass(frozen=True, slots=True)
class Tile:
    """A border ornament.

    `ratio` is the length of a repeat over the thickness of the band, `least_px` the least thickness at which it is
    legible, `words` its phrase in a caption.
    """

    draw: Callable[[Sheet, BandInks], None]
    ratio: float
    least_px: int
    words: str


CURVED_TILES: dict[str, Tile] = {
    "rosettes": Tile(draw_rosettes, 1.7, 8, "a border of flowers"),
    "palmette vine": Tile(draw_palmette_vine, 2.0, 12, "a border of vines"),
    "flower row": Tile(draw_flower_row, 1.25, 9, "a border of flowers"),
    "scroll": Tile(draw_scroll, 2.1, 13, "a border of scrolls"),
    "botehs": Tile(draw_botehs, 0.95, 8, "a border of boteh"),
    "cartouches": Tile(draw_cartouches, 3.0, 12, "a border of cartouches"),
    "clouds": Tile(draw_clouds, 1.8, 12, "a border of clouds"),
    "arches": Tile(draw_arches, 1.6, 12, "a scalloped border"),
}
"""Curvilinear ornaments of classic borders."""
