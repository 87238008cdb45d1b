"""Field patterns for any bordered design, drawn for its top left quarter or left half."""

from __future__ import annotations

import math
from collections.abc import Callable

from studio.carpets.drafts import Draft, Inks
from studio.carpets.drawing import Sheet, curve
from studio.carpets.ornaments.foliage import boteh, cloud_band, curl, leaf
from studio.carpets.ornaments.motifs import FLOWERS, bud, rosette
from studio.carpets.ornaments.vines import Box, fill_scrolls, fill_vines, pick_fills

FieldPattern = Callable[[Draft, Sheet, Inks, Box], str]
"""Draws a pattern over the box and returns its motif in the plural."""


def _grid(box: Box, step_x: float, step_y: float, *, staggered: bool) -> list[tuple[int, int, float, float]]:
    """Return (row, column, x, y) of a grid, counted from the bottom right corner of the box, where the axes meet.

    In a `staggered` grid every other row is shifted by half a step.
    """
    spots = []
    for row in range(int((box.bottom - box.top) / step_y) + 2):
        for column in range(int((box.right - box.left) / step_x) + 2):
            shift = 0.5 if staggered and row % 2 else 0.0
            spots.append((row, column, box.right - (column + shift) * step_x, box.bottom - row * step_y))
    return spots


def fill_palmettes(draft: Draft, sheet: Sheet, inks: Inks, box: Box) -> str:
    """Draw flowers on the crossings of a lattice; its lines are straight, ogee, single leaves or not drawn."""
    step_x = box.scale * draft.unit_px * draft.real(24, 46)
    step_y = step_x * draft.real(0.45, 0.95)
    kind = draft.whole(0, 3)
    thick = max(1.0, box.scale * draft.unit_px * draft.real(0.8, 1.6))
    name, other = draft.pick(tuple(FLOWERS)), draft.pick(tuple(FLOWERS))
    fills = [pick_fills(draft, inks) for _ in range(draft.whole(1, 3))]
    size = min(step_x * 0.32, step_y * 0.62)
    spots = _grid(box, step_x, step_y, staggered=True)
    bow = step_x * draft.real(0.08, 0.2)
    for row, _, x, y in spots:
        for side in (-1, 1):
            ex, ey = x + side * step_x / 2, y - step_y
            if kind == 1:
                sheet.line([(x, y), (ex, ey)], thick, inks.leaf)
            elif kind == 2:  # ogees: the line is vertical at both ends
                way = bow * (1 if row % 2 else -1)
                line = curve(
                    [
                        (x, y),
                        (x + side * (step_x * 0.12) + side * way * 0.3, y - step_y * 0.3),
                        (ex - side * step_x * 0.12, ey + step_y * 0.3),
                        (ex, ey),
                    ],
                    5,
                )
                sheet.ribbon(line, thick, inks.leaf, inks.outline if thick > 1.6 else None)
            if kind == 3 or (kind == 1 and size > 9):
                turn = math.atan2(side * step_x / 2, step_y)
                leaf(
                    sheet,
                    x + side * step_x * 0.16,
                    y - step_y * 0.32,
                    min(step_x, step_y) * 0.2,
                    turn,
                    inks.leaf,
                    inks.outline,
                )
    for row, column, x, y in spots:
        main = row % 2 == 0
        hangs = kind % 2 == 0 and (row + column) % 2 == 1  # every other flower, in half of the lattices
        turn = math.pi if hangs else 0.0
        scale = 1.0 if main else 0.72
        FLOWERS[name if main else other](
            sheet, x, y, size * scale, turn, fills[(row // 2 + column) % len(fills)], inks.outline
        )
    return name


def fill_boteh(draft: Draft, sheet: Sheet, inks: Inks, box: Box) -> str:
    """Draw boteh in rows, upright or leaning, in some designs mirrored in every other row, and small flowers."""
    size = box.scale * draft.unit_px * draft.pick((6.5, 9, 12, 16, 22))
    step_x, step_y = size * draft.real(1.7, 2.2), size * draft.real(2.3, 2.9)
    fills = [pick_fills(draft, inks) for _ in range(draft.whole(1, 3))]
    lean, staggered, swap = draft.real(-0.2, 0.35), draft.chance(0.7), draft.chance(0.5)
    for row, column, x, y in _grid(box, step_x, step_y, staggered=staggered):
        if not staggered or row % 2 == 0:
            x -= step_x / 2  # noqa: PLW2901  (so that the axis cuts no boteh)
        flip = swap and row % 2 == 1
        boteh(
            sheet,
            x,
            y,
            size,
            -lean if flip else lean,
            fills[(row + column * (row % 2)) % len(fills)],
            inks.outline,
            flip,
        )
        if size > 8:
            spot_x, spot_y = x + step_x / 2, y
            rosette(sheet, spot_x, spot_y + size * 0.95, size * 0.2, 0.0, fills[-1][::-1], None, 6)
    draft.say(
        "small boteh"
        if size < box.scale * draft.unit_px * 8
        else "large boteh"
        if size > box.scale * draft.unit_px * 14
        else "boteh in rows"
    )
    return "boteh"


def fill_herati(draft: Draft, sheet: Sheet, inks: Inks, box: Box) -> str:
    """Draw the herati repeat: a rosette in a diamond with four bent leaves, and rosettes between the diamonds."""
    step = box.scale * draft.unit_px * draft.real(24, 40)
    fills, tips = pick_fills(draft, inks), pick_fills(draft, inks)
    for row, column, x, y in _grid(box, step, step, staggered=False):
        reach = step * 0.3
        diamond = [(x, y - reach), (x + reach, y), (x, y + reach), (x - reach, y), (x, y - reach)]
        sheet.line(diamond, max(1, round(draft.unit_px * 0.8)), inks.leaf)
        rosette(sheet, x, y, step * 0.16, 0.0, fills, inks.outline)
        for dx, dy in ((1, 1), (-1, 1), (1, -1), (-1, -1)):
            turn = math.atan2(dx, -dy) + dx * dy * 0.9
            leaf(
                sheet,
                x + dx * step * 0.16,
                y + dy * step * 0.3,
                step * 0.15,
                turn,
                inks.leaf,
                inks.outline,
                bend=0.5 * dx * dy,
            )
        rosette(sheet, x + step / 2, y + step / 2, step * 0.17, 0.0, tips, inks.outline, 6)
        if (row + column) % 2:
            bud(sheet, x, y - reach - step * 0.08, step * 0.07, 0.0, tips, None)
    return "rosettes"


def fill_sprays(draft: Draft, sheet: Sheet, inks: Inks, box: Box) -> str:
    """Draw small flowers in staggered rows, in some designs on stalks with two leaves."""
    step = box.scale * draft.unit_px * draft.real(14, 30)
    name = draft.pick(tuple(FLOWERS))
    fills = [pick_fills(draft, inks) for _ in range(3)]
    stalked = draft.chance(0.6)
    for row, column, x, y in _grid(box, step, step * 0.8, staggered=True):
        if stalked:
            sheet.line([(x, y), (x, y + step * 0.3)], max(1, round(box.scale * draft.unit_px * 0.6)), inks.leaf)
            for side in (-1, 1):
                leaf(sheet, x, y + step * 0.26, step * 0.12, side * 0.9, inks.leaf, None)
        FLOWERS[name](
            sheet,
            x,
            y - step * 0.05 * stalked,
            step * 0.2,
            0.0,
            fills[(row + column) % 3],
            inks.outline if step > 20 else None,
        )
    return "small flowers"


def fill_clouds(draft: Draft, sheet: Sheet, inks: Inks, box: Box) -> str:
    """Draw cloud bands alternating with peonies with tendrils, as in Chinese carpets."""
    step = box.scale * draft.unit_px * draft.real(26, 44)
    fills = pick_fills(draft, inks)
    for row, column, x, y in _grid(box, step, step * 0.8, staggered=True):
        if (row + column) % 2:
            cloud_band(sheet, x, y, step * 0.26, 0.0 if row % 4 < 2 else math.pi, fills[0], inks.outline)
        else:
            FLOWERS["peonies"](sheet, x, y, step * 0.24, 0.0, fills, inks.outline)
            for side in (-1, 1):
                curl(
                    sheet, x + side * step * 0.22, y + step * 0.1, step * 0.2, side * 1.0, inks.leaf, inks.outline, side
                )
    return "clouds and peonies"


FIELD_PATTERNS: dict[str, FieldPattern] = {
    "vines": fill_vines,
    "scrolls": fill_scrolls,
    "palmettes": fill_palmettes,
    "boteh": fill_boteh,
    "herati": fill_herati,
    "sprays": fill_sprays,
    "clouds": fill_clouds,
}
"""To add a field pattern, write a `FieldPattern` and add one entry; families choose patterns by key."""
