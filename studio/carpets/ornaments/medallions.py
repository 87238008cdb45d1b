"""Medallions: nested outlines with wreaths or field patterns between them, a central flower, and pendants."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from studio.carpets.drafts import Draft, Inks
from studio.carpets.drawing import Points, Sheet
from studio.carpets.ornaments.contours import Contour
from studio.carpets.ornaments.fields import FIELD_PATTERNS
from studio.carpets.ornaments.foliage import curl, leaf
from studio.carpets.ornaments.motifs import FACING_FLOWERS, FLOWERS, ROUND_FLOWERS, palmette
from studio.carpets.ornaments.vines import Box, inks_on


@dataclass(frozen=True, slots=True)
class Oval:
    """The place of a medallion or of a panel's content: its centre and half sizes in px."""

    x: float
    y: float
    rx: float
    ry: float

    @property
    def short(self) -> float:
        """The shorter half size."""
        return min(self.rx, self.ry)


@dataclass(frozen=True, slots=True)
class Ring:
    """The ring between two scales of a medallion's outline, and its ground ink."""

    outer: float
    inner: float
    ground: int


def draw_medallion(
    draft: Draft, sheet: Sheet, inks: Inks, contour: Contour, oval: Oval, *, ground: int, rings: int
) -> None:
    """Draw a medallion of up to `rings` rings; the outermost has this ground, the others random ones."""
    grounds = [int(i) for i in draft.rng.permutation([*inks.accents, inks.light, inks.field, inks.border])]
    edge = draft.pick(grounds[:3])
    scale = 1.0
    for n in range(rings):
        fill = ground if n == 0 else grounds[n % len(grounds)]
        if draft.chance(0.6):  # an edge line round the ring
            sheet.polygon(_line(contour, oval, scale), edge, inks.outline)
            scale -= max(0.03, 2.4 * draft.unit_px / max(oval.rx, 1))
        if scale < 0.15:
            break
        line = _line(contour, oval, scale)
        sheet.polygon(line, fill, inks.outline)
        inner = scale * draft.real(0.5, 0.68) if n < rings - 1 else 0.0
        if n == 0 and oval.short > 30 * draft.unit_px**0.5 and draft.chance(0.5):
            filling = draft.pick(("vines", "vines", "scrolls", "sprays"))
            _fill_outline(draft, sheet, inks_on(inks, fill), line, filling)
        else:
            _draw_wreath(draft, sheet, inks, contour, oval, ring=Ring(scale, inner, fill))
        scale = inner
    middle = oval.short * max(scale, 0.3) * draft.real(0.6, 0.9)
    fills = [i for i in grounds if i != ground][:3]
    FLOWERS[draft.pick(ROUND_FLOWERS)](sheet, oval.x, oval.y, middle, 0.0, fills, inks.outline)


def _line(contour: Contour, oval: Oval, scale: float) -> Points:
    return contour.at(oval.x, oval.y, oval.rx * scale, oval.ry * scale)


def _fill_outline(draft: Draft, sheet: Sheet, inks: Inks, line: Points, filling: str) -> None:
    """Draw a field pattern inside a closed line, its motifs at 0.62 of their size on a field."""
    (left, top), (right, bottom) = np.maximum(line.min(axis=0), 0), line.max(axis=0)
    box = Box(
        left, top, min(right, sheet.width_px - 1), min(bottom, sheet.height_px - 1),
        axis_right=bool(right > sheet.width_px), axis_bottom=bool(bottom > sheet.height_px), scale=0.62,
    )  # fmt: skip
    layer = Sheet(sheet.width_px, sheet.height_px, inks.field, sheet.pen_px)
    mask = Sheet(sheet.width_px, sheet.height_px)
    FIELD_PATTERNS[filling](draft, layer, inks, box)
    mask.polygon(line, 255, 0)  # 0 keeps the line that is already drawn
    sheet.image.paste(layer.image, (0, 0), mask.image)


def _draw_wreath(draft: Draft, sheet: Sheet, inks: Inks, contour: Contour, oval: Oval, *, ring: Ring) -> None:
    """Draw flowers round a ring, with leaves beside them, or tendrils or rosettes between them."""
    room = (ring.outer - max(ring.inner, 0.3)) * oval.short
    if room < 4:
        return
    middle = (ring.outer + max(ring.inner, 0.34)) / 2
    count = draft.pick((4, 8, 8, 12, 16))
    round_px = 2 * math.pi * middle * oval.short
    while count > 4 and round_px / count < room * 0.7:
        count -= 4
    fills = [int(i) for i in draft.rng.permutation([i for i in (*inks.accents, inks.light) if i != ring.ground])]
    green = inks.leaf if inks.leaf != ring.ground else fills[0]
    draw = FLOWERS[draft.pick((*FACING_FLOWERS, *FACING_FLOWERS, *ROUND_FLOWERS))]
    style, way = draft.whole(0, 2), draft.pick((0.0, math.pi))
    flower = min(room * 0.34, round_px / count * 0.34)
    for k in range(count):
        turn = 2 * math.pi * k / count
        reach = contour.reach(turn) if k * 4 % count else 1.0
        x, y = oval.x + math.cos(turn) * oval.rx * middle * reach, oval.y + math.sin(turn) * oval.ry * middle * reach
        out = math.atan2(x - oval.x, oval.y - y)
        half = turn + math.pi / count
        next_x, next_y = oval.x + math.cos(half) * oval.rx * middle, oval.y + math.sin(half) * oval.ry * middle
        if style == 0:
            for side in (-1, 1):
                leaf(sheet, x, y, flower * 0.9, out + side * 1.9, green, inks.outline, bend=-0.5 * side)
        elif style == 1 and flower > 4:
            face = math.atan2(next_x - oval.x, oval.y - next_y)
            for side in (-1, 1):
                curl(sheet, next_x, next_y, flower * 0.8, face + side * 0.3, green, inks.outline, side)
        else:
            FLOWERS["rosettes"](sheet, next_x, next_y, flower * 0.45, 0.0, fills[::-1], inks.outline)
        draw(sheet, x, y, flower, out + way, (fills * 2)[k % 2 : k % 2 + 3], inks.outline)


SHIELD = np.array(
    [(0, 1.0), (0.5, 0.6), (1.0, 0.1), (0.55, -0.35), (0.3, -0.5), (0, -1.0), (-0.3, -0.5), (-0.55, -0.35), (-1.0, 0.1),
     (-0.5, 0.6)]
)  # fmt: skip


def draw_pendant(draft: Draft, sheet: Sheet, inks: Inks, tip: tuple[float, float], room: float) -> None:
    """Draw a pendant, a shield and a palmette, above the upper tip of a medallion, within `room` px."""
    if room < 6:
        return
    long, wide = room * draft.real(0.5, 0.75), room * draft.real(0.28, 0.4)
    x, y = tip[0], tip[1] - long * 0.5
    for scale, fill in ((1.0, inks.grounds[0]), (0.6, inks.accents[-1])):
        sheet.polygon(SHIELD * (wide * scale, long * 0.62 * scale) + (x, y), fill, inks.outline)
    fills = (inks.accents[0], inks.light, inks.accents[-1])
    palmette(sheet, x, y - long * 0.62, wide * 0.6, 0.0, fills, inks.outline)
