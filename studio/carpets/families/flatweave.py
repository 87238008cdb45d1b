"""Flatweaves: kilims, stripes, checks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from studio.carpets.drafts import Draft, Drawing, Inks, take_inks
from studio.carpets.drawing import Sheet, half, unfold
from studio.carpets.layouts import Symmetry
from studio.carpets.ornaments.border_tiles import BandInks
from studio.carpets.ornaments.borders import draw_frame, repeat_tile
from studio.carpets.ornaments.stepped_tiles import GUARD_TILES, STEPPED_TILES
from studio.carpets.ornaments.textures import weave


def draw_kilim(draft: Draft) -> Drawing:
    """Draw a kilim of diamonds, zigzags or bands of ornament."""
    draw = draft.pick((_draw_diamonds, _draw_diamonds, _draw_zigzags, _draw_bands, _draw_bands))
    return weave(draft, draft.pick((64, 90, 120, 160, 220)), draw)


def _distances_from_axes(draft: Draft) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """Return the distances of the knots of the top left quarter from the axes, x (1, w) and y (h, 1)."""
    return np.arange(half(draft.width_px))[::-1][None, :], np.arange(half(draft.height_px))[::-1][:, None]


def _ring_inks(draft: Draft, inks: Inks, count: int) -> list[int]:
    """Return random inks for nested rings, neighbours unlike."""
    pool = [*inks.accents, inks.light, inks.field, inks.border, *inks.grounds]
    rings: list[int] = []
    while len(rings) < count:
        ink = int(draft.pick(pool))
        if not rings or ink != rings[-1]:
            rings.append(ink)
    return rings


def _draw_diamonds(draft: Draft) -> Drawing:
    inks = take_inks(draft, draft.whole(2, 5), 1)
    x, y = _distances_from_axes(draft)
    across = draft.pick((1, 1, 2, 3, 4, 6))
    step_x = draft.width_px / across
    step_y = max(8, round(step_x * draft.real(0.6, 1.6)))
    # In the diagonal coordinates s, t the diamonds are unit squares.
    shift = draft.pick((0.0, 0.5))
    s, t = x / step_x + y / step_y + shift, x / step_x - y / step_y + shift
    row, column = np.floor(s), np.floor(t)
    from_centre = np.maximum(np.abs(s - row - 0.5), np.abs(t - column - 0.5)) * 2
    serration = draft.pick((0.0, 0.0, 0.12, 0.2))
    rings = draft.whole(2, 3 + int(min(step_x, step_y) / 7))
    level = np.clip((from_centre + serration * ((x + y) % 4 // 2 - 0.5)) * rings, 0, rings - 1).astype(int)
    kinds = draft.whole(1, 3)
    table = np.array([_ring_inks(draft, inks, rings) for _ in range(kinds)], np.uint8)
    table[:, -1] = draft.pick((inks.outline, inks.field, int(table[0, -1])))
    pattern = table[(row + column).astype(int) // 2 % kinds, level]
    draft.say("nested diamonds" if rings > 3 else "plain diamonds")
    draft.say("stepped edges" if serration == 0 else "serrated edges")
    return _frame_kilim(draft, inks, pattern, "diamonds")


def _draw_zigzags(draft: Draft) -> Drawing:
    inks = take_inks(draft, draft.whole(3, 6), 1)
    x, y = _distances_from_axes(draft)
    period, rise = draft.whole(8, 26), draft.real(0.4, 1.6)
    steps = draft.pick((1, 2, 3))
    wave = np.abs((x // steps * steps) % period - period // 2) * rise
    band = draft.whole(3, 8)
    count = draft.whole(4, 9)
    table = np.array(_ring_inks(draft, inks, count), np.uint8)
    if table[0] == table[-1]:
        table[-1] = inks.outline
    level = ((y + wave).astype(int) // band) % count
    if draft.chance(0.4):  # lozenges instead of zigzags
        level = ((y + wave).astype(int) // band + (np.abs(y - wave)).astype(int) // band) % count
    draft.say("stepped zigzags" if steps > 1 else "fine zigzags")
    return _frame_kilim(draft, inks, table[level], draft.pick(("zigzags", "steps")))


def _draw_bands(draft: Draft) -> Drawing:
    inks = take_inks(draft, draft.whole(3, 6), 2)
    quarter = draft.chance(0.7)
    run = half(draft.height_px) if quarter else draft.height_px
    sheet = Sheet(half(draft.width_px), run, inks.field)
    pool = [*inks.accents, inks.light, inks.field, inks.border, *inks.grounds]
    tiles = [draft.pick(tuple(STEPPED_TILES.values())) for _ in range(draft.whole(2, 4))]
    kinds = [(tile, draft.whole(9, 26), [int(i) for i in draft.rng.permutation(pool)]) for tile in tiles]
    at, count = 0, 0
    while at < run:
        tile, high, order = kinds[count % len(kinds)]
        high = max(tile.least_px, round(high * max(0.7, draft.unit_px)))
        band = BandInks(order[0], order[1], order[2], order[3], inks.outline, order[1], count)
        strip = repeat_tile(draft.width_px / 2, high, band, tile, repeat_px=max(5.0, high * tile.ratio), pen_px=1)
        sheet.paste(strip, 0, at)
        at += high
        for _ in range(draft.pick((1, 2, 3))):  # narrow bands between the wide ones
            thin = draft.pick((1, 1, 2, 4))
            if thin == 4:
                guard = draft.pick(tuple(GUARD_TILES.values()))
                edge = BandInks(order[4 % len(order)], order[1], order[2], order[0], inks.outline, order[2], 0)
                sheet.paste(repeat_tile(draft.width_px / 2, 5, edge, guard, repeat_px=6.0, pen_px=1), 0, at)
                at += 5
            else:
                sheet.box(0, at, sheet.width_px, at + thin - 1, draft.pick((inks.outline, inks.light, order[0])))
                at += thin
        count += 1
    draft.say("bands of ornament")
    for tile in dict.fromkeys(tiles[:2]):
        draft.say(tile.words.replace("border", "band"))
    symmetry: Symmetry = "quarter" if quarter else "vertical"
    return Drawing(unfold(sheet.array(), draft.width_px, draft.height_px), symmetry, "bands")


def _frame_kilim(draft: Draft, inks: Inks, pattern: NDArray[np.uint8], motif: str) -> Drawing:
    """Return the pattern with borders, with bands at its ends, or alone."""
    kind = draft.whole(0, 3)
    out = pattern.astype(np.uint8)
    if kind <= 1:
        frame = draft.sheet("quarter")
        margin = draw_frame(draft, frame, inks, int(draft.side_px * draft.real(0.1, 0.2)), "stepped")
        framed = frame.array()
        framed[margin:, margin:] = out[margin:, margin:]
        out = framed
    elif kind == 2:
        high = max(6, int(draft.height_px * draft.real(0.05, 0.1)))
        ends = Sheet(half(draft.width_px), out.shape[0])
        ends.paste(out)
        tile = draft.pick(tuple(STEPPED_TILES.values()))
        order = [int(i) for i in draft.rng.permutation([*inks.accents, inks.light, inks.border])]
        band = BandInks(order[0], order[1], order[2], order[-1], inks.outline, order[1], 0)
        ends.paste(repeat_tile(draft.width_px / 2, high, band, tile, repeat_px=high * tile.ratio, pen_px=1))
        ends.box(0, high, ends.width_px, high, inks.outline)
        out = ends.array()
        draft.say("banded ends")
    else:
        draft.say("no border")
    return Drawing(unfold(out, draft.width_px, draft.height_px), "quarter", motif)


def draw_stripes(draft: Draft) -> Drawing:
    """Draw stripes across or along, even, random, fine or broad, with a mirrored or a plain sequence."""
    inks = [draft.ink("field"), draft.ink("light"), *(draft.ink("accent") for _ in range(draft.whole(2, 8)))]
    across = draft.chance(0.65)
    length = draft.height_px if across else draft.width_px
    mirrored = draft.chance(0.6)
    run = half(length) if mirrored else length
    kind = draft.whole(0, 3)
    widths = ((6,), (1, 2, 3, 5, 8, 14, 22), (1, 1, 2, 4, 7, 12), (10, 14, 20, 30))[kind]
    group = draft.whole(6, 14)
    stripes: list[tuple[int, int]] = []
    while len(stripes) < group or len({ink for ink, _ in stripes}) < 4:
        ink = inks[len(stripes) % len(inks)] if kind == 0 else draft.pick(inks)
        if not stripes or stripes[-1][0] != ink:
            stripes.append((ink, max(1, round(draft.unit_px * draft.pick(widths)))))
    row = np.concatenate([np.full(width, ink, np.uint8) for ink, width in stripes])
    # Kind 1 is stretched over the whole carpet; the others repeat.
    row = row[np.arange(run) * len(row) // run] if kind == 1 else np.resize(row, run)
    if mirrored:
        row = np.concatenate([row, row[: length - run][::-1]])
    full = np.repeat(row[:, None], draft.width_px, 1) if across else np.repeat(row[None], draft.height_px, 0)
    draft.say(("even stripes", "wide and narrow stripes", "fine stripes", "broad stripes")[kind])
    draft.say("stripes across" if across else "stripes along")
    one_axis: Symmetry = "vertical" if across else "horizontal"
    return Drawing(full, "quarter" if mirrored else one_axis, "stripes")


def draw_checks(draft: Draft) -> Drawing:
    """Draw a check, a tartan of crossing stripes, or a windowpane; quarter symmetry."""
    inks = [draft.ink("field"), draft.ink("light"), *(draft.ink("accent") for _ in range(draft.whole(2, 3)))]
    x = np.arange(half(draft.width_px))[::-1]
    y = np.arange(half(draft.height_px))[::-1]
    unit = max(3, round(draft.unit_px * draft.real(5, 16)))
    kind = draft.whole(0, 2)
    if kind == 0:  # a chequer of several colours
        size = unit * 2
        a, b = (x + size // 2) // size, (y + size // 2) // size
        grid = (
            draft.rng.integers(0, len(inks), (5, 5))
            if draft.chance(0.4)
            else np.add.outer(np.arange(5), np.arange(5)) % len(inks)
        )
        out = np.array(inks, np.uint8)[grid[b[:, None] % 5, a[None] % 5]]
        words = "squares of colour"
    else:
        count = draft.whole(4, 9)
        sett = np.repeat(draft.rng.integers(0, len(inks), count), draft.rng.choice((1, 2, 4, 6), count))
        if kind == 2:
            sett = np.array([0] * draft.whole(6, 12) + [1, 2][: draft.whole(1, 2)])
        scale = max(1, unit // 4)
        a, b = sett[(x // scale) % len(sett)], sett[(y // scale) % len(sett)]
        twill = (x[None] // max(1, round(draft.unit_px)) + y[:, None] // max(1, round(draft.unit_px))) % 2 == 0
        if kind == 2:
            out = np.where(b[:, None] > 0, b[:, None], a[None])
            out = np.where((a[None] > 0) & (b[:, None] > 0), len(inks) - 1, out)
        else:
            out = np.where(twill, a[None], b[:, None])
        out = np.array(inks, np.uint8)[out]
        words = "tartan" if kind == 1 else "thin lines crossing"
    draft.say(words)
    return Drawing(unfold(out, draft.width_px, draft.height_px), "quarter", "checks")
