"""What a variation keeps of its design and what was mended for it, in a designer's words."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from studio.designs.inspection import describe_share
from studio.designs.structure.repeat import SEAM_LIMIT
from studio.schema import VariationRecord, Weaving

NOTHING = "–"
_Figure = TypeVar("_Figure", int, float)


def describe_woven(record: VariationRecord) -> str:
    """Return the line under a woven picture: 10 yarns · symmetric 1.000. Empty where the picture is the model's own."""
    weaving = record.weaving
    if weaving is None:
        return ""
    words = [describe_yarns(record)] if weaving.yarns else []
    if weaving.changed_share is not None:
        words.append(f"{describe_share(weaving.changed_share)} changed")
    if weaving.vertical is not None or weaving.horizontal is not None:
        words.append("symmetric" if weaving.agreement is None else f"symmetric {weaving.agreement:.3f}")
    seams = [ratio for ratio in (weaving.seam_horizontal, weaving.seam_vertical) if ratio is not None]
    if seams:
        words.append(f"seam {max(seams):.2f}" + (" (shows)" if max(seams) > SEAM_LIMIT else ""))
    if weaving.kept_share:
        words.append(f"{describe_share(weaving.kept_share)} kept")
    return " · ".join(words)


def describe_yarns(record: VariationRecord) -> str:
    """Return how many yarns a picture has."""
    count = len(record.weaving.yarns) if record.weaving is not None else 0
    if not count:
        return "Free colours"
    worn = sum(share > 0 for share in record.weaving.shares)
    if 0 < worn < count:
        return f"{worn} of {count} yarns"
    return f"{count} yarn" if count == 1 else f"{count} yarns"


def describe_palette(record: VariationRecord) -> str:
    """Return which yarns were asked for: how many there are and whose. How many a picture wears is no choice."""
    new = record.constraints.palette == "new"
    made = len(record.weaving.yarns) if record.weaving is not None else 0
    count = (record.constraints.colours or made) if new else made
    if not made:
        return "Free colours"
    yarns = f"{count} yarn" if count == 1 else f"{count} yarns"
    if not new:
        return f"{yarns}, the design’s"
    locked = len(record.constraints.locked)
    return f"{yarns}, {locked} of the design" if locked else f"{yarns}, new"


def describe_axes(record: VariationRecord) -> str:
    """Return the axes about which a picture is exactly symmetric."""
    weaving = record.weaving
    if weaving is None:
        return "Not enforced"
    axes = [
        words
        for words, offset in (("left and right", weaving.vertical), ("top and bottom", weaving.horizontal))
        if offset is not None
    ]
    return " and ".join(axes).capitalize() if axes else "Not enforced"


def describe_repeat(record: VariationRecord) -> str:
    """Return the repeat."""
    return record.constraints.repeat.capitalize()


def describe_seams(record: VariationRecord) -> str:
    """Return how far the seams of a repeat show; about 1 is unseen."""
    weaving = record.weaving
    seams = () if weaving is None else (weaving.seam_horizontal, weaving.seam_vertical)
    return " and ".join(f"{ratio:.2f}" for ratio in seams if ratio is not None) or NOTHING


def describe_kept(record: VariationRecord) -> str:
    """Return the part that stayed as it was, and its share of the knots."""
    if record.weaving is None or not record.weaving.kept_share:
        return "Nothing"
    part = "marked part" if record.constraints.keep == "rectangle" else record.constraints.keep
    return f"The {part}, {describe_share(record.weaving.kept_share)} of the knots"


def describe_shift(record: VariationRecord) -> str:
    """Return how far the yarns lie from the model's own colours, on average."""
    return _figure(record, lambda weaving: weaving.colour_shift, lambda shift: f"ΔE {shift:.1f}")


def describe_changed(record: VariationRecord) -> str:
    """Return which share of the knots has another yarn than in the design."""
    return _figure(record, lambda weaving: weaving.changed_share, lambda share: f"{describe_share(share)} of the knots")


def describe_unchanged(record: VariationRecord) -> str:
    """Return which share of the picture the model left alone, so that it is the design's, knot for knot."""
    return _figure(record, lambda weaving: weaving.unchanged_share, lambda share: f"{describe_share(share)} of it")


def describe_settled(record: VariationRecord) -> str:
    """Return which share of the knots took a yarn that the design has beside such neighbours, not the nearest one."""
    return _figure(record, lambda weaving: weaving.settled_share if weaving.yarns else None, describe_share)


def describe_stray(record: VariationRecord) -> str:
    """Return the share of stray knots, before and after cleaning."""

    def words(after: float) -> str:
        before = record.weaving.orphan_share_before if record.weaving is not None else None
        return (
            describe_share(after) if before is None else f"{describe_share(after)} (before: {describe_share(before)})"
        )

    return _figure(record, lambda weaving: weaving.orphan_share, words)


def _figure(record: VariationRecord, read: Callable[[Weaving], _Figure | None], words: Callable[[_Figure], str]) -> str:
    value = None if record.weaving is None else read(record.weaving)
    return NOTHING if value is None else words(value)
