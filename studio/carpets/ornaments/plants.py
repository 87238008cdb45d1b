"""Contents of niches and panels: trees, vases of flowers, mosque lamps, rows of plants."""

# ruff: noqa: PLR0917  (place, size and ground by position, as with all motifs)
from __future__ import annotations

import math

import numpy as np

from studio.carpets.drafts import Draft, Inks
from studio.carpets.drawing import Fills, Sheet, curve, mirror_outline, taper
from studio.carpets.ornaments.foliage import draw_vine_leaves, heading, leaf
from studio.carpets.ornaments.motifs import FACING_FLOWERS, FLOWERS


def choose_fills(draft: Draft, inks: Inks, ground: int) -> tuple[int, ...]:
    """Return three random inks for a plant, none of them the ground."""
    pool = [int(i) for i in draft.rng.permutation([*inks.accents, inks.light]) if i != ground]
    return tuple((pool * 3)[:3])


def draw_tree(
    draft: Draft, sheet: Sheet, inks: Inks, x: float, foot: float, top: float, reach: float, ground: int
) -> None:
    """Draw the left half of a tree: a trunk at x from `foot` up to `top`, branches `reach` px long at most."""
    high = foot - top
    trunk_px = max(2.0, high * 0.035)
    stem = draft.pick((inks.leaf, inks.accents[0], inks.outline)) if ground != inks.leaf else inks.outline
    line = np.stack([np.full(12, x), np.linspace(foot, top, 12)], axis=1)
    levels = max(3, min(8, round(high / max(18, draft.unit_px * 22))))
    fills = [choose_fills(draft, inks, ground) for _ in range(2)]
    green = inks.leaf if inks.leaf != ground else fills[0][2]
    names = [draft.pick(tuple(FLOWERS)), draft.pick(FACING_FLOWERS)]
    bends = draft.pick((-0.35, 0.25, 0.5))
    flowers = []
    for k in range(levels):
        y = foot - high * (0.14 + 0.72 * k / levels)
        long = reach * (1.0 - 0.55 * (k / levels) ** 1.5) * (0.86 if k % 2 else 1.0)
        rise = high / levels * draft.real(0.7, 1.2)
        knots = [
            (x, y),
            (x - long * 0.35, y - rise * 0.2 - rise * bends),
            (x - long * 0.75, y - rise * 0.7),
            (x - long * 0.92, y - rise * 0.95),
        ]
        branch = curve(knots, 6)
        sheet.polygon(taper(branch, trunk_px * 0.7, max(1.0, trunk_px * 0.3)), stem, None)
        size = min(long * 0.17, rise * 0.42)
        draw_vine_leaves(
            sheet,
            branch,
            size * 0.75,
            (green, green, fills[1][0]),
            inks.outline if size > 6 else None,
            every=3,
            buds=True,
        )
        flowers.append((branch, size * 1.25))
        twig = curve(
            [
                branch[9],
                (branch[9][0] - long * 0.05, branch[9][1] + rise * 0.3),
                (branch[9][0] - long * 0.22, branch[9][1] + rise * 0.42),
            ],
            4,
        )
        sheet.line(twig, max(1, round(trunk_px * 0.3)), stem)
        flowers.append((twig, size * 0.8))
    sheet.polygon(taper(line, trunk_px * 1.5, trunk_px * 0.6), stem, inks.outline if trunk_px > 4 else None)
    for n, (branch, size) in enumerate(flowers):
        FLOWERS[names[n % 2]](
            sheet, branch[-1][0], branch[-1][1], size, heading(branch, len(branch) - 1), fills[n % 2], inks.outline
        )
    FLOWERS[names[1]](sheet, x, top, reach * 0.2, 0.0, fills[0], inks.outline)


def draw_vase(draft: Draft, sheet: Sheet, inks: Inks, x: float, foot: float, size: float, ground: int) -> None:
    """Draw a vase, 2 x size high, on its foot, with flowers on stalks, about 5 x size high in all."""
    fills, petals = choose_fills(draft, inks, ground), choose_fills(draft, inks, ground)
    green = inks.leaf if inks.leaf != ground else fills[0]
    for n, lean in enumerate((-0.95, -0.5, 0.0, 0.5, 0.95)):
        long = size * (3.6 - 1.5 * abs(lean))
        end = (x + math.sin(lean) * long, foot - size * 1.9 - math.cos(lean) * long)
        stalk = curve(
            [(x, foot - size * 1.8), (x + math.sin(lean * 0.6) * long * 0.5, foot - size * 2 - long * 0.5), end], 6
        )
        sheet.line(stalk, max(1, round(size * 0.1)), green)
        draw_vine_leaves(sheet, stalk, size * 0.34, (green,), inks.outline if size > 12 else None, every=3)
        name = FACING_FLOWERS[(n * n + draft.roles.count("accent")) % len(FACING_FLOWERS)]
        FLOWERS[name](
            sheet, end[0], end[1], size * (0.75 if lean else 0.95), lean, petals if n % 2 else fills, inks.outline
        )
    body = np.array(
        [(0.3, -2), (0.42, -1.85), (0.22, -1.6), (0.34, -1.35), (0.72, -0.95), (0.6, -0.5), (0.24, -0.25), (0.5, 0)]
    )
    sheet.polygon(mirror_outline(body) * size + (x, foot), fills[0], inks.outline)
    if size > 5:
        sheet.polygon(mirror_outline(body[3:6]) * (size * 0.8, size) + (x, foot), fills[1], None)


def draw_lamp(sheet: Sheet, x: float, top: float, drop: float, size: float, inks: Inks, fills: Fills) -> None:
    """Draw a mosque lamp, 2 x size high, on a chain of length `drop` from `top`."""
    for y in np.arange(top, top + drop, max(3.0, size * 0.3)):
        sheet.disc(x, y, max(0.8, size * 0.09), fills[0], None)
    body = np.array([(0.4, -1.0), (0.24, -0.55), (0.7, -0.05), (0.62, 0.4), (0.2, 0.68), (0.34, 1.0)])
    sheet.polygon(mirror_outline(body) * size + (x, top + drop + size), fills[0], inks.outline)
    sheet.box(
        round(x - size * 0.5),
        round(top + drop + size * 0.95),
        round(x + size * 0.5),
        round(top + drop + size * 1.25),
        fills[1],
    )


def draw_plant_row(draft: Draft, sheet: Sheet, inks: Inks, x: float, foot: float, wide: float) -> None:
    """Draw a row of tulips along the foot of a niche, left of its axis x."""
    fills = choose_fills(draft, inks, inks.field)
    for k in range(4):
        at = x - wide * (0.2 + 0.2 * k)
        size = wide * 0.09
        for turn in (-0.6, 0.6):
            leaf(sheet, at, foot - 2, size, turn, inks.leaf, inks.outline)
        FLOWERS["tulips"](sheet, at, foot - size * 2.4, size * 0.8, 0.0, fills, inks.outline)
