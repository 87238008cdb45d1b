"""Vines over a field: packed spirals joined by stems, or scrolling stems in rows."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np

from studio.carpets.drafts import Draft, Inks
from studio.carpets.drawing import Points, Sheet
from studio.carpets.ornaments.foliage import curl, draw_vine_leaves, heading, leaf, spiral
from studio.carpets.ornaments.motifs import FACING_FLOWERS, FLOWERS, ROUND_FLOWERS, bud, rosette

Circle = tuple[float, float, float]
"""x, y, radius in px."""


@dataclass(frozen=True, slots=True)
class Box:
    """The area of a field pattern, in px, and the scale of its motifs.

    Its right and bottom sides are axes, about which the design is mirrored later, or else edges.
    """

    left: float
    top: float
    right: float
    bottom: float
    axis_right: bool = True
    axis_bottom: bool = True
    scale: float = 1.0


def pick_fills(draft: Draft, inks: Inks, count: int = 3) -> tuple[int, ...]:
    """Return random inks for a flower, none of them the field."""
    pool = [i for i in (*inks.accents, inks.light) if i != inks.field]
    chosen = [int(i) for i in draft.rng.permutation(pool)[:count]]
    return tuple((chosen * 3)[:count])


def inks_on(inks: Inks, ground: int) -> Inks:
    """Return the inks for a pattern on another ground, without those that would not show on it."""
    accents = tuple(i for i in inks.accents if i != ground) or (inks.light,)
    leaf_ink = inks.leaf if inks.leaf != ground else accents[-1]
    light = inks.light if inks.light != ground else accents[0]
    return dataclasses.replace(inks, field=ground, accents=accents, leaf=leaf_ink, light=light)


def pack_circles(
    draft: Draft, box: Box, radii: list[float], tries: int, taken: list[Circle] | None = None
) -> list[Circle]:
    """Return circles, in the order of `radii`, that do not overlap each other or the taken ones.

    `tries` places are drawn for each radius. A circle near an axis is centred on it.
    """
    found = np.array(taken or [], np.float64).reshape(-1, 3)
    first = len(found)
    for radius in radii:
        x = draft.rng.uniform(box.left + radius * 0.9, max(box.right, box.left + radius), tries)
        y = draft.rng.uniform(box.top + radius * 0.9, max(box.bottom, box.top + radius), tries)
        # Centre circles near an axis on it; drop those that an edge cuts.
        near_x, near_y = x > box.right - radius, y > box.bottom - radius
        keep = ~((near_x & (not box.axis_right)) | (near_y & (not box.axis_bottom)))
        x, y = np.where(near_x, box.right, x)[keep], np.where(near_y, box.bottom, y)[keep]
        if len(found):
            away = np.hypot(x[:, None] - found[:, 0], y[:, None] - found[:, 1]) - found[:, 2]
            free = (away >= radius * 1.02).all(axis=1)
            x, y = x[free], y[free]
        while len(x):
            found = np.concatenate([found, [(x[0], y[0], radius)]])
            free = np.hypot(x - x[0], y - y[0]) >= radius * 2.04
            x, y = x[free], y[free]
    return [tuple(circle) for circle in found[first:].tolist()]


def join(start: Points, way_out: Points, end: Points, way_in: Points, steps: int = 12) -> Points:
    """Return a cubic Hermite curve from start to end with the given unit tangents."""
    far = float(np.hypot(*(end - start)))
    t = np.linspace(0, 1, steps)[:, None]
    a, b = 2 * t**3 - 3 * t**2 + 1, t**3 - 2 * t**2 + t
    return a * start + b * way_out * far * 0.9 + (1 - a) * end + (t**3 - t**2) * way_in * far * 0.9


def _unit(vector: Points) -> Points:
    return vector / max(float(np.hypot(*vector)), 1e-6)


@dataclass(frozen=True, slots=True)
class _VineStyle:
    """The look of the vines of one field: inks, flowers, sizes in px, `leaf_scale` of the leaves."""

    size_px: float
    thick_px: float
    stem: int
    leaves: tuple[int, ...]
    names: tuple[str, str, str]
    fills: tuple[tuple[int, ...], ...]
    leaf_scale: float
    teeth: bool
    buds: bool


def fill_vines(draft: Draft, sheet: Sheet, inks: Inks, box: Box) -> str:
    """Draw vines that end in spirals, each round a flower, with leaves and buds along the stems."""
    # 1. The style of the vines.
    unit = draft.unit_px * box.scale
    style = _VineStyle(
        size_px=unit * draft.real(10, 25),
        thick_px=max(1.0, unit * draft.pick((0.9, 1.3, 2.0))),
        stem=draft.pick((inks.leaf, inks.leaf, inks.outline, inks.accents[0])),
        leaves=(inks.leaf, draft.pick(inks.accents), inks.leaf),
        names=(draft.pick(FACING_FLOWERS), draft.pick(tuple(FLOWERS)), draft.pick(ROUND_FLOWERS)),
        fills=tuple(pick_fills(draft, inks) for _ in range(3)),
        leaf_scale=draft.real(0.44, 0.68),
        teeth=draft.chance(0.3),
        buds=draft.chance(0.5),
    )
    # 2. Places of the spirals: large ones first, smaller ones between.
    size = style.size_px
    first: list[Circle] = []
    if box.axis_right:  # one flower on the axis, from which the first stems grow
        y = draft.real((box.top + box.bottom) / 2, box.bottom - size * 0.4)
        first = [(box.right, y, size * draft.real(0.8, 1.2))]
    circles = first + pack_circles(draft, box, [size * s for s in (1.0, 1.0, 0.84, 0.7, 0.58, 0.48, 0.4)], 90, first)
    if not circles:
        circles = [((box.left + box.right) / 2, (box.top + box.bottom) / 2, size * 0.5)]
    # 3. Stems with leaves, flowers on their ends, small motifs in the gaps.
    lines = _grow_stems(draft, sheet, inks, box, circles=circles, style=style)
    _set_flowers(draft, sheet, inks, box, circles=circles, lines=lines, style=style)
    _fill_gaps(draft, sheet, inks, pack_circles(draft, box, [size * 0.27, size * 0.2], 110, circles), style)
    return "flowers and vines" if draft.chance(0.5) else "curling vines"


def _grow_stems(
    draft: Draft, sheet: Sheet, inks: Inks, box: Box, *, circles: list[Circle], style: _VineStyle
) -> list[Points | None]:
    """Draw a spiral in each circle, with a stem from the nearest earlier one; return the spirals.

    Circles on an axis have None instead of a spiral.
    """
    lines: list[Points | None] = []
    stems: list[tuple[Points, float]] = []
    for i, (x, y, r) in enumerate(circles):
        if (x >= box.right and box.axis_right) or (y >= box.bottom and box.axis_bottom):
            lines.append(None)
            continue
        way = 1 if draft.chance(0.5) else -1
        older = np.array(circles[:i] or [(box.right, box.bottom, 1.0)])
        near = int(np.argmin(np.hypot(older[:, 0] - x, older[:, 1] - y) - older[:, 2]))
        start = math.atan2(older[near, 1] - y, older[near, 0] - x) - way * 0.9
        line = spiral(x, y, r * 0.92, start, draft.real(0.95, 1.3), way, 0.3)
        parent = lines[near] if i else None
        if parent is None:
            root = older[near, :2]
            way_out = _unit((line[0] - root) @ np.array([[0.6, way * 0.8], [-way * 0.8, 0.6]]))
        else:
            at = int(np.argmin(np.hypot(*(parent[: len(parent) // 2] - line[0]).T)))
            root, way_out = parent[at], _unit(parent[at + 1] - parent[at])
        bridge = join(root, way_out, line[0], _unit(line[1] - line[0]))
        line = np.concatenate([bridge[-3:-1], line])
        stems += [(bridge, r), (line, r)]
        lines.append(line)
    pen = inks.outline if style.thick_px > 1.9 else None
    for line, _ in stems:
        sheet.ribbon(line, style.thick_px, style.stem, pen)
    for n, (line, r) in enumerate(stems):
        outline = inks.outline if r > 12 else None
        draw_vine_leaves(
            sheet, line, r * 0.5 * style.leaf_scale, style.leaves, outline,
            every=3 if n % 2 else 4, buds=style.buds, teeth=style.teeth,
        )  # fmt: skip
    return lines


def _set_flowers(
    draft: Draft,
    sheet: Sheet,
    inks: Inks,
    box: Box,
    *,
    circles: list[Circle],
    lines: list[Points | None],
    style: _VineStyle,
) -> None:
    """Draw a flower on the end of each spiral, and a larger one among leaves in each circle on an axis."""
    for i, ((x, y, r), line) in enumerate(zip(circles, lines, strict=True)):
        if line is not None:
            turn = heading(line, len(line) - 1)
            FLOWERS[style.names[i % 3]](sheet, x, y, r * 0.52, turn, style.fills[i % 3], inks.outline)
            continue
        for side in (0.8, -0.8, 2.3, -2.3):
            foot_x, foot_y = x + math.sin(side) * r * 0.5, y - math.cos(side) * r * 0.5
            leaf(sheet, foot_x, foot_y, r * 0.36, side, style.leaves[0], inks.outline, teeth=style.teeth)
        turn = math.pi if y < box.bottom and draft.chance(0.4) else 0.0
        FLOWERS[style.names[i % 2]](sheet, x, y, r * 0.66, turn, style.fills[i % 2], inks.outline)


def _fill_gaps(draft: Draft, sheet: Sheet, inks: Inks, circles: list[Circle], style: _VineStyle) -> None:
    """Draw small flowers, buds and tendrils in the gaps."""
    for n, (x, y, r) in enumerate(circles):
        turn = draft.real(0, 2 * math.pi)
        if n % 3 == 0:
            rosette(sheet, x, y, r * 0.8, 0.0, style.fills[2], inks.outline if r > 4 else None, 6)
        elif n % 3 == 1:
            bud(sheet, x, y, r * 0.8, turn, (*style.fills[0][:2], inks.leaf), inks.outline)
        else:
            curl(sheet, x, y + r * 0.4, r * 0.9, turn, style.leaves[1], inks.outline, 1 if n % 2 else -1)


def fill_scrolls(draft: Draft, sheet: Sheet, inks: Inks, box: Box) -> str:
    """Draw waving stems in rows across the field, with a spiral and a flower in every bend."""
    unit = draft.unit_px * box.scale
    high = unit * draft.real(24, 46)
    rows = max(1, round((box.bottom - box.top) / high))
    high = (box.bottom - box.top) / rows
    long = high * draft.real(1.5, 2.2)
    thick = max(1.0, unit * draft.pick((0.9, 1.4, 2.0)))
    pen = inks.outline if thick > 1.9 else None
    name, other = draft.pick(tuple(FLOWERS)), draft.pick(ROUND_FLOWERS)
    fills, tips = pick_fills(draft, inks), pick_fills(draft, inks)
    flipped = draft.chance(0.5)
    for row in range(rows):
        y = box.bottom - (row + 0.5) * high
        phase = math.pi * (row % 2) if flipped else 0.0
        t = np.arange(box.right + 2, box.left - long, -max(2.0, long / 22))
        turn = (box.right - t) / long * 2 * math.pi + phase
        wave = np.stack([t, y + high * 0.27 * np.cos(turn)], axis=1)
        sheet.ribbon(wave, thick, inks.leaf, pen)
        draw_vine_leaves(sheet, wave, high * 0.09, (inks.leaf, tips[0]), inks.outline if high > 40 else None, every=4)
        for k in range(int((box.right - box.left) / long * 2) + 3):
            x = box.right - (k * long / 2 - phase / (2 * math.pi) * long)
            up = k % 2 == 0
            way = 1 if up else -1
            cy, r = y - way * high * 0.1, high * 0.3
            if x < box.right - 1 or k == 0:
                line = spiral(x, cy, r, way * math.pi / 2 + 0.6, 1.0, way, 0.35)
                sheet.ribbon(line, thick, inks.leaf, pen)
                draw_vine_leaves(sheet, line, r * 0.28, (inks.leaf, tips[1]), inks.outline if r > 14 else None, every=4)
                turn_to = math.pi if up else 0.0
                if up:
                    FLOWERS[name](sheet, x, cy, r * 0.66, turn_to, fills, inks.outline)
                else:
                    FLOWERS[other](sheet, x, cy, r * 0.6, 0.0, tips, inks.outline)
        edge = y - high / 2
        for k in range(int((box.right - box.left) / long * 2) + 3):
            rosette(
                sheet,
                box.right - (k + 0.5) * long / 2,
                edge,
                high * 0.07,
                0.0,
                tips[::-1],
                inks.outline if high > 40 else None,
                6,
            )
    return "scrolling vines"
