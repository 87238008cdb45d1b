"""Garden carpets: a field of panels, each with a plant or a figure."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from studio.carpets.drafts import Draft, Drawing, Inks, take_inks
from studio.carpets.drawing import Sheet, curve
from studio.carpets.ornaments.borders import draw_frame, insert_half_field
from studio.carpets.ornaments.contours import draw_contour
from studio.carpets.ornaments.foliage import boteh, cypress, leaf
from studio.carpets.ornaments.geometry import star
from studio.carpets.ornaments.medallions import Oval
from studio.carpets.ornaments.motifs import FLOWERS, ROUND_FLOWERS
from studio.carpets.ornaments.plants import choose_fills, draw_vase

COUNT_NAMES = ("no", "one", "two", "three", "four", "five")
Panel = Callable[[Draft, Sheet, Inks, Oval, int], None]
"""Draws the content of a panel, centred in an oval, on this ground."""


def _panel_cypress(draft: Draft, sheet: Sheet, inks: Inks, oval: Oval, ground: int) -> None:
    fills = choose_fills(draft, inks, ground)
    green = inks.leaf if inks.leaf != ground else fills[2]
    cypress(sheet, oval.x, oval.y, oval.ry * 0.78, (green, *fills), inks.outline)
    for side in (-1, 1):
        x, y = oval.x + side * oval.rx * 0.55, oval.y + oval.ry * 0.4
        FLOWERS["tulips"](sheet, x, y, oval.short * 0.2, 0.0, fills, inks.outline)


def _panel_boteh(draft: Draft, sheet: Sheet, inks: Inks, oval: Oval, ground: int) -> None:
    fills = choose_fills(draft, inks, ground)
    boteh(sheet, oval.x, oval.y, min(oval.rx * 1.1, oval.ry * 0.8), 0.1, fills, inks.outline)


def _panel_flower(draft: Draft, sheet: Sheet, inks: Inks, oval: Oval, ground: int) -> None:
    size = oval.short * 0.55
    green = inks.leaf if inks.leaf != ground else inks.accents[0]
    for turn in np.arange(4) * math.pi / 2 + math.pi / 4:
        x, y = oval.x + math.sin(turn) * size * 0.7, oval.y - math.cos(turn) * size * 0.7
        leaf(sheet, x, y, size * 0.36, turn, green, inks.outline)
    draw_flower = FLOWERS[draft.pick(ROUND_FLOWERS)]
    draw_flower(sheet, oval.x, oval.y, size, 0.0, choose_fills(draft, inks, ground), inks.outline)


def _panel_vase(draft: Draft, sheet: Sheet, inks: Inks, oval: Oval, ground: int) -> None:
    draw_vase(draft, sheet, inks, oval.x, oval.y + oval.ry * 0.82, min(oval.ry * 0.27, oval.rx * 0.3), ground)


def _panel_medallion(draft: Draft, sheet: Sheet, inks: Inks, oval: Oval, ground: int) -> None:
    contour, fills = draw_contour(draft), choose_fills(draft, inks, ground)
    for scale, fill in ((0.82, fills[0]), (0.55, fills[1])):
        sheet.polygon(contour.at(oval.x, oval.y, oval.rx * scale, oval.ry * scale), fill, inks.outline)
    draw_flower = FLOWERS[draft.pick(ROUND_FLOWERS)]
    draw_flower(sheet, oval.x, oval.y, oval.short * 0.36, 0.0, (fills[2], fills[0]), inks.outline)


def _panel_star(draft: Draft, sheet: Sheet, inks: Inks, oval: Oval, ground: int) -> None:
    star(sheet, oval.x, oval.y, oval.short * 0.8, choose_fills(draft, inks, ground), inks.outline)


PANELS: tuple[Panel, ...] = (_panel_cypress, _panel_boteh, _panel_flower, _panel_vase, _panel_medallion, _panel_star)


def draw_garden(draft: Draft) -> Drawing:
    """Draw a field of panels on several grounds, each with a plant or a figure; vertical symmetry."""
    inks = take_inks(draft, draft.whole(3, 5), 3)
    frame = draft.sheet("quarter")
    margin = draw_frame(draft, frame, inks, int(draft.side_px * draft.real(0.1, 0.17)))
    sheet = draft.sheet("vertical", inks.outline)
    columns = min(5, round(draft.whole(2, 5) * max(1.0, draft.width_px / draft.height_px)))
    size = (draft.width_px - 2 * margin) / columns
    rows = max(2, round((draft.height_px - 2 * margin) / (size * draft.real(0.85, 1.35))))
    high = (draft.height_px - 2 * margin) / rows
    line = max(1.0, draft.unit_px * draft.pick((0.8, 1.5, 2.5)))
    lines = draft.pick((inks.outline, inks.light, inks.accents[0]))
    sheet.box(0, 0, sheet.width_px, sheet.height_px, lines)
    grounds = [int(i) for i in draft.rng.permutation([inks.field, inks.field, inks.border, *inks.grounds, inks.light])][
        : draft.whole(2, 5)
    ]
    panels = [PANELS[int(i)] for i in draft.rng.permutation(len(PANELS))[: draft.whole(2, 5)]]
    inset = draft.chance(0.4)
    for row in range(rows):
        for column in range((columns + 1) // 2):
            x, y = margin - 0.5 + (column + 0.5) * size, margin - 0.5 + (row + 0.5) * high
            rx, ry = size / 2 - line / 2, high / 2 - line / 2
            n = row + column
            ground = grounds[n % len(grounds)]
            sheet.box(round(x - rx), round(y - ry), round(x + rx), round(y + ry), ground, inks.outline)
            if inset:  # an arch over the panel
                arch = curve(
                    [
                        (x - rx, y - ry * 0.2),
                        (x - rx * 0.7, y - ry * 0.62),
                        (x, y - ry * 0.94),
                        (x + rx * 0.7, y - ry * 0.62),
                        (x + rx, y - ry * 0.2),
                    ],
                    5,
                )
                top = np.concatenate([arch, [(x + rx, y - ry), (x - rx, y - ry)]])
                sheet.polygon(top, grounds[(n + 1) % len(grounds)], inks.outline)
            panels[(2 * row + column) % len(panels)](draft, sheet, inks, Oval(x, y, rx * 0.94, ry * 0.94), ground)
    draft.say("arched panels" if inset else "square panels")
    draft.say(f"{COUNT_NAMES[columns]} columns of panels")
    return insert_half_field(draft, frame, sheet, margin, "panels")
