"""From a picture that a model drew to one that can be woven: yarns, symmetry and kept parts exact to the knot."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from studio.designs.canvas import resize
from studio.designs.colours.colour_spaces import convert_to_lab, measure_difference
from studio.designs.colours.palette import snap, suggest_palette
from studio.designs.index_map import IndexMap
from studio.designs.structure.repeat import Seams, close_seams, measure_seams, surround
from studio.designs.structure.repeat_symmetry import join_edges, mirror_repeat
from studio.designs.structure.symmetry import measure_agreement
from studio.designs.weaving.contacts import count_contacts, settle_contacts
from studio.designs.weaving.mending import mend, share_changed
from studio.designs.weaving.plan import WeavePlan, join_yarns
from studio.designs.weaving.recognition import View, find_unchanged, measure_distance, measure_likeness
from studio.schema import Weaving

SEAM_BAND_SHARE, SEAM_BAND_LEAST_PX, SEAM_BAND_MOST_SHARE = 0.02, 3, 0.5
"""Over the first part of the shorter side a seam that still shows is closed; twice as far each time, up to the last."""
SETTLING_MARGIN_PX = 8
SHIFT_SAMPLE = 50_000
"""Pixels that the mean colour shift is measured on: more would not change its second digit."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Woven:
    """A picture that keeps its constraints: indexed (P) where it has yarns, RGB where its colours are free."""

    image: Image.Image
    weaving: Weaving


@dataclass(frozen=True, slots=True, eq=False)
class _Laid:
    """A picture in its yarns and of the design's size, and what that did to it (see `Weaving`)."""

    knots: NDArray[np.uint8]
    colour_shift: float | None = None
    settled_share: float = 0.0
    unchanged_share: float | None = None


def weave(picture: Image.Image, plan: WeavePlan, working: Image.Image | None = None, view: View | None = None) -> Woven:
    """Return an RGB picture of the design's size as the plan wants it.

    `working` is the picture at the size at which the model drew it, where that is smaller: its yarns are chosen there
    and enlarged one by one, since between two yarns an enlarged edge has colours of neither, which a third may match.
    `view` is the design as the model sees it, of the size of `working`: where it comes back, the design's own knots do.
    Colours first: the design's knots where it is unchanged, else the nearest yarn, then the one that the design would
    have beside its neighbours. Then what must be exact (`mending`). A seam that shows after all that is closed on the
    picture, over a wider band each time, and the rest is done again; in the end on the knots.
    """
    drawn = np.asarray(picture.convert("RGB"))
    if drawn.shape != plan.design.shape:
        raise ValueError(f"a picture of {drawn.shape} for a plan of {plan.design.shape}")
    yarns = _choose_yarns(drawn, plan)
    small = drawn if working is None or yarns is None else np.asarray(working.convert("RGB"))
    laid = _lay_knots(small, yarns, plan, view)
    mended = mend(laid.knots, yarns, plan)
    seams = _measure_seams(mended.knots, yarns, plan)
    open_knots, shift = mended.knots, laid.colour_shift
    side = min(small.shape[:2])
    band_px = max(SEAM_BAND_LEAST_PX, round(SEAM_BAND_SHARE * side))
    while seams is not None and seams.shown and band_px <= SEAM_BAND_MOST_SHARE * side:
        small = close_seams(mirror_picture(small, plan), plan.closed_repeat, band_px)
        laid = _lay_knots(small, yarns, plan, None if view is None else _leave_band(view, band_px))
        mended = mend(laid.knots, yarns, plan)
        seams = _measure_seams(mended.knots, yarns, plan)
        band_px *= 2
    if seams is not None and seams.shown:
        # What is mixed over half a tile may be so plain that a few knots on the seam show: they are made equal.
        joined = join_edges(mended.knots, plan.closed_repeat, plan.vertical, plan.horizontal)
        mended = mend(joined, yarns, plan)
        seams = _measure_seams(mended.knots, yarns, plan)
    knots = mended.knots
    weaving = Weaving(
        yarns=() if yarns is None else tuple(f"#{r:02x}{g:02x}{b:02x}" for r, g, b in yarns.tolist()),
        shares=() if yarns is None else _measure_shares(knots, len(yarns)),
        colour_shift=shift,
        settled_share=laid.settled_share,
        changed_share=share_changed(plan.indices, knots) if yarns is not None and yarns is plan.palette else None,
        unchanged_share=laid.unchanged_share,
        orphan_share_before=mended.orphan_share_before,
        orphan_share=mended.orphan_share,
        cleaned_share=mended.cleaned_share,
        vertical=plan.vertical,
        horizontal=plan.horizontal,
        agreement=_measure_agreement(knots, plan),
        mirrored_share=mended.mirrored_share,
        kept_share=0.0 if plan.kept is None else float(plan.kept.mean()),
        seam_horizontal=None if seams is None else seams.horizontal,
        seam_vertical=None if seams is None else seams.vertical,
        seams_closed=share_changed(open_knots, knots),
    )
    image = Image.fromarray(knots) if yarns is None else IndexMap(knots, yarns).image()
    return Woven(image, weaving)


def mirror_picture(pixels: NDArray[Any], plan: WeavePlan) -> NDArray[Any]:
    """Return a picture (h, w, ...), as large as a model drew, symmetric about the plan's axes to the nearest pixel."""
    (height, width), (rows, columns) = pixels.shape[:2], plan.indices.shape
    vertical = None if plan.vertical is None else round(plan.vertical * width / columns)
    horizontal = None if plan.horizontal is None else round(plan.horizontal * height / rows)
    return mirror_repeat(pixels, plan.closed_repeat, vertical, horizontal)


def _lay_knots(drawn: Pixels, yarns: Pixels | None, plan: WeavePlan, view: View | None) -> _Laid:
    """Return what was drawn in its yarns and of the design's size.

    Without yarns: the picture as it is, which has the design's size already.
    """
    if yarns is None:
        return _Laid(drawn)
    # 1. The nearest yarns, and the design's own where what was drawn is nearer to how the model sees it.
    design = plan.indices if yarns is plan.palette else snap(plan.design, yarns)
    own = design[_thin(design.shape[0], drawn.shape[0])][:, _thin(design.shape[1], drawn.shape[1])]
    nearest = _snap_to(drawn, yarns, plan)
    known, likeness, unchanged = nearest, None, None
    if view is not None:
        likeness, distances = measure_likeness(drawn, view), measure_distance(drawn, yarns[nearest])
        known = np.where(likeness < distances, own, nearest)
        unchanged = find_unchanged(likeness, distances)
    # 2. What the design has beside such neighbours. New yarns have no habits to go by.
    knots = _settle(drawn, known, own, likeness, plan) if yarns is plan.palette else known
    if unchanged is not None:
        knots = np.where(unchanged, own, knots)
    laid = _Laid(
        knots,
        _measure_shift(drawn, yarns[knots]),
        share_changed(known, knots) if unchanged is None else float(((known != knots) & ~unchanged).mean()),
        None if unchanged is None else float(unchanged.mean()),
    )
    # 3. The design's size. Unchanged parts come from the design as it is, finer than what the model saw of it.
    if knots.shape == design.shape:
        return laid
    size_px = design.shape[::-1]
    knots = enlarge_knots(knots, size_px, plan.closed_repeat)
    if unchanged is not None:
        mask = resize(Image.fromarray(np.where(unchanged, np.uint8(255), np.uint8(0))), size_px, plan.closed_repeat)
        knots = np.where(np.asarray(mask) >= 128, design, knots)
    return replace(laid, knots=knots)


def _leave_band(view: View, band_px: int) -> View:
    """Return the view without its edges: the design's own knots would open what is closed there."""
    true = np.zeros(view.pixels.shape[:2], dtype=bool)
    inner = (slice(band_px, -band_px),) * 2
    true[inner] = True if view.true is None else view.true[inner]
    return View(view.pixels, true)


def _settle(
    drawn: Pixels,
    known: NDArray[np.uint8],
    own: NDArray[np.uint8],
    likeness: NDArray[np.float32] | None,
    plan: WeavePlan,
) -> NDArray[np.uint8]:
    """Return the knots of what was drawn as they suit their neighbours by the habits of the design.

    At the edges of a repeat the neighbouring ones have their say.
    """
    used = np.unique(plan.indices)
    table = np.zeros(256, dtype=np.uint8)
    table[used] = np.arange(len(used))
    # Habits are read at the size that was drawn at: the smaller a drawing, the more its knots lie at edges.
    yarns, habits = np.ascontiguousarray(plan.palette[used]), count_contacts(table[own], len(used))
    parts = [drawn, table[known]] + ([] if likeness is None else [table[own], likeness])
    margin = 0 if plan.closed_repeat is None else SETTLING_MARGIN_PX
    if margin:
        parts = [surround(part, plan.closed_repeat, margin) for part in parts]
    settled = settle_contacts(parts[0], parts[1], yarns, habits, None if likeness is None else (parts[2], parts[3]))
    height, width = known.shape
    return used[settled[margin : margin + height, margin : margin + width]]


def _thin(side: int, wanted: int) -> NDArray[np.intp]:
    """Return which of `side` rows or columns to look at for `wanted` of them."""
    return (np.arange(wanted) * side) // wanted


def _snap_to(drawn: Pixels, yarns: Pixels, plan: WeavePlan) -> NDArray[np.uint8]:
    """Return the nearest yarn of each pixel. Of the design's palette only what the design uses is a yarn of it."""
    if yarns is not plan.palette:
        return snap(drawn, yarns)
    used = np.unique(plan.indices)
    return used[snap(drawn, np.ascontiguousarray(yarns[used]))]


def _measure_seams(knots: NDArray[np.uint8], yarns: Pixels | None, plan: WeavePlan) -> Seams | None:
    if plan.closed_repeat is None:
        return None
    return measure_seams(knots if yarns is None else yarns[knots], plan.closed_repeat)


def enlarge_knots(indices: NDArray[np.uint8], size_px: tuple[int, int], repeat: str | None = None) -> NDArray[np.uint8]:
    """Return indices (h, w) enlarged to `size_px` (width, height): each knot takes the yarn that weighs most there.

    Every yarn's share is enlarged by Lanczos, so that edges come out smooth and no knot gets a yarn that is not
    beside it. In a `repeat` the neighbouring repeats have their say at the edges.
    """
    best = np.full((size_px[1], size_px[0]), -1, dtype=np.int16)
    knots = np.zeros(best.shape, dtype=np.uint8)
    for yarn in np.unique(indices):
        mask = Image.fromarray(np.where(indices == yarn, np.uint8(255), np.uint8(0)))
        weight = np.asarray(resize(mask, size_px, repeat), dtype=np.int16)
        ahead = weight > best
        knots[ahead] = yarn
        np.maximum(best, weight, out=best)
    return knots


def _choose_yarns(drawn: Pixels, plan: WeavePlan) -> Pixels | None:
    """Return the palette of a variation, None where its colours are free.

    New yarns are sought outside the kept part. Locked yarns come first, then those of the kept part: they must be
    there, or nothing in it could stay as it is.
    """
    if plan.constraints.palette != "new":
        return plan.palette
    if plan.kept is None:
        return suggest_palette(drawn, plan.constraints.colours, plan.locked)
    held = join_yarns(plan.locked, plan.design[plan.kept])
    outside = drawn[~plan.kept][None]
    return suggest_palette(outside, plan.constraints.colours, held) if outside.size else held


def _measure_shares(knots: NDArray[np.uint8], count: int) -> tuple[float, ...]:
    return tuple((np.bincount(knots.ravel(), minlength=count) / knots.size).round(6).tolist())


def _measure_agreement(knots: NDArray[np.uint8], plan: WeavePlan) -> float | None:
    """Return the share of knots that equal their partner, about the worse of the plan's axes; None without any."""
    axes = {"vertical": plan.vertical, "horizontal": plan.horizontal}
    measured = [measure_agreement(knots, name, offset) for name, offset in axes.items() if offset is not None]
    return min(measured, default=None)


def _measure_shift(drawn: Pixels, woven: Pixels) -> float:
    """Return the mean CIEDE2000 between two pictures, over an even sample of their pixels."""
    step = max(1, drawn.shape[0] * drawn.shape[1] // SHIFT_SAMPLE)
    pairs = [convert_to_lab(pixels.reshape(-1, 3)[::step]) for pixels in (drawn, woven)]
    return round(float(measure_difference(*pairs).mean()), 3)
