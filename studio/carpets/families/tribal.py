"""Tribal designs: Turkmen guls and Caucasian medallions on a coarse knot grid, and Berber lines."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from studio.carpets.drafts import Draft, Drawing, Inks, take_inks
from studio.carpets.drawing import Sheet, unfold
from studio.carpets.ornaments.borders import draw_frame, insert_field
from studio.carpets.ornaments.contours import draw_contour
from studio.carpets.ornaments.geometry import (
    comb,
    cross,
    diamond,
    gul,
    hook,
    hooked_diamond,
    ram_horns,
    small_gul,
    star,
)
from studio.carpets.ornaments.medallions import Oval
from studio.carpets.ornaments.textures import draw_noise, weave
from studio.carpets.ornaments.vines import Box, pack_circles


def draw_guls(draft: Draft) -> Drawing:
    """Draw rows of guls, with minor guls between, in stepped borders."""
    return weave(draft, draft.pick((110, 150, 200, 400)), _draw_guls)


def _draw_guls(draft: Draft) -> Drawing:
    inks = take_inks(draft, draft.whole(3, 5), 1)
    frame = draft.sheet("quarter")
    margin = draw_frame(draft, frame, inks, int(draft.side_px * draft.real(0.13, 0.21)), "stepped")
    cx, cy = (draft.width_px - 1) / 2, (draft.height_px - 1) / 2
    sheet = draft.sheet("quarter", inks.field)
    fx, fy = cx - margin, cy - margin
    columns = draft.whole(2, 5)
    step_x = 2 * fx / columns
    size = step_x / 2 / 1.35 * draft.real(0.62, 0.86)
    rows = max(2, round(2 * fy / (size * draft.real(2.3, 3.2))))
    step_y = 2 * fy / rows
    kind = draft.whole(0, 3)
    fills = [tuple(int(i) for i in draft.rng.permutation([*inks.accents, inks.light])[:4]) for _ in range(2)]
    joined = draft.chance(0.4)
    for row in range(rows):
        for column in range(columns):
            x, y = cx - fx + (column + 0.5) * step_x, cy - fy + (row + 0.5) * step_y
            if joined:
                sheet.box(round(x), 0, round(x), sheet.height_px, inks.outline)
                sheet.box(0, round(y), sheet.width_px, round(y), inks.outline)
            if x < cx + step_x and y < cy + step_y:
                gul(sheet, x, y, min(size, step_y * 0.44), fills[(row + column) % 2], inks.outline, kind)
    for row in range(rows + 1):
        for column in range(columns + 1):
            x, y = cx - fx + column * step_x, cy - fy + row * step_y
            small_gul(sheet, x, y, min(size, step_y * 0.44) * 0.5, fills[row % 2][::-1], inks.outline)
    draft.say("{} field", inks.field)
    draft.say(("octagon guls", "octagon guls", "hexagon guls", "stepped guls")[kind])
    draft.say("small guls between")
    return Drawing(unfold(insert_field(frame, sheet, margin), draft.width_px, draft.height_px), "quarter", "guls")


def draw_caucasian(draft: Draft) -> Drawing:
    """Draw a column of one to four rectilinear medallions with latch hooks among small motifs."""
    return weave(draft, draft.pick((110, 150, 200, 400)), _draw_caucasian)


def _draw_caucasian(draft: Draft) -> Drawing:
    inks = take_inks(draft, draft.whole(3, 6), 2)
    frame = draft.sheet("quarter")
    margin = draw_frame(draft, frame, inks, int(draft.side_px * draft.real(0.13, 0.22)), "stepped")
    cx, cy = (draft.width_px - 1) / 2, (draft.height_px - 1) / 2
    fx, fy = cx - margin, cy - margin
    sheet = draft.sheet("quarter", inks.field)
    _scatter_motifs(draft, sheet, inks, Box(margin, margin, cx, cy))
    count = max(1, min(draft.whole(1, 4), round(fy / fx * 2)))
    contour = draw_contour(draft, straight=True)
    rx, ry = fx * draft.real(0.6, 0.92), fy / count * draft.real(0.8, 1.0)
    grounds = [int(i) for i in draft.rng.permutation([*inks.grounds, *inks.accents, inks.light])]
    scales = np.cumprod([1.0, *draft.rng.uniform(0.62, 0.84, draft.whole(2, 4))])
    for k in range(count):
        y = cy - fy + (2 * k + 1) * fy / count
        if y - ry > cy:
            continue
        for ring, scale in enumerate(scales):
            fill = grounds[(ring + (k % 2 if k != count // 2 else 0)) % len(grounds)]
            sheet.polygon(contour.at(cx, y, rx * scale, ry * scale), fill, inks.outline)
            if ring < len(scales) - 1 and draft.side_px > 80:
                hooks = inks.outline if fill != inks.outline else inks.light
                _hook_ring(sheet, Oval(cx, y, rx * scale, ry * scale), draft.unit_px * 3, hooks)
        core_px = min(rx, ry) * scales[-1]
        draw_core = draft.pick((star, hooked_diamond))
        draw_core(sheet, cx, y, core_px * 0.7, grounds[1:4], inks.outline)
    draft.say("{} field", inks.field)
    draft.say("one medallion" if count == 1 else ("two medallions", "three medallions", "four medallions")[count - 2])
    draft.say(contour.words.replace("medallion", "shape"))
    return Drawing(
        unfold(insert_field(frame, sheet, margin), draft.width_px, draft.height_px),
        "quarter",
        "medallions" if count > 1 else "medallion",
    )


def _hook_ring(sheet: Sheet, oval: Oval, size: float, ink: int) -> None:
    """Draw eight latch hooks inside the outline of a medallion."""
    for turn in np.arange(8) * np.pi / 4:
        x, y = oval.x + np.cos(turn) * oval.rx * 0.72, oval.y + np.sin(turn) * oval.ry * 0.72
        hook(sheet, x, y, size, turn + np.pi / 2, ink, 1 if np.cos(turn) * np.sin(turn) >= 0 else -1)


def _scatter_motifs(draft: Draft, sheet: Sheet, inks: Inks, box: Box) -> None:
    """Draw small rectilinear motifs, scattered over the box."""
    size = draft.unit_px * draft.real(5, 9)
    fills = [int(i) for i in draft.rng.permutation([*inks.accents, inks.light])]
    for n, (x, y, r) in enumerate(pack_circles(draft, box, [size, size, size * 0.7], 50)):
        a, b, c = (fills[(n + k) % len(fills)] for k in range(3))
        kind = draft.whole(0, 5)
        if kind == 0:
            star(sheet, x, y, r * 0.7, (a, b, c), inks.outline)
        elif kind == 1:
            cross(sheet, x, y, r * 0.6, a, b)
        elif kind == 2:
            comb(sheet, x, y, r * 0.6, a)
        elif kind == 3:
            ram_horns(sheet, x, y, r * 0.6, a, bool(n % 2))
        elif kind == 4:
            sheet.polygon(diamond() * (r * 0.6) + (x, y), a, inks.outline)
            sheet.polygon(diamond() * (r * 0.25) + (x, y), b)
        else:
            hooked_diamond(sheet, x, y, r * 0.8, (a, b, c), None, 2)


def draw_berber(draft: Draft) -> Drawing:
    """Draw freehand dark lines on a pale shaggy field; no symmetry."""
    field, shade, line = draft.ink("field"), draft.ink("shade"), draft.ink("outline")
    accents = [draft.ink("accent") for _ in range(draft.whole(1, 4))]
    w, h, unit = draft.width_px, draft.height_px, draft.unit_px
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    x = x + draw_noise(draft.rng, w, h, 40 * unit) * unit * draft.real(1, 3.5)
    y = y + draw_noise(draft.rng, w, h, 40 * unit) * unit * draft.real(1, 3.5)
    out = np.where(draw_noise(draft.rng, w, h, 1.6, 4 * unit) > 1.0, shade, field).astype(np.uint8)
    step_x, step_y = unit * draft.real(30, 70), unit * draft.real(40, 90)
    thick = unit * draft.real(1.6, 3.6)
    s, t = x / step_x + y / step_y, x / step_x - y / step_y
    kind = draft.whole(0, 3)
    norm = 1 / np.hypot(1 / step_x, 1 / step_y)

    def near_line(values: NDArray[np.floating], reach_px: float) -> NDArray[np.bool_]:
        """Return whether each pixel is nearer than this to a line of whole `values`."""
        mask: NDArray[np.bool_] = np.abs(values - np.round(values)) * norm < reach_px
        return mask

    if kind in (0, 1):  # a lattice of lozenges
        mask = near_line(s, thick / 2) | near_line(t, thick / 2)
        words, motif = "a lattice of lozenges", "lozenges"
        if kind == 1:
            centre = (np.abs(s - np.floor(s) - 0.5) < 0.12) & (np.abs(t - np.floor(t) - 0.5) < 0.12)
            chosen = np.array(accents)[((np.floor(s) * 3 + np.floor(t) * 5) % len(accents)).astype(int)]
            out = np.where(centre, chosen, out).astype(np.uint8)
    elif kind == 2:  # zigzags across
        zigzag = np.abs((x / step_x) % 2 - 1) * draft.real(0.4, 1.0)
        rows = y / step_y * 1.6 + zigzag
        mask = np.abs(rows - np.round(rows)) * step_y / 1.6 < thick / 2
        pick = np.array([line, *accents])[(np.round(rows) % (1 + len(accents))).astype(int)]
        out = np.where(mask, pick, out).astype(np.uint8)
        mask = mask & (np.round(rows) % 2 == 0)
        words, motif = "zigzag lines", "zigzags"
    else:  # patches of colour with lines between
        rows = y / step_y + 0.15 * draw_noise(draft.rng, w, h, 60 * unit)
        patch = (np.floor(rows) + 2 * np.floor(x / step_x / 2 + 0.5 * np.floor(rows))).astype(int)
        out = np.where(patch % 3 == 0, np.array(accents)[patch % len(accents)], out).astype(np.uint8)
        mask = near_line(s * 2, thick / 2) & (patch % 3 == 1) | (np.abs(rows - np.round(rows)) * step_y < thick / 2)
        words, motif = "patches of colour", "lines"
    out = np.where(mask, line, out).astype(np.uint8)
    for _ in range(draft.whole(0, 6)):
        _draw_sign(draft, out, draft.pick(accents), line)
    draft.say("{} lines", line)
    draft.say(words)
    draft.say("shaggy")
    return Drawing(out, "none", motif)


def _draw_sign(draft: Draft, indices: NDArray[np.uint8], ink: int, centre: int) -> None:
    """Draw a small cross or hooked diamond at a random place of the design."""
    unit = draft.unit_px
    sign = Sheet(int(unit * 14), int(unit * 14), 255)
    if draft.chance(0.5):
        cross(sign, 7 * unit, 7 * unit, 5 * unit, ink, centre)
    else:
        hooked_diamond(sign, 7 * unit, 7 * unit, 6 * unit, (ink, centre), None)
    top, left = draft.whole(0, draft.height_px - sign.height_px), draft.whole(0, draft.width_px - sign.width_px)
    part = indices[top : top + sign.height_px, left : left + sign.width_px]
    drawn = sign.array()
    part[drawn < 255] = drawn[drawn < 255]
