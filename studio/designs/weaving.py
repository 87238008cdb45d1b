"""From a picture that a model drew to one that can be woven: yarns, symmetry and kept parts exact to the knot."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from studio.designs.borders import border_mask, find_border
from studio.designs.canvas import resize
from studio.designs.colour import convert_to_lab, measure_difference
from studio.designs.index_map import IndexMap
from studio.designs.opening import Design
from studio.designs.orphans import clean_orphans, measure_orphan_share
from studio.designs.palette import snap, suggest_palette
from studio.designs.reading import read_yarns
from studio.designs.repeat import SEAM_LIMIT, Seams, close_seams, lay, measure_seams
from studio.designs.symmetry import find_axis, is_symmetric, source_of
from studio.errors import RequestError
from studio.requests import Constraints, Weaving

ORPHAN_SHARE = 0.002
"""Stray knots that a variation may have even where its design has fewer."""
SEAM_BAND_SHARE, SEAM_BAND_LEAST_PX = 0.02, 3
"""Over this part of the shorter side a seam that still shows is closed."""
CLEANING_MARGIN_PX = 8
SHIFT_SAMPLE = 50_000
"""Pixels that the mean colour shift is measured on: more would not change its second digit."""

Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class WeavePlan:
    """What the constraints of a run mean for its design.

    `design` is the design's pixels (h, w, 3). `palette` (k, 3) holds the yarns of the design, None where the colours
    are free or new. `vertical` and `horizontal` are offsets of the axes (see `symmetry`), None where it is not
    mirrored. `kept` (h, w) is true where the design stays as it is. `orphan_share` is what may stay of stray knots.
    `notes` are sentences for the designer.
    """

    constraints: Constraints
    design: Pixels
    palette: Pixels | None
    vertical: int | None
    horizontal: int | None
    kept: Mask | None
    orphan_share: float
    notes: tuple[str, ...] = ()

    @property
    def closed_repeat(self) -> str | None:
        """The repeat in which a variation meets itself at its edges; None where it does not, or meets its mirror."""
        repeat = self.constraints.repeat
        return None if repeat in ("none", "mirror") else repeat

    @property
    def idle(self) -> bool:
        """Whether nothing is asked for, so that the model's picture stays as it is."""
        free = self.palette is None and self.constraints.palette != "new"
        return free and not self.mirrored and self.kept is None and self.constraints.repeat == "none"

    @property
    def mirrored(self) -> bool:
        """Whether the variations are symmetric by contract."""
        return self.vertical is not None or self.horizontal is not None


@dataclass(frozen=True, slots=True, eq=False)
class Woven:
    """A picture that keeps its constraints: indexed (P) where it has yarns, RGB where its colours are free."""

    image: Image.Image
    weaving: Weaving


def plan_weave(design: Design, constraints: Constraints) -> WeavePlan:
    """Return what the constraints mean for a design.

    Raises `RequestError` where they do not fit it: a border is to be kept and there is none, a bordered design is to
    repeat, a part is to be kept and mirrored that is not symmetric in the design.
    """
    pixels = np.asarray(design.image)
    locked = constraints.palette == "source" or (constraints.palette == "auto" and design.index_map is not None)
    index_map = read_yarns(design)
    indices = index_map.indices
    border = find_border(indices) if constraints.keep in ("border", "field") or constraints.repeat != "none" else None
    if constraints.repeat != "none" and border is not None:
        raise RequestError(
            "This design has a border, so it is not a repeat: laid side by side its borders would meet. "
            "Set Repeat to none, or upload one repeat of the field alone."
        )
    kept = _find_kept(constraints, border, indices.shape)
    axes, notes = _choose_axes(constraints, indices, pixels, kept)
    return WeavePlan(
        constraints=constraints,
        design=pixels,
        palette=index_map.palette if locked else None,
        vertical=axes["vertical"],
        horizontal=axes["horizontal"],
        kept=kept,
        orphan_share=max(ORPHAN_SHARE, measure_orphan_share(indices)),
        notes=notes,
    )


def weave(picture: Image.Image, plan: WeavePlan, working: Image.Image | None = None) -> Woven:
    """Return an RGB picture of the design's size as the plan wants it.

    `working` is the picture at the size at which the model drew it, where that is smaller: its yarns are chosen there
    and enlarged one by one, since between two yarns an enlarged edge has colours of neither, which a third may match.
    Colours first (with seams closed that still show), then the kept part, then symmetry, then stray knots, and
    symmetry once more for what cleaning did beside a knot without a partner.
    """
    drawn = np.asarray(picture.convert("RGB"))
    if drawn.shape != plan.design.shape:
        raise ValueError(f"a picture of {drawn.shape} for a plan of {plan.design.shape}")
    yarns = _choose_yarns(drawn, plan)
    small = drawn if working is None or yarns is None else np.asarray(working.convert("RGB"))
    knots, shift = _lay_knots(small, yarns, plan)
    closed_share = 0.0
    seams = _measure_seams(knots, yarns, plan)
    if seams is not None and max(seams.horizontal or 0, seams.vertical or 0) > SEAM_LIMIT:
        open_knots = knots
        band_px = max(SEAM_BAND_LEAST_PX, round(SEAM_BAND_SHARE * min(small.shape[:2])))
        knots, _ = _lay_knots(close_seams(small, plan.closed_repeat, band_px), yarns, plan)
        closed_share = _share_changed(open_knots, knots)
    if plan.kept is not None:
        kept = plan.design if yarns is None else snap(plan.design, yarns)
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
        colour_shift=shift,
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


def _lay_knots(drawn: Pixels, yarns: Pixels | None, plan: WeavePlan) -> tuple[NDArray[np.uint8], float | None]:
    """Return what was drawn in its yarns and of the design's size, and how far that moved its colours.

    Without yarns: the picture as it is, which has the design's size already.
    """
    if yarns is None:
        return drawn, None
    knots = snap(drawn, yarns)
    shift = _measure_shift(drawn, yarns[knots])
    height, width = plan.design.shape[:2]
    if knots.shape != (height, width):
        knots = enlarge_knots(knots, (width, height), plan.closed_repeat)
    return knots, shift


def _clean(knots: NDArray[np.uint8], plan: WeavePlan) -> NDArray[np.uint8]:
    """Return knots without strays; at the edges of a repeat the neighbouring ones have their say."""
    if plan.closed_repeat is None:
        return clean_orphans(knots, plan.orphan_share, plan.kept)[0]
    (height, width), margin = knots.shape, CLEANING_MARGIN_PX
    around = lay(
        (height, width), plan.closed_repeat, np.arange(-margin, height + margin), np.arange(-margin, width + margin)
    )
    kept = None if plan.kept is None else plan.kept[around]
    cleaned, _ = clean_orphans(knots[around], plan.orphan_share, kept)
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

    New yarns are sought outside the kept part, whose own yarns come first: they must be there, or nothing in it could
    stay as it is.
    """
    if plan.constraints.palette != "new":
        return plan.palette
    count = plan.constraints.colours or 1
    if plan.kept is None:
        return suggest_palette(drawn, count)
    held = np.unique(plan.design[plan.kept], axis=0)
    if len(held) >= count:
        raise RequestError(
            f"The part that you keep has {len(held)} colours by itself. Choose more than {len(held)} colours, or the "
            "yarns of the design."
        )
    outside = drawn[~plan.kept][None]
    found = suggest_palette(outside, count - len(held)) if outside.size else held[:0]
    fresh = [yarn for yarn in found if not (held == yarn).all(axis=1).any()]
    return np.concatenate([held, *([np.stack(fresh)] if fresh else [])])


def _find_kept(constraints: Constraints, border: object, shape: tuple[int, int]) -> Mask | None:
    if constraints.keep == "none":
        return None
    if constraints.keep == "rectangle":
        left, top, right, bottom = constraints.rectangle
        if right > shape[1] or bottom > shape[0]:
            raise RequestError(
                f"The rectangle to keep reaches to {right}, {bottom}, the design only to {shape[1]}, {shape[0]}. "
                "Choose one inside the design."
            )
        kept = np.zeros(shape, dtype=bool)
        kept[top:bottom, left:right] = True
        return kept
    if border is None:
        raise RequestError(
            f"No border was found in this design, so its {constraints.keep} cannot be kept. Mark a rectangle instead."
        )
    mask = border_mask(shape, border)
    return mask if constraints.keep == "border" else ~mask


def _choose_axes(
    constraints: Constraints, indices: NDArray[np.uint8], pixels: Pixels, kept: Mask | None
) -> tuple[dict[str, int | None], tuple[str, ...]]:
    """Return the offset of each axis that the variations are mirrored about, and sentences on what was left out."""
    wanted = constraints.symmetry
    axes: dict[str, int | None] = {"vertical": None, "horizontal": None}
    notes: list[str] = []
    if wanted == "none":
        return axes, ()
    for direction in axes:
        if wanted not in ("auto", "quarter", direction):
            continue
        found = find_axis(indices, direction)
        symmetric = is_symmetric(found)
        if wanted == "auto" and not symmetric:
            continue
        offset = found.offset if symmetric else 0
        if kept is not None and not _holds_still(pixels, kept, direction, offset):
            if wanted != "auto":
                raise RequestError(
                    "The part that you keep is not exactly symmetric itself, so it cannot stay as it is and be "
                    "mirrored too. Set Symmetry to none, or keep another part."
                )
            notes.append(f"The kept part is not exactly symmetric, so the {direction} axis was not enforced.")
            continue
        axes[direction] = offset
    return axes, tuple(notes)


def _holds_still(pixels: Pixels, kept: Mask, direction: str, offset: int) -> bool:
    """Whether mirroring leaves the kept part as it is: it lies symmetrically, and so do the pixels in it."""
    rows, columns = source_of(
        kept.shape, offset if direction == "vertical" else None, offset if direction == "horizontal" else None
    )
    there = kept[rows][:, columns]
    same = (pixels[rows][:, columns] == pixels).all(axis=-1)
    return bool((there[kept]).all() and same[kept].all())


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
