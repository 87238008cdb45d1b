"""The recipe of a LoRA training: what is trained, on which sizes, for how long."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from studio.errors import RequestError
from studio.schema.fields import check_choice, check_number, check_text, check_whole, read_fields
from studio.schema.request import SEED_LIMIT

Optimiser = Literal["adamw", "adamw-8bit", "prodigy"]
NoiseLevels = Literal["uniform", "logit-normal"]
"""How the noise level of a training picture is drawn: evenly, or mostly from the middle."""
BasePrecision = Literal["16bit", "8bit"]
TrainedLayers = Literal["attention", "attention-and-text"]
"""The attention products of the picture (to_q, to_k, to_v, to_out), or those of the prompt beside them too."""

RANK_LIMIT = 512
TRAINING_STEPS_LIMIT = 1_000_000
RESOLUTION_LIMIT_PX = 2048
TRIGGER_LIMIT = 100


@dataclass(frozen=True, slots=True)
class LoraRecipe:
    """The settings of a training of a LoRA.

    - `model`: id in the table of models, or the path of a folder in diffusers' form.
    - `rank`, `alpha`: of the low-rank products; their weight is alpha / rank. `layers`: see `TrainedLayers`.
    - `learning_rate`: its highest value, after `warm_up_steps` steps; it falls to 0 along a half cosine. Prodigy finds
      the rate itself: 1 is right for it.
    - `steps`: optimiser steps, each over `accumulate` batches of `batch` pictures.
    - `resolution_px`: side of the square that has as many pixels as a training picture, whatever its shape.
    - `base`: the number format of the weights that stay as they are.
    - `noise_levels`, `shift`: sigma = shift u / (1 + (shift - 1) u), u even or logit-normal (mean 0, deviation 1).
    - `paired`: learn the way from a source to its variations, where the dataset has such pairs, in half of the batches.
    - `mirrored`: train on each picture's mirror image too.
    - `caption_dropout`: share of the pictures that are trained with an empty caption.
    - `average`: decay of the exponential moving average that is saved (0: the last weights).
    - `clip`: largest norm of the gradients.
    - `held_out`: share of the designs that is kept for validation.
    - `checkpoint_every`, `validate_every`, `samples_every`: in steps. No samples are drawn where the last is 0.
    - `trigger`: words that begin every caption, by which a prompt calls for the style.

    Raises `RequestError` on values out of range. The message names the value and a good one.
    """

    model: str = "builtin"
    rank: int = 64
    alpha: float = 64.0
    layers: TrainedLayers = "attention"
    optimiser: Optimiser = "adamw"
    learning_rate: float = 1e-4
    warm_up_steps: int = 50
    steps: int = 1500
    batch: int = 1
    accumulate: int = 4
    resolution_px: int = 1024
    base: BasePrecision = "16bit"
    noise_levels: NoiseLevels = "uniform"
    shift: float = 1.0
    paired: bool = False
    mirrored: bool = True
    caption_dropout: float = 0.05
    average: float = 0.99
    clip: float = 1.0
    weight_decay: float = 0.01
    held_out: float = 0.1
    checkpoint_every: int = 100
    validate_every: int = 100
    samples_every: int = 250
    trigger: str = ""
    seed: int = 0

    def __post_init__(self) -> None:
        check_text("The model", self.model)
        check_text("The trigger words", self.trigger)
        if len(self.trigger) > TRIGGER_LIMIT:
            raise RequestError(f"The trigger words have {len(self.trigger)} characters. Choose one or two words.")
        object.__setattr__(self, "trigger", " ".join(self.trigger.split()))
        check_choice("Layers", self.layers, TrainedLayers)
        check_choice("Optimiser", self.optimiser, Optimiser)
        check_choice("Base", self.base, BasePrecision)
        check_choice("Noise levels", self.noise_levels, NoiseLevels)
        check_whole("Rank", self.rank, 1, RANK_LIMIT, "64 is usual for carpets, 16 makes a smaller file")
        check_number("Alpha", self.alpha, 1e-3, 10 * RANK_LIMIT, "as much as the rank is usual")
        check_number("Learning rate", self.learning_rate, 1e-8, 10.0, "0.0001 is usual, 1 for Prodigy")
        check_whole("Warm-up steps", self.warm_up_steps, 0, TRAINING_STEPS_LIMIT, "50 is usual")
        check_whole("Steps", self.steps, 1, TRAINING_STEPS_LIMIT, "500 to 4000 are usual")
        check_whole("Batch", self.batch, 1, 256, "1 fits small cards")
        check_whole("Accumulated batches", self.accumulate, 1, 1024, "4 is usual with a batch of 1")
        check_whole("Resolution", self.resolution_px, 64, RESOLUTION_LIMIT_PX, "1024 suits Stable Diffusion 3.5")
        check_number("Shift", self.shift, 0.1, 20.0, "1 keeps fine patterns")
        check_number("Caption dropout", self.caption_dropout, 0.0, 1.0, "0.05 is usual")
        check_number("Average", self.average, 0.0, 0.99999, "0.99 is usual")
        check_number("Gradient clip", self.clip, 1e-6, 1e6, "1 is usual")
        check_number("Weight decay", self.weight_decay, 0.0, 1.0, "0.01 is usual")
        check_number("Share held out", self.held_out, 0.0, 0.5, "0.1 is usual")
        check_whole("Steps between checkpoints", self.checkpoint_every, 1, TRAINING_STEPS_LIMIT, "100 is usual")
        check_whole("Steps between validations", self.validate_every, 1, TRAINING_STEPS_LIMIT, "100 is usual")
        check_whole("Steps between samples", self.samples_every, 0, TRAINING_STEPS_LIMIT, "250 is usual")
        check_whole("Seed", self.seed, 0, SEED_LIMIT - 1, "0 is as good as any")

    def learning_rate_at(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0: a linear warm-up, then a half cosine down to 0."""
        warm_up = min(self.warm_up_steps, self.steps - 1)
        if step < warm_up:
            return self.learning_rate * (step + 1) / (warm_up + 1)
        done = (step - warm_up) / max(self.steps - warm_up, 1)
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> LoraRecipe:
        """Return the recipe that `to_json` wrote, checked again."""
        return read_fields(cls, values)
