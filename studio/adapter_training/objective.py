"""What a LoRA is trained to predict: the velocity of a rectified flow, from noise or from a source's noisy picture.

x0 are scaled latents, sigma is the noise level, v the velocity. The ordinary flow goes on a straight line from noise
to a picture:

    z_sigma = (1 - sigma) x0 + sigma noise,    v = noise - x0

(P. Esser et al., Scaling Rectified Flow Transformers for High-Resolution Image Synthesis, 2024, equations 2 and 13).
The paired flow goes from the noisy source s, where img2img starts at a strength, to one of its variations x0:

    z_start = (1 - start) s + start noise,    z_sigma = (sigma / start) z_start + (1 - sigma / start) x0,
    v = (z_start - x0) / start

With s = x0 it is the ordinary flow, so one model learns both and the same sampler walks both. The paired flow is not
published; `docs/training.md` has what it was measured to bring.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from studio.generation.sampling import shift_sigma
from studio.optimisation.flow_path import place_on_path
from studio.schema import LoraRecipe

PAIRED_SHARE = 0.5
"""Share of the pictures with a source that take the paired flow; the others take the ordinary one."""
PAIR_STARTS = (0.5, 0.92)
"""The noise levels at which a paired flow starts: those of medium and strong variations."""


@dataclass(frozen=True, slots=True)
class Levels:
    """The noise level of each picture of a batch (b,), and where its path starts (b,); fp32, in main memory.

    A start of 1 is the ordinary flow.
    """

    sigmas: Tensor
    starts: Tensor


def draw_levels(rng: np.random.Generator, has_source: NDArray[np.bool_], recipe: LoraRecipe) -> Levels:
    """Return random levels for a batch, with the paired flow for a share of the pictures that have a source (b,)."""
    count = len(has_source)
    even = rng.random(count) if recipe.noise_levels == "uniform" else 1 / (1 + np.exp(-rng.standard_normal(count)))
    sigmas, starts = shift_sigma(even, recipe.shift), np.ones(count)
    if recipe.paired:
        paired = has_source & (rng.random(count) < PAIRED_SHARE)
        starts = np.where(paired, rng.uniform(*PAIR_STARTS, count), starts)
        sigmas = np.where(paired, starts * rng.random(count), sigmas)
    return Levels(_tensor(sigmas), _tensor(starts))


def make_path(source: Tensor, target: Tensor, noise: Tensor, levels: Levels) -> tuple[Tensor, Tensor]:
    """Return the noisy latents and the velocity, both (b, c, h, w) in fp32, on the way from `source` to `target`."""
    sigmas, starts = (one.to(target.device) for one in (levels.sigmas, levels.starts))
    return place_on_path(source.float(), target.float(), noise.float(), sigmas, starts)


def measure_loss(predicted: Tensor, velocity: Tensor, levels: Levels) -> Tensor:
    """Return the loss of each picture (b,): the mean square of the errors, in fp32.

    It is multiplied by the square of the start, since velocities of a path from there grow with its inverse.
    """
    errors = (predicted.float() - velocity).square().mean(dim=(1, 2, 3))
    return levels.starts.to(errors.device).square() * errors


def _tensor(values: NDArray[np.float64]) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))
