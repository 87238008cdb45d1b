"""The parameters of a picture as text for designers, and the comparison of several pictures' parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from studio.catalogue.records import Source
from studio.models.memory_profiles import PROFILES, UNMANAGED
from studio.schema import VariationRecord, Weaving
from studio.ui.shared.weaving_facts import (
    NOTHING,
    describe_axes,
    describe_changed,
    describe_kept,
    describe_knot_share,
    describe_known,
    describe_palette,
    describe_repeat,
    describe_seams,
    describe_settled,
    describe_shift,
    describe_stray,
    describe_unchanged,
    describe_yarns,
)

SHORT_HASH_LENGTH = 12


@dataclass(frozen=True, slots=True)
class RecordWithDesign:
    """A variation's record and the design it was made from (None: no longer in the catalogue)."""

    record: VariationRecord
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a picture. `read` returns its value as text.

    `chosen` is true for the designer's choices and all else that can change the picture, false for results and
    circumstances such as the date. Only chosen parameters count as differences in a comparison.
    """

    id: str
    label: str
    group: str
    read: Callable[[RecordWithDesign], str]
    chosen: bool = True


@dataclass(frozen=True, slots=True)
class Comparison:
    """The values of one parameter for several pictures, in their order."""

    parameter: Parameter
    values: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """Whether this is a chosen parameter and the pictures differ in it."""
        return self.parameter.chosen and len(set(self.values)) > 1


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


_DEVICES = {"cpu": "Processor (CPU)", "mps": "Apple silicon", "cuda": "Graphics card"}
_PRECISIONS = {"float32": "32 bits", "bfloat16": "16 bits", "float16": "16 bits"}


_DRAWINGS = {"motifs": "The design’s motifs", "model": "The model", "both": "The model leads, the motifs are drawn"}


def _of_model(made: RecordWithDesign, words: str) -> str:
    """Return words that apply only where a model draws."""
    return NOTHING if made.record.drawing == "motifs" else words


def _change(made: RecordWithDesign) -> str:
    return describe_knot_share(made.record.change) if made.record.drawing != "model" else NOTHING


def _pull(made: RecordWithDesign) -> str:
    return f"{made.record.pull:g}" if made.record.drawing == "both" else NOTHING


def _cross(made: RecordWithDesign) -> str:
    cross = made.record.cross
    if cross is None:
        return NOTHING
    second = cross.parent or cross.source[:SHORT_HASH_LENGTH]
    if cross.way == "layout":
        return f"The layout of {second}, {cross.share:.0%}".replace("%", " %")
    return f"{cross.share:.0%} motifs of {second}".replace("%", " %")


def _adapter(made: RecordWithDesign) -> str:
    facts = made.record.facts
    if facts.adapter_name is None:
        return "None"
    if facts.adapter_sha256 is None:
        return facts.adapter_name
    return f"{facts.adapter_name} ({facts.adapter_sha256[:SHORT_HASH_LENGTH]})"


def _adapter_weight(made: RecordWithDesign) -> str:
    weight = made.record.facts.adapter_weight
    return NOTHING if weight is None or made.record.facts.adapter_name is None else f"{weight:g}"


def _drawn_at(made: RecordWithDesign) -> str:
    facts = made.record.facts
    if not facts.enlarged:
        return "Full size"
    return f"{describe_size(facts.working_width_px, facts.working_height_px)}, then enlarged"


def _device(made: RecordWithDesign) -> str:
    kind, _, name = made.record.facts.device.partition(", ")
    plain = _DEVICES.get(kind, kind)
    return f"{plain}: {name}" if name else plain


def _precision(made: RecordWithDesign) -> str:
    precision = made.record.facts.precision
    return f"{_PRECISIONS[precision]} ({precision})" if precision in _PRECISIONS else precision


def _profile(made: RecordWithDesign) -> str:
    profile = made.record.facts.profile
    if profile == UNMANAGED:
        return "Not needed"
    return f"{profile}: {PROFILES[profile].title}" if profile in PROFILES else profile


def _changed_for(made: RecordWithDesign, applies: Callable[[Weaving], bool], read: Callable[[Weaving], float]) -> str:
    """Return the share of knots that one step of weaving changed, a dash where the step does not apply."""
    weaving = made.record.weaving
    return describe_knot_share(read(weaving)) if weaving is not None and applies(weaving) else NOTHING


def _mirrored(made: RecordWithDesign) -> str:
    return _changed_for(
        made,
        lambda weaving: weaving.vertical is not None or weaving.horizontal is not None,
        lambda weaving: weaving.mirrored_share,
    )


def _cleaned(made: RecordWithDesign) -> str:
    return _changed_for(made, lambda weaving: bool(weaving.yarns), lambda weaving: weaving.cleaned_share)


def _closed(made: RecordWithDesign) -> str:
    return _changed_for(
        made, lambda weaving: made.record.constraints.repeat != "none", lambda weaving: weaving.seams_closed
    )


def _noise_shift(made: RecordWithDesign) -> str:
    shift = made.record.facts.shift
    return NOTHING if shift is None else f"Shift {shift:.2f}" if round(shift, 2) > 1 else "None"


def _design(made: RecordWithDesign) -> str:
    short = made.record.source[:SHORT_HASH_LENGTH]
    return f"{made.source.label} ({short})" if made.source is not None and made.source.label else short


PARAMETERS: tuple[Parameter, ...] = (
    Parameter("prompt", "Prompt", "Request", lambda made: made.record.prompt or NOTHING),
    Parameter("negative_prompt", "Negative prompt", "Request", lambda made: made.record.negative_prompt or NOTHING),
    Parameter("source", "Design", "Request", _design),
    Parameter("parent", "Varied from", "Request", lambda made: made.record.parent or "The design itself"),
    Parameter(
        "drawing", "Drawn from", "Settings", lambda made: _DRAWINGS.get(made.record.drawing, made.record.drawing)
    ),
    Parameter("change", "Wanted change", "Settings", _change),
    Parameter("pull", "Pull of the model", "Settings", _pull),
    Parameter("cross", "Crossed with", "Settings", _cross),
    Parameter("strength", "Strength", "Settings", lambda made: _of_model(made, f"{made.record.strength:g}")),
    Parameter("steps", "Steps", "Settings", lambda made: _of_model(made, str(made.record.steps))),
    Parameter(
        "effective_steps",
        "Steps drawn",
        "Settings",
        lambda made: _of_model(made, str(made.record.facts.effective_steps)),
    ),
    Parameter("noise_shift", "Extra noise", "Settings", _noise_shift, chosen=False),
    Parameter(
        "guidance_scale",
        "Guidance",
        "Settings",
        lambda made: _of_model(made, f"{made.record.guidance_scale:g}"),
    ),
    Parameter("seed", "Seed", "Settings", lambda made: str(made.record.seed)),
    Parameter("model", "Model", "Model", lambda made: made.record.facts.model_title),
    Parameter("model_id", "Model id", "Model", lambda made: made.record.facts.model),
    Parameter(
        "model_fingerprint",
        "Model fingerprint",
        "Model",
        lambda made: made.record.facts.model_fingerprint[:SHORT_HASH_LENGTH],
    ),
    Parameter("adapter", "Adapter", "Model", _adapter),
    Parameter("adapter_weight", "Adapter weight", "Model", _adapter_weight),
    Parameter(
        "size",
        "Size",
        "Picture",
        lambda made: describe_size(made.record.facts.width_px, made.record.facts.height_px),
    ),
    Parameter("drawn_at", "Drawn at", "Picture", _drawn_at),
    Parameter("palette", "Yarns", "For the loom", lambda made: describe_palette(made.record)),
    Parameter("symmetry", "Symmetry", "For the loom", lambda made: describe_axes(made.record)),
    Parameter("repeat", "Repeat", "For the loom", lambda made: describe_repeat(made.record)),
    Parameter("keep", "Kept", "For the loom", lambda made: describe_kept(made.record)),
    Parameter("worn", "Yarns used", "For the loom", lambda made: describe_yarns(made.record), chosen=False),
    Parameter("changed", "Drawn anew", "For the loom", lambda made: describe_changed(made.record), chosen=False),
    Parameter(
        "known", "The design’s own drawing", "For the loom", lambda made: describe_known(made.record), chosen=False
    ),
    Parameter(
        "unchanged",
        "Unchanged by the model",
        "For the loom",
        lambda made: describe_unchanged(made.record),
        chosen=False,
    ),
    Parameter("shift", "Colour shift", "For the loom", lambda made: describe_shift(made.record), chosen=False),
    Parameter(
        "settled",
        "Yarns set by neighbours",
        "For the loom",
        lambda made: describe_settled(made.record),
        chosen=False,
    ),
    Parameter("stray", "Stray knots", "For the loom", lambda made: describe_stray(made.record), chosen=False),
    Parameter("mirrored", "Changed for symmetry", "For the loom", _mirrored, chosen=False),
    Parameter("seams", "Seam ratio", "For the loom", lambda made: describe_seams(made.record), chosen=False),
    Parameter("closed", "Changed at seams", "For the loom", _closed, chosen=False),
    Parameter("cleaned", "Changed by cleaning", "For the loom", _cleaned, chosen=False),
    Parameter("device", "Drawn on", "Computer", _device),
    Parameter("precision", "Precision", "Computer", _precision),
    Parameter("profile", "Memory profile", "Computer", _profile),
    Parameter(
        "versions",
        "Software versions",
        "Computer",
        lambda made: ", ".join(f"{name} {version}" for name, version in made.record.facts.versions.items()) or NOTHING,
    ),
    Parameter("seconds", "Time it took", "Record", lambda made: describe_seconds(made.record.seconds), chosen=False),
    Parameter("created_at", "Made on", "Record", lambda made: describe_time(made.record.created_at), chosen=False),
    Parameter("id", "Picture id", "Record", lambda made: made.record.id, chosen=False),
    Parameter("run", "Run", "Record", lambda made: made.record.run, chosen=False),
)
"""All parameters of a picture, in the order in which the pages show them."""


def compare(pictures: Sequence[RecordWithDesign]) -> tuple[Comparison, ...]:
    """Return every parameter with its value for each picture."""
    return tuple(
        Comparison(parameter, tuple(parameter.read(picture) for picture in pictures)) for parameter in PARAMETERS
    )


def name_equals(comparisons: Sequence[Comparison]) -> str:
    """Return a sentence that names the chosen parameters with equal values, empty when there are none."""
    alike = [c.parameter.label for c in comparisons if c.parameter.chosen and not c.differs]
    if not alike:
        return ""
    names = ", ".join(name[0].lower() + name[1:] for name in alike)
    all_equal = all(not c.differs for c in comparisons)
    return f"Equal in everything that was chosen: {names}." if all_equal else f"All else is equal: {names}."
