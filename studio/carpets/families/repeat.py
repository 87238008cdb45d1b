"""Modern allover repeats: fans, trellises, hexagons, triangles, chevrons."""

from __future__ import annotations

import math

import numpy as np

from studio.carpets.drafts import Draft, Drawing
from studio.carpets.drawing import half, unfold
from studio.carpets.families.modern import take_flat_inks
from studio.carpets.layouts import Symmetry
from studio.carpets.ornaments.geometry import hexagon
from studio.carpets.ornaments.textures import draw_noise


def draw_fans(draft: Draft) -> Drawing:
    """Draw overlapping art deco fans of rings or rays in staggered rows; vertical symmetry."""
    inks = take_flat_inks(draft, 3, 5)
    fills = [inks[0], *inks[2:]]
    sheet = draft.sheet("vertical", inks[0])
    radius = draft.width_px / draft.pick((4, 6, 8, 10, 12))
    rise = radius * draft.real(0.5, 0.75)
    rings = draft.whole(2, 6)
    tables = [[draft.pick(fills) for _ in range(rings)] for _ in range(draft.whole(1, 3))]
    lined, rays = draft.chance(0.6), draft.chance(0.35)
    centre = (draft.width_px - 1) / 2
    for row in range(-1, int(draft.height_px / rise) + 3):
        y = row * rise
        for column in range(int(centre / radius / 2) + 2):
            x = centre - 2 * radius * (column + 0.5 * (row % 2))
            for k in range(rings):
                sheet.disc(
                    x, y, radius * (1 - k / rings), tables[(row + column) % len(tables)][k], inks[1] if lined else None
                )
            if rays:
                for turn in np.linspace(-1.2, 1.2, 7):
                    sheet.line(
                        [(x, y), (x + math.sin(turn) * radius, y - math.cos(turn) * radius)], draft.pen_px, inks[1]
                    )
    draft.say("rings in fans" if not rays else "rays in fans")
    draft.say("dark outlines" if lined else "no lines")
    return Drawing(unfold(sheet.array(), draft.width_px, draft.height_px), "vertical", "fans")


def draw_trellis(draft: Draft) -> Drawing:
    """Draw a trellis of round, waved, diamond or star-shaped meshes with filled centres; quarter symmetry."""
    field, line = draft.ink("field"), draft.ink("light")
    inks = [draft.ink("accent"), draft.ink("outline"), draft.ink("accent")]
    x = (np.arange(half(draft.width_px))[::-1] + (0.5 - draft.width_px % 2 / 2))[None, :]
    y = (np.arange(half(draft.height_px))[::-1] + (0.5 - draft.height_px % 2 / 2))[:, None]
    step_x = draft.width_px / draft.pick((2, 3, 4, 5, 6))
    step_y = step_x * draft.real(0.8, 1.6)
    u, v = 2 * np.pi * x / step_x, 2 * np.pi * y / step_y
    kind = draft.whole(0, 3)
    if kind == 0:
        level = np.cos(u) + np.cos(v) + draft.real(-0.35, 0.35) * np.cos(u) * np.cos(v)
    elif kind == 1:
        level = np.cos(u + 0.9 * np.sin(v)) * np.cos(u - 0.9 * np.sin(v)) - 0.15 + 0.5 * np.cos(v)
    elif kind == 2:
        level = (np.arccos(np.cos(u)) + np.arccos(np.cos(v))) / np.pi * 2 - 2
    else:
        level = np.cos(u) * np.cos(v) * 1.6 + 0.3 * np.cos(2 * u) + 0.3 * np.cos(2 * v)
    slope = np.hypot(*np.gradient(level)) + 1e-3
    thick = draft.unit_px * draft.real(1.2, 5.0)
    on_line = np.abs(level) / slope < thick / 2
    out = np.where(level > 0, field, draft.pick((field, field, inks[0]))).astype(np.uint8)
    if draft.chance(0.5):
        out[(np.abs(np.abs(level) - 0.7) / slope < max(0.5, thick / 4))] = inks[2]
        draft.say("double lines")
    centre = draft.real(0.25, 0.6)
    out[np.abs(level) > np.abs(level).max() * (1 - centre * 0.3)] = inks[2]
    out[on_line] = line
    edge = (np.abs(level) / slope < thick / 2 + draft.pen_px) & ~on_line
    out[edge] = inks[1]
    draft.say("{} lines", line)
    draft.say("{} field", field)
    draft.say(("round meshes", "waved meshes", "diamond meshes", "star meshes")[kind])
    return Drawing(unfold(out, draft.width_px, draft.height_px), "quarter", "meshes")


def draw_hexagons(draft: Draft) -> Drawing:
    """Draw a tessellation of hexagons, triangles or chevrons in several colours; no or quarter symmetry."""
    inks = take_flat_inks(draft, 3, 7)
    fills = [inks[0], inks[0], *inks[2:]]
    symmetry: Symmetry = draft.pick(("none", "quarter"))
    sheet = draft.sheet(symmetry, inks[0])
    kind = draft.whole(0, 2)
    cx, cy = (draft.width_px - 1) / 2, (draft.height_px - 1) / 2
    size = draft.width_px / draft.pick((4, 6, 8, 12)) / 2
    outline = draft.pick((None, inks[1], inks[0]))
    rows, columns = int(draft.height_px / size / 1.4) + 3, int(draft.width_px / size / 2) + 3
    drift = draw_noise(draft.rng, columns + 1, rows + 1, 4)  # so that neighbours tend to be alike
    for row in range(rows):
        for column in range(columns):
            n = int((drift[row, column] + 3) * 1.4 + draft.real(0, 1.3)) % len(fills)
            x, y = cx + (column - columns // 2 + 0.5 * (row % 2)) * 2 * size, cy + (row - rows // 2) * size * 1.73
            if kind == 0:
                sheet.polygon(hexagon(0.5) * (size, size * 1.155) + (x, y), fills[n], outline)
                if n == 2:
                    sheet.polygon(hexagon(0.5) * (size * 0.5, size * 0.58) + (x, y), fills[0], None)
            elif kind == 1:
                for way, ink in ((1, fills[n]), (-1, fills[(n + 1 + row) % len(fills)])):
                    sheet.polygon(
                        np.array([(-1, 0.866), (1, 0.866), (0, -0.866)]) * (size, way * size)
                        + (x + (way < 0) * size, y),
                        ink,
                        outline,
                    )
            else:
                arrow = np.array([(-1, 0), (0, -0.8), (1, 0), (1, 0.87), (0, 0.07), (-1, 0.87)])
                sheet.polygon(
                    arrow * (size, size * 2) + (x - 0.5 * (row % 2) * 2 * size, y),
                    fills[(row + n // 2) % len(fills)],
                    outline,
                )
    words = ("hexagons", "triangles", "chevrons")[kind]
    draft.say("outlined shapes" if outline == inks[1] else "flat shapes")
    draft.say(f"{words} side by side")
    return Drawing(unfold(sheet.array(), draft.width_px, draft.height_px), symmetry, words)
