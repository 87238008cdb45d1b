"""Guidance: the velocity of a step from a transformer's predictions, without guidance or classifier-free.

Another guidance is a class with `predict`. It is told the step, so that it may act in a part of the steps only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from studio.generation.sampling import TRAINED_TIMESTEPS, Step, Velocity
from studio.models.pipeline import SD3Pipeline, execution_device
from studio.models.prompts import PromptEmbeds, TextEmbeds

if TYPE_CHECKING:
    from diffusers.models.transformers.transformer_sd3 import SD3Transformer2DModel


def predict_velocity(transformer: SD3Transformer2DModel, latents: Tensor, sigma: Tensor, text: TextEmbeds) -> Tensor:
    """Return what a transformer predicts for latents (b, c, h, w) at one sigma, with a text of as many rows."""
    predicted: Tensor = transformer(
        hidden_states=latents,
        timestep=(TRAINED_TIMESTEPS * sigma).expand(len(latents)),
        encoder_hidden_states=text.words,
        pooled_projections=text.pooled,
        return_dict=False,
    )[0]
    return predicted


class Guidance(Protocol):
    """Turns a transformer's predictions into one velocity."""

    def predict(self, transformer: SD3Transformer2DModel, latents: Tensor, step: Step) -> Tensor:
        """Return the velocity of latents (b, c, h, w) at a step."""


@dataclass(frozen=True, slots=True)
class NoGuidance:
    """The prediction for the prompt alone: one pass of the transformer a step. `text` has one row."""

    text: TextEmbeds

    def predict(self, transformer: SD3Transformer2DModel, latents: Tensor, step: Step) -> Tensor:
        """Return the velocity of latents (b, c, h, w) at a step."""
        return predict_velocity(transformer, latents, step.sigma, self.text.repeated(len(latents)))


@dataclass(frozen=True, slots=True)
class ClassifierFreeGuidance:
    """negative + scale (prompted - negative), both predicted in one batch. The texts have one row each.

    Source: J. Ho, T. Salimans, Classifier-Free Diffusion Guidance, 2022, equation 6; a scale of 1, as diffusers counts,
    is the paper's w of 0.
    """

    text: TextEmbeds
    negative: TextEmbeds
    scale: float

    def predict(self, transformer: SD3Transformer2DModel, latents: Tensor, step: Step) -> Tensor:
        """Return the velocity of latents (b, c, h, w) at a step."""
        count = len(latents)
        texts = self.negative.repeated(count).followed_by(self.text.repeated(count))
        negative, prompted = predict_velocity(transformer, torch.cat([latents] * 2), step.sigma, texts).chunk(2)
        return negative + self.scale * (prompted - negative)


def choose_guidance(embeds: PromptEmbeds, scale: float, device: torch.device) -> Guidance:
    """Return classifier-free guidance where a prompt was encoded with a negative one, else none."""
    text = embeds.text.to(device)
    if embeds.negative is None:
        return NoGuidance(text)
    return ClassifierFreeGuidance(text, embeds.negative.to(device), scale)


def transformer_velocity(pipe: SD3Pipeline, guidance: Guidance) -> Velocity:
    """Return the velocity that a pipeline's transformer predicts under a guidance.

    On a CPU the rows of a batch are predicted one by one (see `one_by_one`); on a card a batch gives each row the same
    bits as alone.
    """

    def velocity(latents: Tensor, step: Step) -> Tensor:
        return guidance.predict(pipe.transformer, latents, step)

    return one_by_one(velocity) if execution_device(pipe).type == "cpu" else velocity


def one_by_one(velocity: Velocity) -> Velocity:
    """Return a velocity that is computed for each row of a batch alone.

    A CPU's matrix products sum in another order for another number of rows. The last digits that differ are rounded
    another way by the bf16 VAE of a symmetric run (`constraint_projection`): a seed's pictures alone and in a batch of
    five differed by up to 9/255, and by 20 knots after weaving.
    """

    def alone(latents: Tensor, step: Step) -> Tensor:
        return torch.cat([velocity(row, step) for row in latents[:, None]])

    return alone
