"""Modern geometric designs: blocks, arcs, circles."""

from __future__ import annotations

import math

import numpy as np

from studio.carpets.drafts import Draft, Drawing
from studio.carpets.drawing import Sheet, place, unfold
from studio.carpets.layouts import Symmetry


def take_flat_inks(draft: Draft, low: int, high: int) -> list[int]:
    """Return a field ink, an outline ink and `low` to `high` accents, in this order."""
    return [draft.ink("field"), draft.ink("outline"), *(draft.ink("accent") for _ in range(draft.whole(low, high)))]


def draw_blocks(draft: Draft) -> Drawing:
    """Draw blocks of colour: subdivided, overlapping, in columns, or slanting; no symmetry."""
    inks = take_flat_inks(draft, 3, 7)
    fills = [inks[0], inks[0], *inks[2:]]
    sheet = draft.sheet("none", inks[0])
    w, h, unit = draft.width_px, draft.height_px, draft.unit_px
    kind = draft.whole(0, 3)
    if kind == 0:
        line = round(unit * draft.pick((0, 0, 1.5, 3, 5)))
        _split(draft, sheet, (0, 0, w, h), fills, outline=inks[1], line=line, depth=draft.whole(3, 6))
        draft.say("dark lines" if line else "no lines")
    elif kind == 1:
        for _ in range(draft.whole(8, 22)):
            bw, bh = draft.real(0.08, 0.55) * w, draft.real(0.05, 0.45) * h
            x, y = draft.real(-0.2, 0.95) * w, draft.real(-0.2, 0.95) * h
            sheet.box(
                round(x), round(y), round(x + bw), round(y + bh), draft.pick(inks if draft.chance(0.2) else fills)
            )
        draft.say("overlapping blocks")
    elif kind == 2:
        columns = draft.whole(3, 9)
        for k in range(columns):
            y = 0
            while y < h:
                high = round(h * draft.pick((0.06, 0.1, 0.16, 0.25, 0.4)))
                sheet.box(
                    round(k * w / columns), y, round((k + 1) * w / columns), y + high, draft.pick([*fills, inks[1]])
                )
                y += high
        draft.say("blocks in columns")
    else:
        for _ in range(draft.whole(5, 12)):
            cx, cy, size, turn = (
                draft.real(0, w),
                draft.real(0, h),
                draft.side_px * draft.real(0.15, 0.5),
                draft.real(0, 3.14),
            )
            shape = (
                np.array([(-1, -0.6), (1, -0.6), (1, 0.6), (-1, 0.6)])
                if draft.chance(0.6)
                else np.array([(-1, 0.6), (0, -1), (1, 0.6)])
            )
            sheet.polygon(place(shape, cx, cy, size, turn), draft.pick([*inks[2:], inks[1]]), None)
        draft.say("slanting blocks")
    return Drawing(sheet.array(), "none", "blocks")


def _split(
    draft: Draft, sheet: Sheet, box: tuple[int, int, int, int], fills: list[int], *, outline: int, line: int, depth: int
) -> None:
    """Divide the box at random, `depth` times at most, and fill its parts."""
    left, top, right, bottom = box
    wide, high = right - left, bottom - top
    if depth == 0 or max(wide, high) < draft.unit_px * 24 or (depth < 4 and draft.chance(0.12)):
        sheet.box(left, top, right - 1, bottom - 1, draft.pick(fills))
        if line:
            sheet.draw.rectangle((left, top, right - 1, bottom - 1), outline=outline, width=max(1, line // 2))
        return
    t = draft.real(0.28, 0.72)
    if wide > high * draft.real(0.6, 1.6):
        cut = left + round(wide * t)
        parts = ((left, top, cut, bottom), (cut, top, right, bottom))
    else:
        cut = top + round(high * t)
        parts = ((left, top, right, cut), (left, cut, right, bottom))
    for part in parts:
        _split(draft, sheet, part, fills, outline=outline, line=line, depth=depth - 1)


def draw_arcs(draft: Draft) -> Drawing:
    """Draw a grid of tiles with quarter circles, half circles, triangles, rings and bars; with or without symmetry."""
    inks = take_flat_inks(draft, 3, 6)
    fills = [inks[0], *inks[2:]]
    symmetry: Symmetry = draft.pick(("none", "none", "quarter", "vertical"))
    sheet = draft.sheet(symmetry, inks[0])
    columns = draft.pick((2, 4, 6, 8))
    size = draft.width_px / columns
    kinds = [int(i) for i in draft.rng.permutation(6)[: draft.whole(1, 4)]]
    for row in range(math.ceil(sheet.height_px / size)):
        for column in range(math.ceil(sheet.width_px / size)):
            box = (round(column * size), round(row * size), round((column + 1) * size) - 1, round((row + 1) * size) - 1)
            a, b, c = (fills[int(i) % len(fills)] for i in draft.rng.permutation(len(fills))[:3])
            sheet.box(*box, a)
            _draw_tile(draft, sheet, box, draft.pick(kinds), (b, c))
    draft.say("round and square shapes")
    draft.say("large tiles" if columns < 5 else "small tiles")
    return Drawing(unfold(sheet.array(), draft.width_px, draft.height_px), symmetry, "arcs")


def _draw_tile(draft: Draft, sheet: Sheet, box: tuple[int, int, int, int], kind: int, inks: tuple[int, int]) -> None:
    left, top, right, bottom = box
    size = right - left
    turn = draft.whole(0, 3)
    x, y = (left, right)[turn % 2], (top, bottom)[turn // 2]
    tile = Sheet(size + 1, bottom - top + 1, 255)
    lx, ly = x - left, y - top
    if kind == 0:
        for reach, ink in ((1.0, inks[0]), (0.5, inks[1])):
            tile.disc(lx, ly, size * reach, ink, None)
    elif kind == 1:
        tile.disc(size / 2 if turn % 2 else lx, ly if turn % 2 else size / 2, size / 2, inks[0], None)
    elif kind == 2:
        tile.polygon(
            [(0, 0), (size, size), (0, size)] if turn % 2 else [(size, 0), (0, size), (size, size)], inks[0], None
        )
    elif kind == 3:
        for k, reach in enumerate((0.5, 0.34, 0.16)):
            tile.disc(size / 2, size / 2, size * reach, inks[k % 2], None)
    elif kind == 4:
        for k in range(5):
            tile.disc(lx, ly, size * (1 - k / 5), inks[k % 2], None)
    else:
        for k in range(0, 6, 2):
            tile.box(0, size * k / 6, size, size * (k + 1) / 6 - 1, inks[0])
    mask = tile.image.point(lambda v: 0 if v == 255 else 255)
    sheet.image.paste(tile.image, (left, top), mask)


def draw_circles(draft: Draft) -> Drawing:
    """Draw circles and rings, scattered or in rows, some with bars; no symmetry."""
    inks = take_flat_inks(draft, 3, 7)
    sheet = draft.sheet("none", inks[0])
    scattered = draft.chance(0.6)
    side = draft.side_px
    if scattered:
        spots = [
            (
                draft.real(0, draft.width_px),
                draft.real(0, draft.height_px),
                side * draft.pick((0.05, 0.1, 0.16, 0.24, 0.36)),
            )
            for _ in range(draft.whole(7, 26))
        ]
        spots.sort(key=lambda spot: -spot[2])
    else:
        step = side / draft.pick((2, 3, 4, 6))
        spots = [
            ((c + 0.5) * step, (r + 0.5) * step, step * 0.46)
            for r in range(int(draft.height_px / step) + 1)
            for c in range(int(draft.width_px / step) + 1)
        ]
    for x, y, r in spots:
        rings = draft.whole(1, 5)
        for k in range(rings):
            sheet.disc(x, y, r * (1 - k / rings), draft.pick(inks[1:] if k == 0 else inks), None)
        if draft.chance(0.3):
            ink = draft.pick(inks)
            for top in np.arange(y - r, y, max(3, side * 0.02)):
                wide = math.sqrt(max(0, r * r - (y - top) ** 2))
                sheet.box(round(x - wide), round(top), round(x + wide), round(top + side * 0.008), ink)
    draft.say("scattered circles" if scattered else "circles in rows")
    draft.say("rings")
    return Drawing(sheet.array(), "none", "circles")
