"""Guidance: the velocity of a step from a transformer's predictions, without guidance or classifier-free.

Another guidance is a class with `velocity`. It is given the step, so it can act in some of the steps only. A structure
net (ControlNet) is another `Predict`, which adds the net's residuals.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from studio.generation.sampling import Step, Velocity
from studio.models.pipeline import TRAINED_TIMESTEPS, SD3Pipeline, execution_device
from studio.models.prompts import PromptEmbeds, TextEmbeds

if TYPE_CHECKING:
    from diffusers.models.transformers.transformer_sd3 import SD3Transformer2DModel

Predict = Callable[[Tensor, Step, TextEmbeds], Tensor]
"""Returns the prediction for latents (b, c, h, w) at a step; the text has b rows."""


def predict_velocity(transformer: SD3Transformer2DModel, latents: Tensor, sigma: Tensor, text: TextEmbeds) -> Tensor:
    """Return a transformer's prediction for latents (b, c, h, w) at one sigma; `text` has b rows."""
    predicted: Tensor = transformer(
        hidden_states=latents,
        timestep=(TRAINED_TIMESTEPS * sigma).expand(len(latents)),
        encoder_hidden_states=text.words,
        pooled_projections=text.pooled,
        return_dict=False,
    )[0]
    return predicted


class Guidance(Protocol):
    """Turns a model's predictions into one velocity."""

    def velocity(self, predict: Predict, latents: Tensor, step: Step) -> Tensor:
        """Return the velocity of latents (b, c, h, w) at a step."""


@dataclass(frozen=True, slots=True)
class NoGuidance:
    """The prediction for the prompt alone: one pass of the transformer a step. `text` has one row."""

    text: TextEmbeds

    def velocity(self, predict: Predict, latents: Tensor, step: Step) -> Tensor:
        """Return the velocity of latents (b, c, h, w) at a step."""
        return predict(latents, step, self.text.repeated(len(latents)))


@dataclass(frozen=True, slots=True)
class ClassifierFreeGuidance:
    """negative + scale (prompted - negative), both predicted in one batch. The texts have one row each.

    Source: J. Ho, T. Salimans, Classifier-Free Diffusion Guidance, 2022, equation 6; a scale of 1, as diffusers counts,
    is the paper's w of 0.
    """

    text: TextEmbeds
    negative: TextEmbeds
    scale: float

    def velocity(self, predict: Predict, latents: Tensor, step: Step) -> Tensor:
        """Return the velocity of latents (b, c, h, w) at a step."""
        count = len(latents)
        texts = self.negative.repeated(count).followed_by(self.text.repeated(count))
        negative, prompted = predict(torch.cat([latents] * 2), step, texts).chunk(2)
        return negative + self.scale * (prompted - negative)


def choose_guidance(embeds: PromptEmbeds, scale: float, device: torch.device) -> Guidance:
    """Return classifier-free guidance where a prompt was encoded with a negative one, else none."""
    text = embeds.text.to(device)
    if embeds.negative is None:
        return NoGuidance(text)
    return ClassifierFreeGuidance(text, embeds.negative.to(device), scale)


def transformer_velocity(pipe: SD3Pipeline, guidance: Guidance, *, row_by_row: bool) -> Velocity:
    """Return the velocity that a pipeline's transformer predicts with a guidance, see `predicts_row_by_row`."""

    def predict(latents: Tensor, step: Step, text: TextEmbeds) -> Tensor:
        return predict_velocity(pipe.transformer, latents, step.sigma, text)

    def velocity(latents: Tensor, step: Step) -> Tensor:
        return guidance.velocity(predict, latents, step)

    return one_by_one(velocity) if row_by_row else velocity


def predicts_row_by_row(pipe: SD3Pipeline) -> bool:
    """Whether the rows of a batch are predicted one by one, so that a seed gives the same bits alone and in a batch.

    On a CPU the order of summation in a matrix product depends on the number of rows. The bf16 VAE of a symmetric run
    (`constraint_projection`) amplifies the differences in the last digits: in one example, pictures of a seed alone and
    in a batch of five differed by up to 9/255, and by 20 knots after weaving. On the card where it was measured (H100)
    a batch gave each row the bits that it has alone.
    """
    return execution_device(pipe).type == "cpu"


def one_by_one(velocity: Velocity) -> Velocity:
    """Return a velocity that is computed row by row."""

    def alone(latents: Tensor, step: Step) -> Tensor:
        return torch.cat([velocity(row, step) for row in latents[:, None]])

    return alone
