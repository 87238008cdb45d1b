"""What is asked for with one click: a source, a prompt, settings, and a seed for each variation."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from studio.errors import RequestError
from studio.schema.constraints import Constraints
from studio.schema.fields import check_number, check_whole, read_fields

SEED_LIMIT = 2**32
"""Seeds are 0 <= seed < 2**32: the range that torch, numpy and the readers of A1111 parameters share."""
COUNT_LIMIT = 10
PROMPT_LIMIT = 2000
STEPS_LIMIT = 200
GUIDANCE_LIMIT = 30.0
ADAPTER_WEIGHT_LIMIT = 2.0


def effective_steps(steps: int, strength: float) -> int:
    """Return how many denoising steps img2img really walks.

    The pipeline skips the first `int(steps - steps * strength)` of its schedule
    (diffusers, `StableDiffusion3Img2ImgPipeline.get_timesteps`), in floating point as it does. At least 1 for any
    strength above 0.
    """
    return steps - int(max(steps - min(steps * strength, steps), 0))


def fresh_seed() -> int:
    """Return a seed that nobody chose."""
    return secrets.randbelow(SEED_LIMIT)


def seeds_from(first: int, count: int) -> tuple[int, ...]:
    """Return `count` consecutive seeds beginning at `first`, wrapping round at the limit."""
    return tuple((first + i) % SEED_LIMIT for i in range(count))


@dataclass(frozen=True, slots=True)
class AdapterUse:
    """A peft adapter folder and how strongly it is applied (0 leaves the base model as it is, 1 as trained)."""

    folder: str
    weight: float = 1.0

    def __post_init__(self) -> None:
        check_number("Adapter weight", self.weight, 0.0, ADAPTER_WEIGHT_LIMIT, "1 is as trained")


@dataclass(frozen=True, slots=True)
class PipelineChoice:
    """What has to be in memory for a run. Two runs with an equal choice share one loaded pipeline."""

    model: str
    adapter_folder: str | None = None
    profile: str = "auto"


@dataclass(frozen=True, slots=True)
class VariationRequest:
    """One click: a source, a prompt, settings, and one seed for each variation wanted.

    `source` is the content hash (SHA-256, hex) of a source in the catalogue; `parent` the variation it was
    branched from, if any. Raises `RequestError` on values that cannot work, naming the value and a good one.
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

    def __post_init__(self) -> None:
        _check_prompt(self.prompt, self.negative_prompt)
        check_number("Strength", self.strength, 0.01, 1.0, "0.6 is a medium variation")
        check_whole("Steps", self.steps, 1, STEPS_LIMIT, "28 is a good start")
        check_number("Guidance scale", self.guidance_scale, 0.0, GUIDANCE_LIMIT, "4.5 is a good start")
        if not 1 <= len(self.seeds) <= COUNT_LIMIT:
            raise RequestError(f"{len(self.seeds)} variations were asked for. Choose 1 to {COUNT_LIMIT}; 5 is usual.")
        for seed in self.seeds:
            check_whole("Seed", seed, 0, SEED_LIMIT - 1, "leave it empty for a fresh one")
        if len(set(self.seeds)) < len(self.seeds):
            raise RequestError("The same seed was given twice: both variations would be equal. Use different seeds.")
        object.__setattr__(self, "prompt", " ".join(self.prompt.split()))
        object.__setattr__(self, "negative_prompt", " ".join(self.negative_prompt.split()))

    @property
    def effective_steps(self) -> int:
        """Denoising steps that are really walked at this strength."""
        return effective_steps(self.steps, self.strength)

    @property
    def pipeline(self) -> PipelineChoice:
        """What has to be loaded for this run."""
        return PipelineChoice(self.model, self.adapter.folder if self.adapter else None, self.profile)

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return dataclasses.asdict(self) | {"seeds": list(self.seeds)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> VariationRequest:
        """Return the request that `to_json` wrote; checks it again."""
        adapter = values.get("adapter")
        nested = {
            "seeds": tuple(values["seeds"]),
            "adapter": read_fields(AdapterUse, adapter) if adapter else None,
            "constraints": read_fields(Constraints, values.get("constraints", {})),
        }
        return read_fields(cls, dict(values) | nested)


def _check_prompt(prompt: str, negative_prompt: str) -> None:
    if not prompt.strip():
        raise RequestError(
            "The prompt is empty. Describe the carpet you want, such as “kilim, red and ivory diamonds”."
        )
    for name, text in (("prompt", prompt), ("negative prompt", negative_prompt)):
        if len(text) > PROMPT_LIMIT:
            raise RequestError(
                f"The {name} has {len(text)} characters; at most {PROMPT_LIMIT} are allowed, "
                "and the model reads only the first few hundred words. Shorten it."
            )
