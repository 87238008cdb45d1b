"""The weaving of a variation as text for designers: what it keeps of its design, and what was changed for the loom."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from studio.designs.inspection import describe_share
from studio.designs.structure.repeat import SEAM_LIMIT
from studio.designs.weaving.axes import SIDES
from studio.schema import VariationRecord, Weaving
from studio.ui.shared.facts.design_facts import count_yarns

NOTHING = "–"
UNSEEN_RATIO = 1.1
"""A seam up to this ratio is called invisible: at 1 its colour step is that of the lines inside."""
_Figure = TypeVar("_Figure", int, float)


def describe_woven(record: VariationRecord) -> str:
    """Return the line under a woven picture: 10 yarns · exactly symmetric. Empty when the picture is not woven."""
    weaving = record.weaving
    if weaving is None:
        return ""
    words = [describe_yarns(record)] if weaving.yarns else []
    if weaving.anew_share is not None:
        words.append(f"{describe_share(weaving.anew_share)} drawn anew")
    if weaving.alike_share:
        words.append(f"{describe_share(weaving.alike_share)} between yarns nearly alike")
    if weaving.known_large is not None:
        whose = "the two designs’" if is_known_of_two(record) else "the design’s"
        words.append(f"{describe_share(weaving.known_large)} {whose} own drawing")
    if weaving.vertical is not None or weaving.horizontal is not None:
        words.append(_describe_symmetry(weaving))
    seams = [ratio for ratio in (weaving.seam_horizontal, weaving.seam_vertical) if ratio is not None]
    if seams:
        words.append(_describe_seam(max(seams)))
    if weaving.kept_share:
        words.append(f"{describe_share(weaving.kept_share)} kept")
    return " · ".join(words)


def explain_seams(record: VariationRecord) -> str:
    """Return what the words on a seam stand for, empty where no seam was measured."""
    ratios = describe_seams(record)
    if ratios == NOTHING:
        return ""
    return f"Seam ratio {ratios}: the colour step across the seam divided by the usual one inside the repeat."


def _describe_symmetry(weaving: Weaving) -> str:
    """Return how symmetric a picture is; where it is mirrored about one axis, about which."""
    agreement = weaving.agreement
    words = "symmetric"
    if agreement is not None:
        words = "exactly symmetric" if agreement == 1 else f"{describe_share(agreement)} symmetric"
    axes = _list_axes(weaving)
    return words if len(axes) == len(SIDES) else f"{words} {axes[0]}"


def _describe_seam(ratio: float) -> str:
    if ratio > SEAM_LIMIT:
        return "seam visible"
    return "seam invisible" if ratio <= UNSEEN_RATIO else "seam faint"


def describe_yarns(record: VariationRecord) -> str:
    """Return how many of its palette's yarns a picture uses."""
    weaving = record.weaving
    if weaving is None or not weaving.yarns:
        return "Free colours"
    count = len(weaving.yarns)
    used = sum(share > 0 for share in weaving.shares)
    return f"{used} of {count_yarns(count)}" if 0 < used < count else count_yarns(count)


def describe_palette(record: VariationRecord) -> str:
    """Return the requested palette: how many yarns, and whether they are new or the design's."""
    constraints, weaving = record.constraints, record.weaving
    if weaving is None or not weaving.yarns:
        return "Free colours"
    if constraints.palette != "new":
        return f"{count_yarns(len(weaving.yarns))} of the design"
    # The requested number: the woven palette may have fewer.
    asked = len(weaving.yarns) if constraints.colours is None else constraints.colours
    locked = len(constraints.locked)
    if locked:
        return f"{count_yarns(asked)}, {locked} of them locked"
    return f"{asked} new {'yarn' if asked == 1 else 'yarns'}"


def describe_axes(record: VariationRecord) -> str:
    """Return the axes about which a picture is exactly symmetric."""
    weaving = record.weaving
    if weaving is None:
        return "Not enforced"
    return " and ".join(_list_axes(weaving)).capitalize() or "Not enforced"


def _list_axes(weaving: Weaving) -> list[str]:
    """Return what a picture's axes mirror: left and right."""
    offsets = {"vertical": weaving.vertical, "horizontal": weaving.horizontal}
    return [words for direction, words in SIDES.items() if offsets[direction] is not None]


def describe_repeat(record: VariationRecord) -> str:
    """Return the repeat."""
    return record.constraints.repeat.capitalize()


def describe_seams(record: VariationRecord) -> str:
    """Return the seam ratios of a repeat. At about 1 a seam is invisible."""
    weaving = record.weaving
    seams = () if weaving is None else (weaving.seam_horizontal, weaving.seam_vertical)
    ratios = " and ".join(f"{ratio:.2f}" for ratio in seams if ratio is not None)
    return f"{ratios} (visible above {SEAM_LIMIT:g})" if ratios else NOTHING


def describe_kept(record: VariationRecord) -> str:
    """Return the part of the design that was kept, and its share of the knots."""
    if record.weaving is None or not record.weaving.kept_share:
        return "Nothing"
    part = "marked part" if record.constraints.keep == "rectangle" else record.constraints.keep
    return f"The {part}, {describe_knot_share(record.weaving.kept_share)}"


def describe_shift(record: VariationRecord) -> str:
    """Return the mean colour difference between the woven picture and the model's own."""
    return _figure(record, lambda weaving: weaving.colour_shift, lambda shift: f"ΔE {shift:.1f}")


def describe_changed(record: VariationRecord) -> str:
    """Return the share of knots that have another yarn than in the design, those between like yarns apart."""
    words = _figure(record, lambda weaving: weaving.anew_share, describe_knot_share)
    if record.weaving is None or not record.weaving.alike_share:
        return words
    return f"{words}, and {describe_share(record.weaving.alike_share)} between yarns nearly alike (ΔE below 3)"


def describe_known(record: VariationRecord) -> str:
    """Return how much of the picture is the designs' own drawing: shares of its neighbourhoods of knots."""
    weaving = record.weaving
    if weaving is None or weaving.known_large is None or weaving.known_small is None:
        return NOTHING
    words = f"{describe_share(weaving.known_large)} of 8 × 8 knots, {describe_share(weaving.known_small)} of 4 × 4"
    return f"Of the two designs: {words}" if is_known_of_two(record) else words


def is_known_of_two(record: VariationRecord) -> bool:
    """Return whether the drawing of a second design counts as known: where its motifs, not its layout, took part."""
    return record.cross is not None and record.cross.way == "motifs"


def describe_unchanged(record: VariationRecord) -> str:
    """Return the share of the picture that the model left unchanged, where the knots are the design's own."""
    return _figure(
        record, lambda weaving: weaving.unchanged_share, lambda share: f"{describe_share(share)} of the picture"
    )


def describe_settled(record: VariationRecord) -> str:
    """Return the share of knots set to another yarn than the nearest one, because of the design's contacts."""
    if record.drawing == "motifs":
        return NOTHING
    return _figure(record, lambda weaving: weaving.settled_share if weaving.yarns else None, describe_knot_share)


def describe_stray(record: VariationRecord) -> str:
    """Return the share of stray knots, before and after cleaning."""
    weaving = record.weaving
    if weaving is None or weaving.orphan_share is None:
        return NOTHING
    after, before = weaving.orphan_share, weaving.orphan_share_before
    words = describe_share(after)
    return words if before is None else f"{words} (before cleaning: {describe_share(before)})"


def describe_knot_share(share: float) -> str:
    """Return a share of the knots: 12 % of the knots."""
    return f"{describe_share(share)} of the knots"


def describe_percent(share: float) -> str:
    """Return a share that was set, without rounding: 45 %, 33.3 %."""
    return f"{share * 100:g} %"


def _figure(record: VariationRecord, read: Callable[[Weaving], _Figure | None], words: Callable[[_Figure], str]) -> str:
    value = None if record.weaving is None else read(record.weaving)
    return NOTHING if value is None else words(value)
