"""Classic curved designs in borders: medallions, vines, lattices of flowers, boteh, strewn flowers."""

from __future__ import annotations

from studio.carpets.captions import Subject
from studio.carpets.drafts import Draft, Drawing, Family, take_inks
from studio.carpets.drawing import unfold
from studio.carpets.layouts import Symmetry
from studio.carpets.ornaments.borders import draw_frame, set_half_into, set_into
from studio.carpets.ornaments.contours import draw_contour
from studio.carpets.ornaments.fields import FILLINGS
from studio.carpets.ornaments.medallions import Oval, draw_medallion, draw_pendant
from studio.carpets.ornaments.vines import Box

FIELD_WORDS = {"vines": "vines in the field", "scrolls": "vines in the field", "sprays": "small flowers in the field"}


def draw_medallion_carpet(draft: Draft) -> Drawing:
    """Draw a medallion with pendants, corners, and a plain or filled field; quarter symmetry."""
    # 1. Borders, and the room inside them.
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
        FILLINGS[name](draft, sheet, inks, Box(margin, margin, cx, cy))
        draft.say(FIELD_WORDS.get(name, "a flowered field"))
    else:
        draft.say("plain field")
    # 3. Corners, often of the medallion's own outline.
    contour = draw_contour(draft)
    rx = fx * draft.real(0.5, 0.86)
    ry = min(fy * draft.real(0.42, 0.74), rx * 1.75)
    if draft.chance(0.75):
        outline = contour if draft.chance(0.7) else draw_contour(draft)
        size_x, size_y = fx * draft.real(0.5, 0.72), min(fy * 0.62, fx * draft.real(0.55, 0.95))
        corner = Oval(margin - 0.5, margin - 0.5, size_x, size_y)
        draw_medallion(draft, sheet, inks, outline, corner, ground=inks.grounds[1], rings=draft.whole(1, 2))
        draft.say("{} corners", inks.grounds[1])
    # 4. Pendants, then the medallion over them.
    if draft.chance(0.7):
        draw_pendant(draft, sheet, inks, (cx, cy - ry), min(fy - ry, rx * 0.55))
        draft.say("pendants")
    middle = Oval(cx, cy, rx, ry)
    draw_medallion(draft, sheet, inks, contour, middle, ground=inks.grounds[0], rings=draft.whole(2, 4))
    draft.say("{} medallion", inks.grounds[0])
    draft.say(contour.words)
    indices = unfold(set_into(frame, sheet, margin), draft.width_px, draft.height_px)
    return Drawing(indices, "quarter", "medallion")


def draw_bordered(draft: Draft, filling: str, accents: tuple[int, int], symmetry: Symmetry) -> Drawing:
    """Draw borders round a field with one of the fillings, drawn for a quarter or for the left half."""
    inks = take_inks(draft, draft.whole(*accents), 1)
    frame = draft.sheet("quarter")
    margin = draw_frame(draft, frame, inks, int(draft.side_px * draft.real(0.1, 0.2)))
    draft.say("{} field", inks.field)
    sheet = draft.sheet(symmetry, inks.field)
    cx, cy = (draft.width_px - 1) / 2, (draft.height_px - 1) / 2
    if symmetry == "vertical":
        low = draft.height_px - 1 - margin
        motif = FILLINGS[filling](draft, sheet, inks, Box(margin, margin, cx, low, axis_bottom=False))
        return set_half_into(draft, frame, sheet, margin, motif)
    motif = FILLINGS[filling](draft, sheet, inks, Box(margin, margin, cx, cy))
    return Drawing(unfold(set_into(frame, sheet, margin), draft.width_px, draft.height_px), "quarter", motif)


def draw_floral(draft: Draft) -> Drawing:
    """Draw flowers and vines all over, in a quarter or a half."""
    filling = draft.pick(("vines", "vines", "vines", "scrolls"))
    return draw_bordered(draft, filling, (3, 6), draft.pick(("quarter", "quarter", "vertical")))


def draw_lattice(draft: Draft) -> Drawing:
    """Draw a lattice of flowers, or the herati."""
    return draw_bordered(
        draft,
        draft.pick(("palmettes", "palmettes", "palmettes", "herati")),
        (2, 5),
        draft.pick(("quarter", "vertical")),
    )


def draw_boteh(draft: Draft) -> Drawing:
    """Draw boteh in rows, upright in all of the carpet or mirrored."""
    return draw_bordered(draft, "boteh", (2, 5), draft.pick(("quarter", "vertical", "vertical")))


def draw_millefleurs(draft: Draft) -> Drawing:
    """Draw a field strewn with small flowers, or with clouds and peonies."""
    return draw_bordered(draft, draft.pick(("sprays", "sprays", "clouds")), (3, 6), draft.pick(("quarter", "vertical")))


CLASSIC_FAMILIES = {
    "medallion": Family(
        draw_medallion_carpet, Subject(("medallion", "classic medallion"), ("a medallion", "a central medallion")), 2.2
    ),
    "floral": Family(draw_floral, Subject(("floral", "floral vine"), ("floral vines", "a floral field")), 1.8),
    "lattice": Family(draw_lattice, Subject(("lattice",), ("a lattice of flowers", "a flower lattice")), 1.2),
    "boteh": Family(draw_boteh, Subject(("boteh", "boteh paisley"), ("boteh", "rows of boteh"))),
    "millefleurs": Family(
        draw_millefleurs, Subject(("flowered",), ("a flowered field", "a field flowered all over")), 0.8
    ),
}
