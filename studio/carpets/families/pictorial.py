"""Pictorial designs with vertical symmetry: prayer carpets with a mihrab, and trees of life."""

from __future__ import annotations

import math

import numpy as np

from studio.carpets.drafts import Draft, Drawing, take_inks
from studio.carpets.drawing import Points, curve
from studio.carpets.ornaments.borders import draw_frame, insert_half_field
from studio.carpets.ornaments.fields import FIELD_PATTERNS
from studio.carpets.ornaments.foliage import curl, cypress
from studio.carpets.ornaments.motifs import FLOWERS, ROUND_FLOWERS
from studio.carpets.ornaments.plants import choose_fills, draw_lamp, draw_plant_row, draw_tree, draw_vase
from studio.carpets.ornaments.vines import Box, inks_on


def _mihrab_outline(kind: int, left: float, right: float, *, spring: float, top: float, foot: float) -> Points:
    """Return the outline of the left half of a mihrab, 2 px beyond its axis `right`.

    `kind` selects the arch: ogee, stepped, scalloped or pointed. It rises from y = `spring` to y = `top`.
    """
    w, h = right - left, spring - top
    if kind == 0:
        arch = curve([(0, 0), (0.06, -0.22), (0.3, -0.5), (0.6, -0.66), (0.84, -0.78), (1.0, -1.0)], 6)
    elif kind == 1:
        k = np.arange(8) / 8
        arch = np.stack([np.stack([k, -k], 1), np.stack([k, -k - 1 / 8], 1)], axis=1).reshape(-1, 2)
        arch = np.concatenate([arch, [(1.0, -1.0)]])
    elif kind == 2:
        t = np.linspace(0, 1, 61)
        r = 1 + 0.1 * np.abs(np.sin(t * 5 * math.pi))
        turn = t * math.pi / 2
        arch = np.stack([1 - np.cos(turn) * r, -np.sin(turn) * r * 0.92], axis=1)
    else:
        arch = np.array([(0, 0), (0.0, -0.12), (0.12, -0.12), (0.12, -0.26), (1.0, -1.0)])
    line = arch * (w, h) + (left, spring)
    return np.concatenate([[(left, foot)], line, [(right + 2, line[-1][1]), (right + 2, foot)]])


def draw_prayer(draft: Draft) -> Drawing:
    """Draw a mihrab with spandrels in borders: empty, or with a tree, a lamp, a vase or flowers, and columns."""
    inks = take_inks(draft, draft.whole(3, 5), 2)
    frame = draft.sheet("quarter")
    margin = draw_frame(
        draft, frame, inks, int(draft.side_px * draft.real(0.13, 0.21)), draft.pick(("curved", "curved", "stepped"))
    )
    cx = (draft.width_px - 1) / 2
    low = draft.height_px - 1 - margin
    sheet = draft.sheet("vertical", inks.grounds[0])
    high, wide = low - margin, cx - margin
    # 1. Spandrels.
    panel = margin + (high * draft.real(0.08, 0.14) if draft.chance(0.5) else 0)
    spring = panel + high * draft.real(0.34, 0.46)
    spandrel_inks = inks_on(inks, inks.grounds[0])
    FIELD_PATTERNS[draft.pick(("vines", "vines", "scrolls", "sprays", "palmettes"))](
        draft, sheet, spandrel_inks, Box(margin, panel, cx, spring + 4, axis_bottom=False, scale=0.75)
    )
    if panel > margin:
        sheet.box(0, 0, sheet.width_px, panel - 1, inks.grounds[1], None)
        for step in np.arange(cx, margin - panel, -(panel - margin) * 1.1):
            FLOWERS["rosettes"](
                sheet,
                step,
                (margin + panel) / 2,
                (panel - margin) * 0.36,
                0.0,
                choose_fills(draft, inks, inks.grounds[1]),
                inks.outline,
            )
        sheet.box(0, panel - 1, sheet.width_px, panel - 2 + sheet.pen_px, inks.outline)
    # 2. The mihrab.
    kind = draft.whole(0, 3)
    side = wide * draft.pick((0.0, 0.06, 0.12))
    top = panel + high * 0.03
    outer = _mihrab_outline(kind, margin + side, cx, spring=spring, top=top, foot=low + 4)
    band = max(2.0, draft.unit_px * draft.real(1.5, 4))
    sheet.polygon(outer, draft.pick(inks.accents), inks.outline)
    inner = _mihrab_outline(kind, margin + side + band, cx, spring=spring, top=top + band * 1.4, foot=low + 4)
    sheet.polygon(inner, inks.field, inks.outline)
    # 3. Its content.
    fills = choose_fills(draft, inks, inks.field)
    content = draft.whole(0, 4)
    if content == 0:
        draw_tree(draft, sheet, inks, cx, low, panel + high * 0.2, wide * 0.78, inks.field)
    elif content == 1:
        draw_lamp(sheet, cx, panel + high * 0.08, high * 0.12, wide * 0.2, inks, fills)
        draw_plant_row(draft, sheet, inks, cx, low, wide)
    elif content == 2:
        draw_vase(draft, sheet, inks, cx, low - 2, wide * 0.22, inks.field)
    elif content == 3:
        FIELD_PATTERNS[draft.pick(("sprays", "boteh"))](
            draft, sheet, inks, Box(margin + wide * 0.3, spring + 6, cx, low - 4, axis_bottom=False)
        )
    if draft.chance(0.35) and side > 0:
        for inset in (0.16, 0.24):
            x = margin + wide * inset
            sheet.box(round(x), round(spring), round(x + wide * 0.04), low, fills[0], inks.outline)
        draft.say("columns")
    draft.say(("a tree", "a hanging lamp", "a vase of flowers", "flowers in the niche", "an empty niche")[content])
    draft.say("{} niche", inks.field)
    draft.say(("a pointed arch", "a stepped arch", "a scalloped arch", "a pointed arch")[kind])
    return insert_half_field(draft, frame, sheet, margin, "niche")


def draw_tree_of_life(draft: Draft) -> Drawing:
    """Draw a tree or a vase of flowers on a small hill, which fills the field, in borders."""
    inks = take_inks(draft, draft.whole(3, 6), 1)
    frame = draft.sheet("quarter")
    margin = draw_frame(draft, frame, inks, int(draft.side_px * draft.real(0.1, 0.19)))
    cx, low = (draft.width_px - 1) / 2, draft.height_px - 1 - margin
    high, wide = low - margin, cx - margin
    sheet = draft.sheet("vertical", inks.field)
    hill = curve(
        [
            (cx - wide * 0.7, low + 2),
            (cx - wide * 0.4, low - high * 0.07),
            (cx, low - high * 0.1),
            (cx + wide * 0.4, low - high * 0.07),
            (cx + wide * 0.7, low + 2),
        ],
        6,
    )
    sheet.polygon(hill, inks.grounds[0], inks.outline)
    if draft.chance(0.65):
        draw_tree(draft, sheet, inks, cx, low - high * 0.06, margin + high * 0.12, wide * 0.95, inks.field)
        draft.say("a flowering tree")
        if draft.chance(0.5):
            cypress(
                sheet,
                cx - wide * 0.72,
                low - high * 0.14,
                high * 0.12,
                (inks.leaf, *choose_fills(draft, inks, inks.field)),
                inks.outline,
            )
            draft.say("cypresses")
    else:
        size = min(wide * 0.3, high / 7)
        draw_vase(draft, sheet, inks, cx, low - high * 0.1, size, inks.field)
        draft.say("a vase of flowers")
        if high > size * 8:
            FLOWERS[draft.pick(ROUND_FLOWERS)](
                sheet, cx, margin + high * 0.14, size * 0.9, 0.0, choose_fills(draft, inks, inks.field), inks.outline
            )
            for side in (-1, 1):
                curl(sheet, cx - size, margin + high * 0.14, size, side * 1.4, inks.leaf, inks.outline, side)
    draft.say("{} field", inks.field)
    return insert_half_field(draft, frame, sheet, margin, "flowers")
