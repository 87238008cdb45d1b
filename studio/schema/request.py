"""The request for a run: a design, a prompt, settings, and one seed per variation."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from studio.errors import RequestError
from studio.schema.constraints import Constraints
from studio.schema.fields import check_choice, check_number, check_text, check_whole, read_fields

SEED_LIMIT = 2**32
"""Seeds are 0 <= seed < 2**32, the range that torch, numpy and readers of A1111 parameters share."""
REDRAWN_SEEDS = 2**31
"""Seeds from here up are those of pictures that were drawn again, since they nearly repeated another one. They are
drawn as they are, so that a recorded seed alone gives its picture again."""
COUNT_LIMIT = 10
PROMPT_LIMIT = 2000
STEPS_LIMIT = 200
GUIDANCE_LIMIT = 30.0
ADAPTER_WEIGHT_LIMIT = 2.0
LEAST_CHANGE, MOST_CHANGE = 0.02, 0.9
SUBTLE_CHANGE, MEDIUM_CHANGE, STRONG_CHANGE = 0.1, 0.25, 0.45
"""Shares of the knots that a subtle, a medium and a strong variation from motifs change."""

Drawing = Literal["motifs", "model", "both"]
"""Who draws: the design's own motifs, the model, or the motifs with the model's picture in the lead."""
CrossWay = Literal["motifs", "layout"]


def effective_steps(steps: int, strength: float) -> int:
    """Return the number of denoising steps that img2img runs at a strength in (0, 1], at least 1.

    The pipeline skips the first `int(steps - steps * strength)` steps of its schedule. The arithmetic is that of
    diffusers, `StableDiffusion3Img2ImgPipeline.get_timesteps`, in floating point.
    """
    return steps - int(max(steps - min(steps * strength, steps), 0))


def fresh_seed() -> int:
    """Return a random seed; as many as a run can have follow it below `REDRAWN_SEEDS`."""
    return secrets.randbelow(REDRAWN_SEEDS - COUNT_LIMIT)


def seeds_from(first: int, count: int) -> tuple[int, ...]:
    """Return `count` consecutive seeds beginning with `first`, modulo `SEED_LIMIT`.

    Those after the first are modulo `REDRAWN_SEEDS`, so that each may be drawn again.
    """
    return tuple((first + i) % (REDRAWN_SEEDS if i else SEED_LIMIT) for i in range(count))


@dataclass(frozen=True, slots=True)
class AdapterUse:
    """A peft adapter folder and its weight, 0 (the base model) to 2. 1 is as trained."""

    folder: str
    weight: float = 1.0

    def __post_init__(self) -> None:
        check_text("The adapter folder", self.folder)
        check_number("Adapter weight", self.weight, 0.0, ADAPTER_WEIGHT_LIMIT, "1 is as trained")


@dataclass(frozen=True, slots=True)
class Cross:
    """A second design that takes part in a drawing from motifs.

    - `source`: SHA-256 (hex) of its file in the catalogue. `parent`: id of the variation that it is, or None.
    - `way`: "motifs" puts the motifs of both into one carpet, "layout" draws this design's in the other's layout.
    - `share`: with "motifs", the share of the ground, within the border, that comes from the second design, 0.05 to
      0.95; with "layout", how much its layout counts.

    Raises `RequestError` on values outside these ranges.
    """

    source: str
    way: CrossWay = "motifs"
    share: float = 0.5
    parent: str | None = None

    def __post_init__(self) -> None:
        check_choice("Way to cross", self.way, CrossWay)
        check_number("Share of the second design", self.share, 0.05, 0.95, "0.5 takes as much of both")


@dataclass(frozen=True, slots=True)
class PipelineChoice:
    """The choice of a pipeline. Runs with equal choices share one loaded pipeline.

    `model` is an id in the table of models or the path of a folder, `profile` the id of a memory profile or "auto".
    """

    model: str
    adapter_folder: str | None = None
    profile: str = "auto"


@dataclass(frozen=True, slots=True)
class VariationRequest:
    """A run: one design, one prompt, the settings, and one seed per variation.

    - `source`: SHA-256 (hex) of the design's file in the catalogue.
    - `prompt`, `negative_prompt`: at most `PROMPT_LIMIT` characters. White space is collapsed.
    - `seeds`: 1 to `COUNT_LIMIT` different seeds, each 0 to 2**32 - 1.
    - `strength`: share of the noise schedule that is run, 0.01 (close to the design) to 1.
    - `steps`: steps of the whole schedule, 1 to `STEPS_LIMIT`.
    - `guidance_scale`: of classifier-free guidance, 0 to `GUIDANCE_LIMIT`. 1 or less means no guidance.
    - `model`, `profile`: see `PipelineChoice`.
    - `parent`: id of the variation that the run was branched from, or None.
    - `drawing`: see `Drawing`. The prompt may be empty where no model draws.
    - `change`: share of the knots that a drawing from motifs changes, 0.02 to 0.9; the least where a picture leads.
    - `pull`: how much the model's picture leads where both draw, 0 to 1.
    - `cross`: a second design, only where no model draws.

    Raises `RequestError` on values outside these ranges. The message names the value and a good one.
    """

    source: str
    prompt: str
    seeds: tuple[int, ...]
    negative_prompt: str = ""
    strength: float = 0.6
    steps: int = 28
    guidance_scale: float = 4.5
    model: str = "builtin"
    adapter: AdapterUse | None = None
    profile: str = "auto"
    parent: str | None = None
    constraints: Constraints = field(default_factory=Constraints)
    drawing: Drawing = "model"
    change: float = MEDIUM_CHANGE
    pull: float = 0.7
    cross: Cross | None = None

    def __post_init__(self) -> None:
        check_choice("Drawing", self.drawing, Drawing)
        _check_prompt(self.prompt, self.negative_prompt, needed=self.drawing != "motifs")
        check_number("Change", self.change, LEAST_CHANGE, MOST_CHANGE, "0.25 is a medium variation")
        check_number("Pull", self.pull, 0.0, 1.0, "0.7 lets the model's layout lead")
        if self.cross is not None and self.drawing != "motifs":
            raise RequestError("Two designs are crossed in their own motifs. Set Drawing to the design's motifs.")
        check_text("The model", self.model)
        check_number("Strength", self.strength, 0.01, 1.0, "0.6 is a medium variation")
        check_whole("Steps", self.steps, 1, STEPS_LIMIT, "28 is a good start")
        check_number("Guidance scale", self.guidance_scale, 0.0, GUIDANCE_LIMIT, "4.5 is a good start")
        if not 1 <= len(self.seeds) <= COUNT_LIMIT:
            raise RequestError(f"{len(self.seeds)} variations are out of range. Choose 1 to {COUNT_LIMIT}; 5 is usual.")
        for seed in self.seeds:
            check_whole("Seed", seed, 0, SEED_LIMIT - 1, "leave it empty for a fresh one")
        kinds = {seed % REDRAWN_SEEDS for seed in self.seeds} if self.drawing == "both" else set(self.seeds)
        if len(kinds) < len(self.seeds):
            raise RequestError("The same seed was given twice: both variations would be equal. Use different seeds.")
        object.__setattr__(self, "prompt", " ".join(self.prompt.split()))
        object.__setattr__(self, "negative_prompt", " ".join(self.negative_prompt.split()))

    @property
    def effective_steps(self) -> int:
        """Number of denoising steps that are run at this strength."""
        return effective_steps(self.steps, self.strength)

    @property
    def pipeline(self) -> PipelineChoice:
        """The pipeline that this run needs."""
        return PipelineChoice(self.model, self.adapter.folder if self.adapter else None, self.profile)

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return dataclasses.asdict(self) | {"seeds": list(self.seeds)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> VariationRequest:
        """Return the request that `to_json` wrote, checked again."""
        adapter = values.get("adapter")
        nested = {
            "seeds": tuple(values["seeds"]),
            "adapter": read_fields(AdapterUse, adapter) if adapter else None,
            "cross": read_cross(values.get("cross")),
            "constraints": read_fields(Constraints, values.get("constraints", {})),
        }
        return read_fields(cls, dict(values) | nested)


def read_cross(values: Mapping[str, Any] | None) -> Cross | None:
    """Return the second design from JSON values, None where there is none."""
    return read_fields(Cross, values) if values else None


def _check_prompt(prompt: str, negative_prompt: str, *, needed: bool) -> None:
    if needed and not prompt.strip():
        raise RequestError(
            "The prompt is empty. Describe the carpet you want, such as “kilim, red and ivory diamonds”."
        )
    for name, text in (("prompt", prompt), ("negative prompt", negative_prompt)):
        check_text(f"The {name}", text)
        if len(text) > PROMPT_LIMIT:
            raise RequestError(
                f"The {name} has {len(text)} characters; at most {PROMPT_LIMIT} are allowed, "
                "and the model reads only the first few hundred words. Shorten it."
            )
