"""Allover floral designs with borders: vines, flower lattices, boteh, millefleurs."""

from __future__ import annotations

from studio.carpets.drafts import Draft, Drawing, take_inks
from studio.carpets.drawing import unfold
from studio.carpets.layouts import Symmetry
from studio.carpets.ornaments.borders import draw_frame, insert_field, insert_half_field
from studio.carpets.ornaments.fields import FIELD_PATTERNS
from studio.carpets.ornaments.vines import Box


def _draw_bordered(draft: Draft, pattern: str, accents: tuple[int, int], symmetry: Symmetry) -> Drawing:
    """Draw a field pattern in borders, with quarter or vertical symmetry and a number of accents in this range."""
    inks = take_inks(draft, draft.whole(*accents), 1)
    frame = draft.sheet("quarter")
    margin = draw_frame(draft, frame, inks, int(draft.side_px * draft.real(0.1, 0.2)))
    draft.say("{} field", inks.field)
    sheet = draft.sheet(symmetry, inks.field)
    cx, cy = (draft.width_px - 1) / 2, (draft.height_px - 1) / 2
    if symmetry == "vertical":
        low = draft.height_px - 1 - margin
        motif = FIELD_PATTERNS[pattern](draft, sheet, inks, Box(margin, margin, cx, low, axis_bottom=False))
        return insert_half_field(draft, frame, sheet, margin, motif)
    motif = FIELD_PATTERNS[pattern](draft, sheet, inks, Box(margin, margin, cx, cy))
    return Drawing(unfold(insert_field(frame, sheet, margin), draft.width_px, draft.height_px), "quarter", motif)


def draw_floral(draft: Draft) -> Drawing:
    """Draw an allover field of flowers and vines."""
    pattern = draft.pick(("vines", "vines", "vines", "scrolls"))
    return _draw_bordered(draft, pattern, (3, 6), draft.pick(("quarter", "quarter", "vertical")))


def draw_lattice(draft: Draft) -> Drawing:
    """Draw a lattice of flowers, or the herati repeat."""
    pattern = draft.pick(("palmettes", "palmettes", "palmettes", "herati"))
    return _draw_bordered(draft, pattern, (2, 5), draft.pick(("quarter", "vertical")))


def draw_boteh(draft: Draft) -> Drawing:
    """Draw boteh in rows, all upright or mirrored top to bottom."""
    return _draw_bordered(draft, "boteh", (2, 5), draft.pick(("quarter", "vertical", "vertical")))


def draw_millefleurs(draft: Draft) -> Drawing:
    """Draw a field of small flowers, or of clouds and peonies."""
    pattern = draft.pick(("sprays", "sprays", "clouds"))
    return _draw_bordered(draft, pattern, (3, 6), draft.pick(("quarter", "vertical")))
