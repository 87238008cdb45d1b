"""A variation's record as text for designers: its designs, who drew it, how far, at which size, and on what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from studio.catalogue.identifiers import SHORT_HASH_LENGTH
from studio.catalogue.records import Source
from studio.models.memory_profiles import PROFILES, UNMANAGED
from studio.schema import VariationRecord, Weaving
from studio.ui.shared.facts.weaving_facts import NOTHING, describe_knot_share, describe_percent, is_known_of_two

_DEVICES = {"cpu": "Processor (CPU)", "mps": "Apple silicon", "cuda": "Graphics card"}
_PRECISIONS = {"float32": "32 bits", "bfloat16": "16 bits", "float16": "16 bits"}
_DRAWINGS = {"motifs": "The design’s motifs", "model": "The model", "both": "The model leads, the motifs are drawn"}


@dataclass(frozen=True, slots=True)
class RecordWithDesign:
    """A variation's record, the design it was made from, and the second design of a cross.

    None: no longer in the catalogue, or no cross.
    """

    record: VariationRecord
    source: Source | None = None
    second: Source | None = None


def describe_size(width_px: int, height_px: int) -> str:
    """Return a size in pixels: 900 × 1200 px."""
    return f"{width_px} × {height_px} px"


def describe_seconds(seconds: float) -> str:
    """Return a duration: 4.2 s, 1 min 5 s."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"


def describe_time(created_at: str) -> str:
    """Return an ISO 8601 time in this computer's time zone: 22 Nov 2026, 14:03:05."""
    try:
        moment = datetime.fromisoformat(created_at).astimezone()
    except ValueError:  # written by hand, or by a later version
        return created_at
    return f"{moment.day} {moment:%b %Y, %H:%M:%S}"


def of_model(made: RecordWithDesign, words: str) -> str:
    """Return words that apply only where a model draws."""
    return NOTHING if made.record.drawing == "motifs" else words


def describe_drawing(made: RecordWithDesign) -> str:
    """Return who drew: motifs, a model, or both."""
    if is_known_of_two(made.record):
        return "The motifs of two designs"
    return _DRAWINGS.get(made.record.drawing, made.record.drawing)


def describe_wanted(made: RecordWithDesign) -> str:
    """Return the share of the knots that was to be drawn anew."""
    if made.record.drawing == "model":
        return NOTHING
    return f"Wanted: {describe_percent(made.record.change)} of the knots"


def describe_pull(made: RecordWithDesign) -> str:
    """Return how much the model's picture led."""
    return describe_percent(made.record.pull) if made.record.drawing == "both" else NOTHING


def describe_cross(made: RecordWithDesign) -> str:
    """Return the second design of a cross, and its share."""
    cross = made.record.cross
    if cross is None:
        return NOTHING
    second = _name(made.second, cross.source) + ("" if made.second is not None else ", no longer stored")
    share = describe_percent(cross.share)
    return f"{second}: its layout, pull {share}" if cross.way == "layout" else f"{second}: {share} of the motifs"


def describe_method(made: RecordWithDesign) -> str:
    """Return the version of the method that draws from motifs: another one gives other knots for the same seed."""
    return made.record.facts.model_fingerprint if made.record.drawing == "motifs" else NOTHING


def describe_adapter(made: RecordWithDesign) -> str:
    """Return the adapter by name and hash."""
    facts = made.record.facts
    if made.record.drawing == "motifs":
        return NOTHING
    if facts.adapter_name is None:
        return "None"
    if facts.adapter_sha256 is None:
        return facts.adapter_name
    return f"{facts.adapter_name} ({facts.adapter_sha256[:SHORT_HASH_LENGTH]})"


def describe_adapter_weight(made: RecordWithDesign) -> str:
    """Return how strongly the adapter acted."""
    weight = made.record.facts.adapter_weight
    return NOTHING if weight is None or made.record.facts.adapter_name is None else f"{weight:g}"


def describe_drawn_size(made: RecordWithDesign) -> str:
    """Return the size at which the model drew."""
    facts = made.record.facts
    if not facts.enlarged:
        return of_model(made, "Full size")
    return f"{describe_size(facts.working_width_px, facts.working_height_px)}, then enlarged"


def describe_device(made: RecordWithDesign) -> str:
    """Return what drew: the processor or a card."""
    kind, _, name = made.record.facts.device.partition(", ")
    plain = _DEVICES.get(kind, kind)
    return f"{plain}: {name}" if name else plain


def describe_precision(made: RecordWithDesign) -> str:
    """Return the precision of the model's weights."""
    precision = made.record.facts.precision
    return of_model(made, f"{_PRECISIONS[precision]} ({precision})" if precision in _PRECISIONS else precision)


def describe_profile(made: RecordWithDesign) -> str:
    """Return the memory profile."""
    profile = made.record.facts.profile
    if made.record.drawing == "motifs":
        return NOTHING
    if profile == UNMANAGED:
        return "Not needed"
    return f"{profile}: {PROFILES[profile].title}" if profile in PROFILES else profile


def _changed_for(made: RecordWithDesign, applies: Callable[[Weaving], bool], read: Callable[[Weaving], float]) -> str:
    """Return the share of knots that one step of weaving changed, a dash where the step does not apply."""
    weaving = made.record.weaving
    return describe_knot_share(read(weaving)) if weaving is not None and applies(weaving) else NOTHING


def describe_mirrored(made: RecordWithDesign) -> str:
    """Return the share of knots that was changed for symmetry."""
    return _changed_for(
        made,
        lambda weaving: weaving.vertical is not None or weaving.horizontal is not None,
        lambda weaving: weaving.mirrored_share,
    )


def describe_cleaned(made: RecordWithDesign) -> str:
    """Return the share of stray knots that was changed."""
    return _changed_for(made, lambda weaving: bool(weaving.yarns), lambda weaving: weaving.cleaned_share)


def describe_closed(made: RecordWithDesign) -> str:
    """Return the share of knots that was changed at seams."""
    return _changed_for(
        made, lambda weaving: made.record.constraints.repeat != "none", lambda weaving: weaving.seams_closed
    )


def describe_noise(made: RecordWithDesign) -> str:
    """Return the extra noise that the design got."""
    shift = made.record.facts.shift
    return NOTHING if shift is None else f"Shift {shift:.2f}" if round(shift, 2) > 1 else "None"


def describe_design(made: RecordWithDesign) -> str:
    """Return the design by name and hash."""
    return _name(made.source, made.record.source)


def _name(design: Source | None, sha256: str) -> str:
    """Return a design's name with the beginning of its hash: two designs may have one name."""
    short = sha256[:SHORT_HASH_LENGTH]
    return f"{design.label} ({short})" if design is not None and design.label else short
