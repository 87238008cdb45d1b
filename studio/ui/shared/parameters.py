"""The parameters of a picture, as pages show them, and the comparison of several pictures' parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from studio.catalogue.identifiers import SHORT_HASH_LENGTH
from studio.ui.shared.facts.record_facts import (
    RecordWithDesign,
    describe_adapter,
    describe_adapter_weight,
    describe_cleaned,
    describe_closed,
    describe_cross,
    describe_design,
    describe_device,
    describe_drawing,
    describe_drawn_size,
    describe_method,
    describe_mirrored,
    describe_noise,
    describe_precision,
    describe_profile,
    describe_pull,
    describe_seconds,
    describe_size,
    describe_time,
    describe_wanted,
    of_model,
)
from studio.ui.shared.facts.weaving_facts import (
    NOTHING,
    describe_axes,
    describe_changed,
    describe_kept,
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

    @property
    def applies(self) -> bool:
        """Whether any of the pictures has a value."""
        return any(value != NOTHING for value in self.values)


PARAMETERS: tuple[Parameter, ...] = (
    Parameter("prompt", "Prompt", "Request", lambda made: made.record.prompt or NOTHING),
    Parameter("negative_prompt", "Negative prompt", "Request", lambda made: made.record.negative_prompt or NOTHING),
    Parameter("source", "Design", "Request", describe_design),
    Parameter("parent", "Varied from", "Request", lambda made: made.record.parent or "The design itself"),
    Parameter("drawing", "Drawn from", "Settings", describe_drawing),
    Parameter("cross", "Crossed with", "Settings", describe_cross),
    Parameter("change", "How far", "Settings", describe_wanted),
    Parameter("pull", "Pull of the model’s picture", "Settings", describe_pull),
    Parameter("strength", "Strength", "Settings", lambda made: of_model(made, f"{made.record.strength:g}")),
    Parameter("steps", "Steps", "Settings", lambda made: of_model(made, str(made.record.steps))),
    Parameter(
        "effective_steps",
        "Steps drawn",
        "Settings",
        lambda made: of_model(made, str(made.record.facts.effective_steps)),
    ),
    Parameter("noise_shift", "Extra noise", "Settings", describe_noise, chosen=False),
    Parameter(
        "guidance_scale",
        "Guidance",
        "Settings",
        lambda made: of_model(made, f"{made.record.guidance_scale:g}"),
    ),
    Parameter("seed", "Seed", "Settings", lambda made: str(made.record.seed)),
    Parameter("method", "Method version", "Settings", describe_method),
    Parameter("model", "Model", "Model", lambda made: of_model(made, made.record.facts.model_title)),
    Parameter("model_id", "Model id", "Model", lambda made: of_model(made, made.record.facts.model)),
    Parameter(
        "model_fingerprint",
        "Model fingerprint",
        "Model",
        lambda made: of_model(made, made.record.facts.model_fingerprint[:SHORT_HASH_LENGTH]),
    ),
    Parameter("adapter", "Adapter", "Model", describe_adapter),
    Parameter("adapter_weight", "Adapter weight", "Model", describe_adapter_weight),
    Parameter(
        "size",
        "Size",
        "Picture",
        lambda made: describe_size(made.record.facts.width_px, made.record.facts.height_px),
    ),
    Parameter("drawn_at", "Drawn at", "Picture", describe_drawn_size),
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
    Parameter("mirrored", "Changed for symmetry", "For the loom", describe_mirrored, chosen=False),
    Parameter("seams", "Seam ratio", "For the loom", lambda made: describe_seams(made.record), chosen=False),
    Parameter("closed", "Changed at seams", "For the loom", describe_closed, chosen=False),
    Parameter("cleaned", "Changed by cleaning", "For the loom", describe_cleaned, chosen=False),
    Parameter("device", "Drawn on", "Computer", describe_device),
    Parameter("precision", "Precision", "Computer", describe_precision),
    Parameter("profile", "Memory profile", "Computer", describe_profile),
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
    alike = [c.parameter.label for c in comparisons if c.parameter.chosen and c.applies and not c.differs]
    if not alike:
        return ""
    names = ", ".join(name[0].lower() + name[1:] for name in alike)
    all_equal = all(not c.differs for c in comparisons)
    return f"Equal in everything that was chosen: {names}." if all_equal else f"All else is equal: {names}."
