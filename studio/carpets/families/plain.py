"""Plain, worn and patched designs: shaggy fields, vintage carpets, patchwork."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from studio.carpets.drafts import Draft, Drawing, take_inks
from studio.carpets.drawing import unfold
from studio.carpets.families.flatweave import draw_kilim
from studio.carpets.families.floral import draw_floral, draw_lattice
from studio.carpets.families.garden import draw_garden
from studio.carpets.families.medallion import draw_medallion_carpet
from studio.carpets.ornaments.borders import Style, draw_frame
from studio.carpets.ornaments.textures import draw_noise, draw_rough_noise


def draw_shaggy(draft: Draft) -> Drawing:
    """Draw a plain field with the shades of its wool, in plain or patterned borders."""
    inks = take_inks(draft, 2, 1)
    shades = [draft.ink("shade"), draft.ink("shade")]
    frame = draft.sheet("quarter")
    style: Style = draft.pick(("plain", "plain", "plain", "stepped", "curved"))
    margin = draw_frame(draft, frame, inks, int(draft.side_px * draft.real(0.06, 0.2)), style)
    whole = unfold(frame.array(), draft.width_px, draft.height_px)
    w, h, unit = draft.width_px, draft.height_px, draft.unit_px
    long = draft.real(2.0, 5.0) * unit
    wool = draw_noise(draft.rng, w, h, max(1.2, 0.9 * unit), long) + 0.6 * draw_noise(draft.rng, w, h, 30 * unit)
    ground = whole == inks.field
    whole[ground & (wool > draft.real(0.9, 1.5))] = shades[0]
    whole[ground & (wool < -draft.real(0.9, 1.5))] = shades[1]
    if draft.chance(0.25):  # a line round the field
        inset = margin + round(draft.side_px * draft.real(0.05, 0.12))
        line = max(1, round(unit * draft.real(1, 3)))
        box = np.zeros_like(ground)
        box[inset : h - inset, inset : w - inset] = True
        box[inset + line : h - inset - line, inset + line : w - inset - line] = False
        whole[box] = inks.accents[0]
        draft.say("an inner line")
    draft.say("{} field", inks.field)
    draft.say("plain field")
    return Drawing(whole, "none", "field")


def draw_vintage(draft: Draft) -> Drawing:
    """Draw a worn classic carpet or kilim: rubbed pile, and bare weft in streaks."""
    drawing = draft.pick((draw_medallion_carpet, draw_medallion_carpet, draw_floral, draw_lattice, draw_kilim))(draft)
    worn = draft.ink("shade")
    wefts = draft.ink("ground")
    w, h, unit = draft.width_px, draft.height_px, draft.unit_px
    out = drawing.indices.copy()
    if draft.chance(0.25):  # keep only the outlines of most motifs
        plain = [i for i, role in enumerate(draft.roles) if role in ("accent", "light")][1:]
        out[np.isin(out, plain)] = draft.roles.index("field")
        draft.say("outlined motifs")
    rubbed = draw_rough_noise(draft.rng, w, h, unit * draft.real(18, 50), octaves=5, fall=draft.real(0.55, 0.8))
    streaks = draw_noise(draft.rng, w, h, unit * draft.real(10, 30), max(1.0, unit * 0.6))
    kind = draft.whole(0, 2)
    edge = np.abs(np.linspace(-1, 1, w))[None, :] ** 2 * draft.real(1.0, 2.4)
    wear = (rubbed, rubbed + streaks, rubbed * 0.5 + streaks * 0.8 + edge)[kind]
    out[wear > np.quantile(wear[::4, ::4], 1 - draft.real(0.05, 0.3))] = worn
    bare = streaks - rubbed * 0.3
    out[bare > np.quantile(bare[::4, ::4], 1 - draft.real(0.004, 0.04))] = wefts
    draft.say(("rubbed places", "worn in streaks", "worn edges")[kind])
    draft.say("{} worn places", worn)
    return Drawing(out, "none", drawing.motif)


def draw_patchwork(draft: Draft) -> Drawing:
    """Draw a carpet, then rearrange patches of it, some mirrored, some overdyed."""
    whole = draft.pick((draw_medallion_carpet, draw_medallion_carpet, draw_floral, draw_garden, draw_kilim))(
        draft
    ).indices
    draft.phrases.clear()
    seam = next((i for i, role in enumerate(draft.roles) if role == "outline"), 0)
    columns, rows = draft.whole(2, 6), draft.whole(2, 8)
    high, wide = draft.height_px // rows, draft.width_px // columns
    tables = [np.arange(len(draft.roles), dtype=np.uint8)]
    if draft.chance(0.5):  # overdyed patches: the same drawing in other inks
        tables += [_swap_inks(draft, whole) for _ in range(2)]
        draft.say("patches in many colours")
    out = np.empty_like(whole)
    lined = draft.chance(0.5)
    for row in range(rows):
        for column in range(columns):
            top, left = row * high, column * wide
            bottom = draft.height_px if row == rows - 1 else top + high
            right = draft.width_px if column == columns - 1 else left + wide
            y, x = draft.whole(0, draft.height_px - (bottom - top)), draft.whole(0, draft.width_px - (right - left))
            patch = draft.pick(tables)[whole[y : y + bottom - top, x : x + right - left]]
            if draft.chance(0.5):
                patch = patch[:, ::-1]
            if draft.chance(0.5):
                patch = patch[::-1]
            out[top:bottom, left:right] = patch
            if lined:
                out[top : top + draft.pen_px, left:right] = seam
                out[top:bottom, left : left + draft.pen_px] = seam
    draft.say("sewn patches")
    draft.say("dark seams" if lined else "no seams")
    return Drawing(out, "none", "patches")


def _swap_inks(draft: Draft, indices: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a lookup table that permutes the inks of fields, grounds and accents."""
    used = [int(i) for i in np.flatnonzero(np.bincount(indices.ravel(), minlength=len(draft.roles)))]
    free = [i for i in used if draft.roles[i] in ("field", "ground", "accent")]
    table = np.arange(len(draft.roles), dtype=np.uint8)
    table[free] = draft.rng.permutation(free)
    return table
