"""Weaving: a picture that a model drew becomes knots that keep the yarns, symmetry, repeat and kept part of a plan."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from studio.designs.canvas import resize
from studio.designs.colours.colour_spaces import convert_to_lab, format_colours, measure_difference
from studio.designs.colours.palette import snap, suggest_palette
from studio.designs.index_map import IndexMap
from studio.designs.structure.repeat import Seams, close_seams, measure_seams, surround
from studio.designs.structure.repeat_symmetry import join_edges, mirror_repeat
from studio.designs.structure.symmetry import DIRECTIONS, measure_agreement
from studio.designs.weaving.alike import measure_alike
from studio.designs.weaving.contacts import count_contacts, relabel_by_contacts
from studio.designs.weaving.mending import Mended, mend, share_changed
from studio.designs.weaving.neighbourhoods import LARGE, SMALL, Check, find_known, go_on, measure_known
from studio.designs.weaving.plan import WeavePlan, join_yarns
from studio.designs.weaving.unchanged_parts import View, find_unchanged, measure_distance, measure_view_distance
from studio.schema import Weaving

SEAM_BAND_SHARE, SEAM_BAND_LEAST_PX, SEAM_BAND_MOST_SHARE = 0.02, 3, 0.5
"""A visible seam is blended over a band of the first share of the shorter side, at least 3 pixels. The band is doubled
until the seam does not show, up to the last share."""
CORRECTION_MARGIN_PX = 8
STRAY_SLACK = 0.002
"""Drawn knots may have this share of stray knots more than the design. Beyond it only those are cleaned that do not lie
in a neighbourhood which the design has too: its own drawing would be broken with them.
"""
SHIFT_SAMPLE = 50_000
"""The mean colour shift is measured on about this many pixels; more would not change its second digit."""

Pixels = NDArray[np.uint8]
Knots = NDArray[np.uint8]
_Scalar = TypeVar("_Scalar", bound=np.generic)


@dataclass(frozen=True, slots=True, eq=False)
class Woven:
    """A woven picture: mode "P" where it has yarns, RGB where its colours are free."""

    image: Image.Image
    weaving: Weaving


@dataclass(frozen=True, slots=True, eq=False)
class _Converted:
    """Knots of the design's size, or pixels in free colours, before mending; figures as in `Weaving`."""

    knots: Knots
    colour_shift: float | None = None
    settled_share: float = 0.0
    unchanged_share: float | None = None


def weave(picture: Image.Image, plan: WeavePlan, working: Image.Image | None = None, view: View | None = None) -> Woven:
    """Return an RGB picture of the design's size, woven according to the plan.

    `working` is the picture at the model's working size, where that is smaller than the design's. It is quantised at
    that size and enlarged yarn by yarn: an enlarged edge between two yarns has the colours of neither, which would
    match a third one. `view` is the design as the VAE reconstructs it, at the size of `working`; parts equal to it get
    the design's own knots.

    First the picture is converted to knots: the design's own in unchanged parts, elsewhere the nearest yarn, corrected
    by the design's contacts. Then the knots are mended (`mending`). While a seam shows, the picture is blended over a
    wider band and woven again; finally the edge knots are made equal. Raises `ValueError` for a picture of another
    size.
    """
    drawn = np.asarray(picture.convert("RGB"))
    if drawn.shape != plan.design.shape:
        raise ValueError(f"a picture of {drawn.shape} for a plan of {plan.design.shape}")
    yarns = choose_yarns(drawn, plan)
    small = drawn if working is None or yarns is None else np.asarray(working.convert("RGB"))
    first = converted = _convert(small, yarns, plan, view)
    mended = mend(converted.knots, yarns, plan)
    open_knots, seams = mended.knots, None
    if plan.closed_repeat is not None:
        converted, mended, seams = _close_repeat(
            small, yarns, plan, view, repeat=plan.closed_repeat, converted=converted, mended=mended
        )
    knots = mended.knots
    weaving = replace(
        _measure(knots, yarns, plan, mended, seams, reference=plan.indices if yarns is plan.yarns else None),
        colour_shift=first.colour_shift,
        settled_share=converted.settled_share,
        unchanged_share=converted.unchanged_share,
        seams_closed=share_changed(open_knots, knots),
    )
    image = Image.fromarray(knots) if yarns is None else IndexMap(knots, yarns).image()
    return Woven(image, weaving)


def weave_knots(
    knots: Knots,
    yarns: Pixels,
    plan: WeavePlan,
    other: Knots | None = None,
    *,
    reference: Knots | None = None,
    check: Check = go_on,
) -> Woven:
    """Return knots (h, w) in yarns (k, 3), mended according to the plan.

    For knots that were drawn on the plan's axes and repeat: nothing but stray knots is changed, and few of these
    (`STRAY_SLACK`). `reference` (h, w) are the design's knots in these yarns, which the knots are measured against; in
    the design's own yarns they are its own. `other` (of any size) is a second design in the same yarns, whose drawing
    counts as known too. `check` is called between the steps of the work and may raise to stop. Raises `ValueError` for
    knots or a reference of another size.
    """
    if reference is None and yarns is plan.yarns:
        reference = plan.indices
    for one in (knots, knots if reference is None else reference):
        if one.shape != plan.indices.shape:
            raise ValueError(f"knots of {one.shape} for a plan of {plan.indices.shape}")
    check()
    designs = [one for one in (reference, other) if one is not None]
    mended = mend(knots, yarns, plan, slack=STRAY_SLACK, find_held=lambda: _find_drawn(knots, designs, check))
    repeat = plan.closed_repeat
    seams = None if repeat is None else _measure_seams(mended.knots, yarns, repeat)
    weaving = _measure(mended.knots, yarns, plan, mended, seams, reference=reference, other=other, check=check)
    return Woven(IndexMap(mended.knots, yarns).image(), weaving)


def _find_drawn(knots: Knots, designs: list[Knots], check: Check) -> NDArray[np.bool_]:
    """Return the knots (h, w) in a neighbourhood that a design has too."""
    covered = np.zeros(knots.shape, bool)
    if designs:
        known = find_known(designs, knots, SMALL, check)
        height, width = known.shape
        for i, j in np.ndindex(SMALL, SMALL):
            covered[i : i + height, j : j + width] |= known
    return covered


def _measure(
    knots: Knots,
    yarns: Pixels | None,
    plan: WeavePlan,
    mended: Mended,
    seams: Seams | None,
    *,
    reference: Knots | None,
    other: Knots | None = None,
    check: Check = go_on,
) -> Weaving:
    """Return the figures of woven knots (h, w), or of pixels (h, w, 3) in free colours.

    `reference` (h, w) are the design's knots in the same yarns, None where they are not known.
    """
    designs = [one for one in (reference, other) if one is not None]
    small, large = (
        None if reference is None else measure_known(designs, knots, side, check) for side in (SMALL, LARGE)
    )
    return Weaving(
        yarns=() if yarns is None else format_colours(yarns),
        shares=() if yarns is None else _measure_shares(knots, len(yarns)),
        changed_share=None if reference is None else share_changed(reference, knots),
        alike_share=None if reference is None or yarns is None else measure_alike(reference, knots, yarns),
        orphan_share_before=mended.orphan_share_before,
        orphan_share=mended.orphan_share,
        cleaned_share=mended.cleaned_share,
        vertical=plan.vertical,
        horizontal=plan.horizontal,
        agreement=_measure_agreement(knots, plan),
        mirrored_share=mended.mirrored_share,
        kept_share=plan.kept_share,
        seam_horizontal=None if seams is None else seams.horizontal,
        seam_vertical=None if seams is None else seams.vertical,
        known_small=small,
        known_large=large,
    )


def _close_repeat(
    small: Pixels,
    yarns: Pixels | None,
    plan: WeavePlan,
    view: View | None,
    *,
    repeat: str,
    converted: _Converted,
    mended: Mended,
) -> tuple[_Converted, Mended, Seams]:
    """Return the picture woven again with its seams closed, and their visibility; unchanged where none shows."""
    seams = _measure_seams(mended.knots, yarns, repeat)
    side = min(small.shape[:2])
    band_px = max(SEAM_BAND_LEAST_PX, round(SEAM_BAND_SHARE * side))
    while seams.shown and band_px <= SEAM_BAND_MOST_SHARE * side:
        small = close_seams(mirror_picture(small, plan), repeat, band_px)
        converted = _convert(small, yarns, plan, None if view is None else _leave_out_edges(view, band_px))
        mended = mend(converted.knots, yarns, plan)
        seams = _measure_seams(mended.knots, yarns, repeat)
        band_px *= 2
    if seams.shown:
        # A tile blended over half its side can be so plain that a few knots on the seam show: they are made equal.
        mended = mend(join_edges(mended.knots, repeat, plan.vertical, plan.horizontal), yarns, plan)
        seams = _measure_seams(mended.knots, yarns, repeat)
    return converted, mended, seams


def mirror_picture(pixels: NDArray[_Scalar], plan: WeavePlan) -> NDArray[_Scalar]:
    """Return a picture (h, w, ...) of the working size, symmetric about the plan's axes rounded to whole pixels."""
    (height, width), (rows, columns) = pixels.shape[:2], plan.indices.shape
    vertical = None if plan.vertical is None else round(plan.vertical * width / columns)
    horizontal = None if plan.horizontal is None else round(plan.horizontal * height / rows)
    return mirror_repeat(pixels, plan.closed_repeat, vertical, horizontal)


def _convert(drawn: Pixels, yarns: Pixels | None, plan: WeavePlan, view: View | None) -> _Converted:
    """Return a drawn picture of the working size as knots of the design's size.

    Without yarns the picture is returned unchanged; it has the design's size.
    """
    if yarns is None:
        return _Converted(drawn)
    # 1. The nearest yarns, and the design's own knots where the picture is nearer to the view than to any yarn.
    design = plan.indices if yarns is plan.palette else snap(plan.design, yarns)
    own = design[_pick_lines(design.shape[0], drawn.shape[0])][:, _pick_lines(design.shape[1], drawn.shape[1])]
    nearest = _snap_to(drawn, yarns, plan)
    known, view_distances, unchanged = nearest, None, None
    if view is not None:
        view_distances, yarn_distances = measure_view_distance(drawn, view), measure_distance(drawn, yarns[nearest])
        known = np.where(view_distances < yarn_distances, own, nearest)
        unchanged = find_unchanged(view_distances, yarn_distances)
    # 2. Corrected by the design's contacts, which new yarns do not have.
    knots = known
    if yarns is plan.palette:
        knots = _correct_by_contacts(drawn, known, own, yarns, plan, view_distances=view_distances)
    if unchanged is not None:
        knots = np.where(unchanged, own, knots)
    converted = _Converted(
        knots,
        _measure_shift(drawn, yarns[knots]),
        share_changed(known, knots) if unchanged is None else float(((known != knots) & ~unchanged).mean()),
        None if unchanged is None else float(unchanged.mean()),
    )
    # 3. Enlarged to the design's size. Unchanged parts come from the design itself, which is finer than the view.
    if knots.shape == design.shape:
        return converted
    size_px = design.shape[::-1]
    knots = enlarge_knots(knots, size_px, plan.closed_repeat)
    if unchanged is not None:
        mask = resize(Image.fromarray(np.where(unchanged, np.uint8(255), np.uint8(0))), size_px, plan.closed_repeat)
        knots = np.where(np.asarray(mask) >= 128, design, knots)
    return replace(converted, knots=knots)


def _leave_out_edges(view: View, band_px: int) -> View:
    """Return the view with its edges not valid, since the design's own knots would reopen the seams closed there."""
    valid = np.zeros(view.pixels.shape[:2], dtype=bool)
    inner = (slice(band_px, -band_px),) * 2
    valid[inner] = True if view.valid is None else view.valid[inner]
    return View(view.pixels, valid)


def _correct_by_contacts(
    drawn: Pixels,
    known: Knots,
    own: Knots,
    yarns: Pixels,
    plan: WeavePlan,
    *,
    view_distances: NDArray[np.float32] | None,
) -> Knots:
    """Return the knots of a drawn picture corrected by the contacts of the design (`relabel_by_contacts`).

    In a repeat the edges are corrected with their neighbours across the seam.
    """
    used = np.unique(plan.indices)
    table = np.zeros(256, dtype=np.uint8)
    table[used] = np.arange(len(used))
    knots, design = table[known], table[own]
    # Contacts are counted at the working size: the smaller a drawing, the larger the share of its knots at edges.
    contacts = count_contacts(design, len(used))
    margin = 0
    if plan.closed_repeat is not None:
        repeat, margin = plan.closed_repeat, CORRECTION_MARGIN_PX
        drawn, knots, design = (surround(part, repeat, margin) for part in (drawn, knots, design))
        view_distances = None if view_distances is None else surround(view_distances, repeat, margin)
    own_knots = None if view_distances is None else (design, view_distances)
    relabelled = relabel_by_contacts(drawn, knots, np.ascontiguousarray(yarns[used]), contacts, own_knots)
    height, width = known.shape
    corrected: Knots = used[relabelled[margin : margin + height, margin : margin + width]]
    return corrected


def _pick_lines(side: int, wanted: int) -> NDArray[np.intp]:
    """Return `wanted` evenly spaced indices of `side` rows or columns."""
    return (np.arange(wanted) * side) // wanted


def _snap_to(drawn: Pixels, yarns: Pixels, plan: WeavePlan) -> Knots:
    """Return the nearest yarn of each pixel; unused entries of the design's palette are not taken."""
    if yarns is not plan.palette:
        return snap(drawn, yarns)
    used = np.unique(plan.indices)
    nearest: Knots = used[snap(drawn, np.ascontiguousarray(yarns[used]))]
    return nearest


def _measure_seams(knots: Knots, yarns: Pixels | None, repeat: str) -> Seams:
    return measure_seams(knots if yarns is None else yarns[knots], repeat)


def enlarge_knots(indices: Knots, size_px: tuple[int, int], repeat: str | None = None) -> Knots:
    """Return indices (h, w) enlarged to `size_px` (width, height): each knot takes the yarn of the greatest weight.

    The mask of each yarn is enlarged with a Lanczos filter, so that edges are smooth and no knot gets a yarn that is
    not adjacent. At the edges of a `repeat` the filter sees the neighbouring repeats.
    """
    best = np.full((size_px[1], size_px[0]), -1, dtype=np.int16)
    knots = np.zeros(best.shape, dtype=np.uint8)
    for yarn in np.unique(indices):
        mask = Image.fromarray(np.where(indices == yarn, np.uint8(255), np.uint8(0)))
        weight = np.asarray(resize(mask, size_px, repeat), dtype=np.int16)
        knots[weight > best] = yarn
        np.maximum(best, weight, out=best)
    return knots


def choose_yarns(drawn: Pixels, plan: WeavePlan) -> Pixels | None:
    """Return the palette of a variation, None where its colours are free.

    A new palette begins with the locked yarns and the colours of the kept part, which has to stay unchanged. The others
    are suggested for the rest of the picture.
    """
    if plan.constraints.palette != "new":
        return plan.palette
    if plan.kept is None:
        return suggest_palette(drawn, plan.constraints.colours, plan.locked)
    held = join_yarns(plan.locked, plan.design[plan.kept])
    outside = drawn[~plan.kept][None]
    return suggest_palette(outside, plan.constraints.colours, held) if outside.size else held


def _measure_shares(knots: Knots, count: int) -> tuple[float, ...]:
    return tuple((np.bincount(knots.ravel(), minlength=count) / knots.size).round(6).tolist())


def _measure_agreement(knots: Knots, plan: WeavePlan) -> float | None:
    """Return the share of knots that equal their partner, for the worse of the plan's axes; None without axes."""
    axes = zip(DIRECTIONS, (plan.vertical, plan.horizontal), strict=True)
    measured = [measure_agreement(knots, direction, offset) for direction, offset in axes if offset is not None]
    return min(measured, default=None)


def _measure_shift(drawn: Pixels, woven: Pixels) -> float:
    """Return the mean CIEDE2000 between two pictures, over evenly spaced pixels."""
    step = max(1, drawn.shape[0] * drawn.shape[1] // SHIFT_SAMPLE)
    before, after = (convert_to_lab(pixels.reshape(-1, 3)[::step]) for pixels in (drawn, woven))
    return round(float(measure_difference(before, after).mean()), 3)
