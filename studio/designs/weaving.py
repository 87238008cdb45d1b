"""From a picture that a model drew to one that can be woven: yarns, symmetry and kept parts exact to the knot."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from studio.designs.canvas import resize
from studio.designs.colour import convert_to_lab, measure_difference
from studio.designs.contacts import count_contacts, settle_contacts
from studio.designs.index_map import IndexMap
from studio.designs.orphans import clean_orphans, measure_orphan_share
from studio.designs.palette import snap, suggest_palette
from studio.designs.repeat import Seams, close_seams, measure_seams, surround
from studio.designs.symmetry import source_of
from studio.designs.weave_plan import WeavePlan, join_yarns
from studio.requests import Weaving

SEAM_BAND_SHARE, SEAM_BAND_LEAST_PX = 0.02, 3
"""Over this part of the shorter side a seam that still shows is closed."""
CLEANING_MARGIN_PX = 8
SHIFT_SAMPLE = 50_000
"""Pixels that the mean colour shift is measured on: more would not change its second digit."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Woven:
    """A picture that keeps its constraints: indexed (P) where it has yarns, RGB where its colours are free."""

    image: Image.Image
    weaving: Weaving


def weave(picture: Image.Image, plan: WeavePlan, working: Image.Image | None = None) -> Woven:
    """Return an RGB picture of the design's size as the plan wants it.

    `working` is the picture at the size at which the model drew it, where that is smaller: its yarns are chosen there
    and enlarged one by one, since between two yarns an enlarged edge has colours of neither, which a third may match.
    Colours first (the nearest yarn, then the one that the design would have beside its neighbours; with seams closed
    that still show), then the kept part, then symmetry, then stray knots, and
    symmetry once more for what cleaning did beside a knot without a partner.
    """
    drawn = np.asarray(picture.convert("RGB"))
    if drawn.shape != plan.design.shape:
        raise ValueError(f"a picture of {drawn.shape} for a plan of {plan.design.shape}")
    yarns = _choose_yarns(drawn, plan)
    small = drawn if working is None or yarns is None else np.asarray(working.convert("RGB"))
    knots, shift, settled_share = _lay_knots(small, yarns, plan)
    closed_share = 0.0
    seams = _measure_seams(knots, yarns, plan)
    if seams is not None and seams.shown:
        open_knots = knots
        band_px = max(SEAM_BAND_LEAST_PX, round(SEAM_BAND_SHARE * min(small.shape[:2])))
        knots, _, settled_share = _lay_knots(close_seams(small, plan.closed_repeat, band_px), yarns, plan)
        closed_share = _share_changed(open_knots, knots)
    if plan.kept is not None:
        kept = plan.design if yarns is None else plan.indices if yarns is plan.palette else snap(plan.design, yarns)
        knots = np.where(plan.kept if yarns is not None else plan.kept[..., None], kept, knots)
    mirrored = _mirror(knots, plan)
    cleaned, before, after = mirrored, None, None
    if yarns is not None:
        before = measure_orphan_share(mirrored)
        cleaned = _mirror(_clean(mirrored, plan), plan)
        after = measure_orphan_share(cleaned)
    seams = _measure_seams(cleaned, yarns, plan)
    weaving = Weaving(
        yarns=() if yarns is None else tuple(f"#{r:02x}{g:02x}{b:02x}" for r, g, b in yarns.tolist()),
        shares=() if yarns is None else _measure_shares(cleaned, len(yarns)),
        colour_shift=shift,
        settled_share=settled_share,
        orphan_share_before=before,
        orphan_share=after,
        cleaned_share=_share_changed(mirrored, cleaned),
        vertical=plan.vertical,
        horizontal=plan.horizontal,
        mirrored_share=_share_changed(knots, mirrored),
        kept_share=0.0 if plan.kept is None else float(plan.kept.mean()),
        seam_horizontal=None if seams is None else seams.horizontal,
        seam_vertical=None if seams is None else seams.vertical,
        seams_closed=closed_share,
    )
    image = Image.fromarray(cleaned) if yarns is None else IndexMap(cleaned, yarns).image()
    return Woven(image, weaving)


def _lay_knots(drawn: Pixels, yarns: Pixels | None, plan: WeavePlan) -> tuple[NDArray[np.uint8], float | None, float]:
    """Return what was drawn in its yarns and of the design's size, how far that moved its colours, and which share
    of the knots has another yarn than the nearest, since the design has none like it there.

    Without yarns: the picture as it is, which has the design's size already.
    """
    if yarns is None:
        return drawn, None, 0.0
    nearest = _snap_to(drawn, yarns, plan)
    knots = _settle(drawn, nearest, plan) if yarns is plan.palette else nearest
    shift = _measure_shift(drawn, yarns[knots])
    settled_share = _share_changed(nearest, knots)
    height, width = plan.design.shape[:2]
    if knots.shape != (height, width):
        knots = enlarge_knots(knots, (width, height), plan.closed_repeat)
    return knots, shift, settled_share


def _settle(drawn: Pixels, nearest: NDArray[np.uint8], plan: WeavePlan) -> NDArray[np.uint8]:
    """Return the knots of what was drawn as they suit their neighbours by the habits of the design.

    New yarns have no habits to go by. At the edges of a repeat the neighbouring ones have their say.
    """
    used = np.unique(plan.indices)
    table = np.zeros(256, dtype=np.uint8)
    table[used] = np.arange(len(used))
    # Habits are read at the size that was drawn at: the smaller a drawing, the more its knots lie at edges.
    height, width = nearest.shape
    design = plan.indices[_thin(plan.indices.shape[0], height)][:, _thin(plan.indices.shape[1], width)]
    yarns, habits = np.ascontiguousarray(plan.palette[used]), count_contacts(table[design], len(used))
    if plan.closed_repeat is None:
        return used[settle_contacts(drawn, table[nearest], yarns, habits)]
    margin = CLEANING_MARGIN_PX
    around = [surround(part, plan.closed_repeat, margin) for part in (drawn, table[nearest])]
    settled = settle_contacts(*around, yarns, habits)
    return np.ascontiguousarray(used[settled[margin:-margin, margin:-margin]])


def _thin(side: int, wanted: int) -> NDArray[np.intp]:
    """Return which of `side` rows or columns to look at for `wanted` of them."""
    return (np.arange(wanted) * side) // wanted


def _snap_to(drawn: Pixels, yarns: Pixels, plan: WeavePlan) -> NDArray[np.uint8]:
    """Return the nearest yarn of each pixel. Of the design's palette only what the design uses is a yarn of it."""
    if yarns is not plan.palette:
        return snap(drawn, yarns)
    used = np.unique(plan.indices)
    return used[snap(drawn, np.ascontiguousarray(yarns[used]))]


def _clean(knots: NDArray[np.uint8], plan: WeavePlan) -> NDArray[np.uint8]:
    """Return knots without strays; at the edges of a repeat the neighbouring ones have their say."""
    if plan.closed_repeat is None:
        return clean_orphans(knots, plan.orphan_share, plan.kept)[0]
    repeat, margin = plan.closed_repeat, CLEANING_MARGIN_PX
    kept = None if plan.kept is None else surround(plan.kept, repeat, margin)
    cleaned, _ = clean_orphans(surround(knots, repeat, margin), plan.orphan_share, kept)
    return np.ascontiguousarray(cleaned[margin:-margin, margin:-margin])


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


def _mirror(knots: NDArray[np.uint8], plan: WeavePlan) -> NDArray[np.uint8]:
    if not plan.mirrored:
        return knots
    rows, columns = source_of(knots.shape[:2], plan.vertical, plan.horizontal)
    return np.ascontiguousarray(knots[rows][:, columns])


def _share_changed(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> float:
    if before is after:
        return 0.0
    changed = before != after
    return float((changed if changed.ndim == 2 else changed.any(axis=-1)).mean())


def _measure_shift(drawn: Pixels, woven: Pixels) -> float:
    """Return the mean CIEDE2000 between two pictures, over an even sample of their pixels."""
    step = max(1, drawn.shape[0] * drawn.shape[1] // SHIFT_SAMPLE)
    pairs = [convert_to_lab(pixels.reshape(-1, 3)[::step]) for pixels in (drawn, woven)]
    return round(float(measure_difference(*pairs).mean()), 3)
