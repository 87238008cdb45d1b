"""Borders: a main border and guard bands, drawn for the top left quarter, with a corner motif in each band."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from studio.carpets.drafts import Draft, Drawing, Inks
from studio.carpets.drawing import Sheet, unfold
from studio.carpets.ornaments.border_tiles import CURVED_TILES, BandInks, Tile
from studio.carpets.ornaments.geometry import star
from studio.carpets.ornaments.motifs import daisy, palmette, rosette
from studio.carpets.ornaments.stepped_tiles import GUARD_TILES, STEPPED_TILES

Style = Literal["curved", "stepped", "plain"]
"""Curvilinear or rectilinear ornament, or bands of one ink."""

COUNT_WORDS = ("no border", "one border", "two borders", "three borders", "four borders", "five borders")

PLANS: tuple[tuple[float, ...], ...] = (
    (1.0,), (1.0, 3.2, 1.0), (0.8, 3.2, 0.8), (3.0, 1.0), (1.0, 3.0), (1.0, 3.0, 1.0), (0.7, 1.2, 3.4, 1.2),
    (2.2, 0.7, 2.2), (0.7, 3.0, 0.7, 1.6), (0.6, 1.3, 3.2, 1.3, 0.6),
)  # fmt: skip
"""Relative thickness of the bands, from the edge inwards. The widest are main borders, the others guard bands."""


@dataclass(frozen=True, slots=True)
class Band:
    """One band of a frame."""

    thick_px: int
    tile: Tile
    inks: BandInks


def draw_frame(draft: Draft, sheet: Sheet, inks: Inks, wanted_px: int, style: Style = "curved") -> int:
    """Draw a selvedge and borders, about `wanted_px` wide together, and a plain field onto a quarter sheet.

    Returns the distance from the edge to the field in px. Adds the caption phrases of the borders.
    """
    edge = max(1, round(draft.unit_px * draft.pick((1, 1, 2, 3))))
    line = draft.pen_px
    selvedge = draft.pick((inks.outline, inks.border, inks.light, *inks.accents[:2]))
    sheet.box(0, 0, sheet.width_px, sheet.height_px, selvedge)
    bands = plan_bands(draft, inks, wanted_px - edge, style)
    offset = edge
    lined = style != "plain" or draft.chance(0.4)
    for band in bands:
        draw_band(sheet, draft, offset, band)
        offset += band.thick_px
        if lined:
            sheet.box(offset, offset, sheet.width_px, sheet.height_px, inks.outline)
            offset += line
    sheet.box(offset, offset, sheet.width_px, sheet.height_px, inks.field)
    main = max(bands, key=lambda band: band.thick_px)
    draft.say(COUNT_WORDS[len(bands)])
    draft.say("{} border", main.inks.ground)
    if style != "plain":
        draft.say(main.tile.words)
    return offset


def plan_bands(draft: Draft, inks: Inks, wanted_px: int, style: Style) -> list[Band]:
    """Return the bands of a frame from the edge inwards; narrow frames have fewer."""
    line = draft.pen_px
    fitting = [plan for plan in PLANS if (wanted_px - line * len(plan)) * min(plan) / sum(plan) >= 2.6]
    plan = draft.pick(fitting or PLANS[:1])
    room = max(3, wanted_px - line * len(plan))
    bands = []
    guard: Band | None = None  # guard bands mostly match, as on real carpets
    for part in plan:
        thick = max(2, round(room * part / sum(plan)))
        main = part == max(plan)
        if not main and guard is not None and not draft.chance(0.25):
            bands.append(replace(guard, thick_px=thick))
            continue
        ground = inks.border if main else draft.pick((inks.light, inks.field, *inks.grounds, *inks.accents))
        band = Band(thick, _pick_tile(draft, thick, main, style), _band_inks(draft, inks, ground, style))
        guard = guard if main else band
        bands.append(band)
    return bands


def _pick_tile(draft: Draft, thick_px: int, main: bool, style: Style) -> Tile:
    if style == "plain":
        return GUARD_TILES["plain"]
    tiles = GUARD_TILES if not main else CURVED_TILES if style == "curved" else STEPPED_TILES
    fitting = [tile for tile in tiles.values() if tile.least_px <= thick_px]
    if not main and thick_px >= 9 and draft.chance(0.6):  # a broad guard band can take a border ornament
        broad = (*STEPPED_TILES.values(), *CURVED_TILES.values()) if style == "curved" else STEPPED_TILES.values()
        fitting = [tile for tile in broad if tile.least_px <= thick_px] or fitting
    return draft.pick(fitting or list(GUARD_TILES.values())[:1])


def _band_inks(draft: Draft, inks: Inks, ground: int, style: Style) -> BandInks:
    figures = [int(i) for i in draft.rng.permutation([*inks.accents, inks.light]) if i != ground]
    if style == "stepped" and draft.chance(0.3):
        figures.insert(draft.whole(0, 1), inks.field if ground != inks.field else inks.border)
    figure, second, third = (figures * 3)[:3]
    leaf = inks.leaf if ground != inks.leaf else figure
    return BandInks(ground, figure, second, third, inks.outline, leaf, draft.whole(0, 999))


def draw_band(sheet: Sheet, draft: Draft, offset_px: int, band: Band) -> None:
    """Draw one band, `offset_px` from the edge, onto the quarter sheet: top, left side, then corner."""
    o, t, inks = offset_px, band.thick_px, band.inks
    sheet.box(o, o, sheet.width_px, o + t - 1, inks.ground)
    sheet.box(o, o, o + t - 1, sheet.height_px, inks.ground)
    if band.tile is GUARD_TILES["plain"]:
        return
    repeat = max(3.0, t * band.tile.ratio)
    for full, across in ((draft.width_px, True), (draft.height_px, False)):
        strip = repeat_tile(
            full / 2 - o - t, t, inks, band.tile, repeat_px=repeat, pen_px=sheet.pen_px, cornered=t >= 5
        )
        if strip.size:
            sheet.paste(
                strip if across else np.ascontiguousarray(strip.T), o + t if across else o, o if across else o + t
            )
    _draw_corner(sheet, o, t, inks)


def _draw_corner(sheet: Sheet, offset_px: int, thick_px: int, inks: BandInks) -> None:
    """Draw the corner motif of a band."""
    o, t = offset_px, thick_px
    middle = o + (t - 1) / 2
    if t < 5:
        sheet.box(o, o, o + t - 1, o + t - 1, inks.figure)
        return
    corner = Sheet(t, t, inks.ground, sheet.pen_px)
    at = (t - 1) / 2
    kind = inks.variant % 5 if t >= 9 else 3
    if kind == 0:
        rosette(corner, at, at, t * 0.44, 0.39, inks.fills, inks.outline)
    elif kind == 1:
        daisy(corner, at, at, t * 0.46, 0.0, inks.fills, inks.outline)
    elif kind == 2:
        palmette(corner, at + t * 0.04, at + t * 0.04, t * 0.38, -np.pi / 4, inks.fills, inks.outline)
    elif kind == 3:
        star(corner, at, at, t * 0.46, inks.fills, inks.outline if t > 8 else None)
    else:
        corner.box(0, 0, t - 1, t - 1, inks.second, inks.outline)
        rosette(corner, at, at, t * 0.36, 0.0, (inks.figure, inks.third), inks.outline)
    sheet.paste(corner.array(), round(middle - at), round(middle - at))


def repeat_tile(
    run_px: float, thick_px: int, inks: BandInks, tile: Tile, *,
    repeat_px: float, pen_px: int, cornered: bool = False,
) -> NDArray[np.uint8]:  # fmt: skip
    """Return a strip of whole repeats, (thick_px, run_px rounded up).

    The length of a repeat is adjusted so that a whole number fits; a repeat one pixel shorter is cropped, not scaled.
    A `cornered` strip begins beside a corner motif, where nothing is drawn across the edge.
    """
    if run_px < 1:
        return np.zeros((thick_px, 0), np.uint8)
    count = max(1, round(run_px / repeat_px))
    wide = int(np.ceil(run_px / count))
    repeats = []
    for first in (cornered, False):
        sheet = Sheet(wide, thick_px, inks.ground, pen_px)
        tile.draw(sheet, replace(inks, first=first))
        repeats.append(sheet.array())
    starts = np.round(np.arange(count + 1) * run_px / count).astype(int)
    at = np.arange(int(np.ceil(run_px)))
    which = np.clip(np.searchsorted(starts, at, side="right") - 1, 0, count - 1)
    run = repeats[1][:, np.clip(at - starts[which], 0, wide - 1)]
    run[:, : starts[1]] = repeats[0][:, : starts[1]]
    return run


def insert_field(frame: Sheet, field: Sheet, margin_px: int) -> NDArray[np.uint8]:
    """Return the quarter of a design: the frame's pixels, and the field's inside the margin."""
    indices = frame.array()
    indices[margin_px:, margin_px:] = field.array()[margin_px:, margin_px:]
    return indices


def insert_half_field(draft: Draft, frame: Sheet, field: Sheet, margin_px: int, motif: str) -> Drawing:
    """Return the whole design from a frame drawn for a quarter and a field drawn for the left half."""
    whole = unfold(frame.array(), draft.width_px, draft.height_px)
    inside = np.s_[margin_px : draft.height_px - margin_px, margin_px : draft.width_px - margin_px]
    whole[inside] = unfold(field.array(), draft.width_px, draft.height_px)[inside]
    return Drawing(whole, "vertical", motif)
