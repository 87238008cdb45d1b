"""Medallion carpets: a medallion with pendants and corners on a plain or patterned field."""

from __future__ import annotations

from studio.carpets.drafts import Draft, Drawing, take_inks
from studio.carpets.drawing import unfold
from studio.carpets.ornaments.borders import draw_frame, insert_field
from studio.carpets.ornaments.contours import draw_contour
from studio.carpets.ornaments.fields import FIELD_PATTERNS
from studio.carpets.ornaments.medallions import Oval, draw_medallion, draw_pendant
from studio.carpets.ornaments.vines import Box

FIELD_WORDS = {"vines": "vines in the field", "scrolls": "vines in the field", "sprays": "small flowers in the field"}


def draw_medallion_carpet(draft: Draft) -> Drawing:
    """Draw a medallion with pendants and corners on a plain or patterned field; quarter symmetry."""
    # 1. Borders.
    inks = take_inks(draft, draft.whole(2, 5), 2)
    frame = draft.sheet("quarter")
    margin = draw_frame(draft, frame, inks, int(draft.side_px * draft.real(0.12, 0.21)))
    cx, cy = (draft.width_px - 1) / 2, (draft.height_px - 1) / 2
    fx, fy = cx - margin, cy - margin
    sheet = draft.sheet("quarter", inks.field)
    # 2. The field.
    draft.say("{} field", inks.field)
    if draft.chance(0.55):
        name = draft.pick(("vines", "vines", "scrolls", "sprays", "herati", "palmettes", "boteh", "clouds"))
        FIELD_PATTERNS[name](draft, sheet, inks, Box(margin, margin, cx, cy))
        draft.say(FIELD_WORDS.get(name, "a flowered field"))
    else:
        draft.say("plain field")
    # 3. Corners, mostly with the outline of the medallion.
    contour = draw_contour(draft)
    rx = fx * draft.real(0.5, 0.86)
    ry = min(fy * draft.real(0.42, 0.74), rx * 1.75)
    if draft.chance(0.75):
        outline = contour if draft.chance(0.7) else draw_contour(draft)
        size_x, size_y = fx * draft.real(0.5, 0.72), min(fy * 0.62, fx * draft.real(0.55, 0.95))
        corner = Oval(margin - 0.5, margin - 0.5, size_x, size_y)
        draw_medallion(draft, sheet, inks, outline, corner, ground=inks.grounds[1], rings=draft.whole(1, 2))
        draft.say("{} corners", inks.grounds[1])
    # 4. Pendants, then the medallion, which overlaps them.
    if draft.chance(0.7):
        draw_pendant(draft, sheet, inks, (cx, cy - ry), min(fy - ry, rx * 0.55))
        draft.say("pendants")
    middle = Oval(cx, cy, rx, ry)
    draw_medallion(draft, sheet, inks, contour, middle, ground=inks.grounds[0], rings=draft.whole(2, 4))
    draft.say("{} medallion", inks.grounds[0])
    draft.say(contour.words)
    indices = unfold(insert_field(frame, sheet, margin), draft.width_px, draft.height_px)
    return Drawing(indices, "quarter", "medallion")
