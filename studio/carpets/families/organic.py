"""Free-form modern designs without symmetry: clouds, waves, pebbles, cut-out leaves, flowing lines."""

from __future__ import annotations

import math

import numpy as np

from studio.carpets.drafts import Draft, Drawing
from studio.carpets.drawing import curve
from studio.carpets.families.modern import take_flat_inks
from studio.carpets.ornaments.foliage import leaf
from studio.carpets.ornaments.textures import draw_noise, draw_rough_noise, posterise


def draw_clouds(draft: Draft) -> Drawing:
    """Draw posterised clouds: round, or stretched across or along like brush strokes."""
    count = draft.whole(5, 14)
    tones = np.array([draft.ink("tone") for _ in range(count)], np.uint8)
    w, h, unit = draft.width_px, draft.height_px, draft.unit_px
    size = unit * draft.real(45, 110)
    kind = draft.whole(0, 2)
    stretch = (1.0, 0.3, 3.0)[kind]
    values = draw_noise(draft.rng, w, h, size, size * stretch)
    values = values + 0.35 * draw_noise(draft.rng, w, h, size / 3, size / 3 * stretch)
    fine = draft.real(0.03, 0.22)
    values = values + fine * draw_rough_noise(draft.rng, w, h, unit * 9, octaves=3, fall=0.7)
    steps = posterise(values.astype(np.float32), count)
    if draft.chance(0.4):  # dry-brush streaks
        streaks = draw_noise(draft.rng, w, h, unit * 16, max(1.0, unit)) > 1.5
        steps = np.where(streaks, (steps + 1) % count, steps)
    draft.say(("soft clouds", "clouds brushed across", "clouds running down")[kind])
    draft.say("many shades" if count > 9 else "few shades")
    return Drawing(tones[steps], "none", "clouds")


def draw_waves(draft: Draft) -> Drawing:
    """Draw overlapping waves, across or upright, each in one ink."""
    tones = draft.chance(0.5)
    inks = [draft.ink("tone" if tones else "accent") for _ in range(draft.whole(4, 9))]
    outline = draft.ink("outline")
    w, h = draft.width_px, draft.height_px
    sheet = draft.sheet("none", inks[0])
    layers = draft.whole(4, 12)
    upright = draft.chance(0.25)
    long, deep = (h, w) if upright else (w, h)
    t = np.linspace(-2, long + 2, 60)
    line = draft.pick((0, 0, 1, 2)) * max(1, round(draft.unit_px))
    for k in range(layers):
        base = deep * (k + 0.6) / (layers + 0.3)
        swing = deep / layers * draft.real(0.3, 1.2)
        y = base + swing * np.sin(2 * math.pi * (t / long * draft.real(0.5, 2.2) + draft.real(0, 1)))
        y = y + swing * 0.4 * np.sin(2 * math.pi * (t / long * draft.real(2, 5) + draft.real(0, 1)))
        ridge = np.stack([y, t], axis=1) if upright else np.stack([t, y], axis=1)
        far = [(deep + 9, long + 9), (deep + 9, -9)] if upright else [(long + 9, deep + 9), (-9, deep + 9)]
        sheet.polygon(np.concatenate([ridge, far]), inks[(k + 1) % len(inks)], None)
        if line:
            sheet.line(ridge, line, outline)
    if draft.chance(0.4):
        sheet.disc(
            draft.real(0.2, 0.8) * w,
            h * draft.real(0.1, 0.3),
            draft.side_px * draft.real(0.06, 0.16),
            inks[-1],
            outline if line else None,
        )
    if not line:
        draft.roles[outline] = "outline"
    draft.say("layered waves")
    draft.say("upright waves" if upright else "waves across")
    return Drawing(sheet.array(), "none", "waves")


def draw_pebbles(draft: Draft) -> Drawing:
    """Draw pebbles with gaps between them: the cells of a distorted Voronoi diagram."""
    field, inks = draft.ink("field"), [draft.ink("accent") for _ in range(draft.whole(3, 6))]
    w, h, unit = draft.width_px, draft.height_px, draft.unit_px
    size = unit * draft.real(18, 48)
    # One Voronoi seed per grid cell; each is compared only with the pixels within its reach.
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    x = x + unit * 1.2 * draw_noise(draft.rng, w, h, size / 2)
    y = y + unit * 1.2 * draw_noise(draft.rng, w, h, size / 2)
    first = np.full((h, w), np.inf, np.float32)
    second, owner = first.copy(), np.zeros((h, w), np.int32)
    rows, columns = int(h / size) + 3, int(w / size) + 3
    for n in range(rows * columns):
        seed_x, seed_y = (
            (n % columns - 1 + draft.real(0.05, 0.95)) * size,
            (n // columns - 1 + draft.real(0.05, 0.95)) * size,
        )
        reach = 1.6 * size + 3 * unit
        left, right = max(0, int(seed_x - reach)), int(seed_x + reach)
        top, bottom = max(0, int(seed_y - reach)), int(seed_y + reach)
        window = np.s_[top : max(top, bottom), left : max(left, right)]
        near = first[window]
        if not near.size:
            continue
        away = np.hypot(x[window] - np.float32(seed_x), y[window] - np.float32(seed_y))
        second[window] = np.minimum(second[window], np.maximum(near, away))
        owner[window][away < near] = n
        first[window] = np.minimum(near, away)
    gap = unit * draft.pick((1.5, 3, 6))
    chosen = np.array(inks)[draft.rng.integers(0, len(inks), rows * columns)]
    out = np.where(second - first > gap, chosen[owner], field).astype(np.uint8)
    if draft.chance(0.4):
        out[(second - first > gap * 1.8 + unit * 3) & (second - first < gap * 1.8 + unit * 5)] = field
        draft.say("ringed pebbles")
    draft.say("large pebbles" if size > unit * 32 else "small pebbles")
    draft.say("{} ground", field)
    return Drawing(out, "none", "pebbles")


def draw_leaves(draft: Draft) -> Drawing:
    """Draw paper cut-outs of leaves, seaweed or twigs on blocks of colour or one ground."""
    inks = take_flat_inks(draft, 3, 6)
    sheet = draft.sheet("none", inks[0])
    w, h, unit = draft.width_px, draft.height_px, draft.unit_px
    if draft.chance(0.5):
        columns, rows = draft.whole(2, 3), draft.whole(2, 4)
        for k in range(columns * rows):
            c, r = k % columns, k // columns
            sheet.box(
                round(c * w / columns),
                round(r * h / rows),
                round((c + 1) * w / columns),
                round((r + 1) * h / rows),
                draft.pick(inks[2:]),
            )
        draft.say("leaves on blocks")
    step = unit * draft.real(34, 64)
    kind = draft.whole(0, 2)
    ribs = draft.chance(0.4)
    for row in range(int(h / step) + 2):
        for column in range(int(w / step) + 2):
            x, y = (
                (column + 0.5 * (row % 2)) * step + draft.real(-0.2, 0.2) * step,
                row * step + draft.real(-0.2, 0.2) * step,
            )
            ink, turn = draft.pick(inks[1:]), draft.real(0, 2 * math.pi)
            if kind == 0:
                rib = inks[0] if ribs else None
                leaf(sheet, x, y, step * 0.36, turn, ink, None, bend=draft.real(-0.5, 0.5), rib=rib)
            elif kind == 1:  # seaweed: a fan of rounded fingers
                for side in np.linspace(-1.3, 1.3, 7):
                    end = (x + math.sin(turn + side) * step * 0.42, y - math.cos(turn + side) * step * 0.42)
                    sheet.line(
                        curve([(x, y), ((x + end[0]) / 2, (y + end[1]) / 2 + step * 0.04), end], 4),
                        max(2, round(step * 0.11)),
                        ink,
                    )
            else:  # a twig with pairs of leaves
                stem = curve(
                    [
                        (x, y),
                        (x + math.sin(turn) * step * 0.3, y - math.cos(turn) * step * 0.3),
                        (x + math.sin(turn + 0.3) * step * 0.62, y - math.cos(turn + 0.3) * step * 0.62),
                    ],
                    4,
                )
                sheet.line(stem, max(1, round(unit)), ink)
                for at in stem[2::2]:
                    for side in (-0.9, 0.9):
                        leaf(sheet, at[0], at[1], step * 0.1, turn + side, ink, None)
    draft.say("cut leaves" if kind == 0 else "seaweed" if kind == 1 else "twigs")
    draft.say("{} ground", inks[0])
    return Drawing(sheet.array(), "none", "leaves")


def draw_lines(draft: Draft) -> Drawing:
    """Draw flowing lines, like the contour lines of a map or the rings of a tree."""
    inks = [
        draft.ink("field"),
        draft.ink("outline"),
        draft.ink("accent"),
        *(draft.ink("accent") for _ in range(draft.whole(1, 3))),
    ]
    w, h, unit = draft.width_px, draft.height_px, draft.unit_px
    values = draw_noise(draft.rng, w, h, unit * draft.real(50, 100)) + 0.3 * draw_noise(draft.rng, w, h, unit * 22)
    if draft.chance(0.4):
        y, x = np.mgrid[0:h, 0:w].astype(np.float32)
        values = (
            values * 0.35 + np.hypot(x - w * draft.real(0.2, 0.8), y - h * draft.real(0.2, 0.8)) / draft.side_px * 3
        )
    count = draft.whole(5, 16)
    steps = values * count / 3.4
    slope = np.hypot(*np.gradient(steps)) + 1e-4
    away = np.abs(steps - np.round(steps)) / slope
    thick = unit * draft.real(0.9, 2.6)
    level = np.floor(steps).astype(int)
    table = (
        np.array([inks[0], *inks[2:]]) if draft.chance(0.6) else np.array([inks[0], inks[0], inks[0], inks[2], inks[3]])
    )
    drift = table[level % len(table)]
    out = np.where(away < max(0.6, thick / 2), inks[1], drift).astype(np.uint8)
    draft.say("flowing lines")
    draft.say("{} lines", inks[1])
    return Drawing(out, "none", "lines")
