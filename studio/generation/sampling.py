"""Euler sampling of a rectified flow: noisy latents to clean ones, with one velocity per step.

A rectified flow mixes data x0 and noise on a straight line, z = (1 - sigma) x0 + sigma noise. Its model predicts the
velocity dz/dsigma = noise - x0, which gives both the next latents and a clean estimate, x0 = z - sigma v (P. Esser et
al., Scaling Rectified Flow Transformers for High-Resolution Image Synthesis, 2024, sections 2 and 3).

`sample_euler` does the arithmetic of diffusers' `StableDiffusion3Img2ImgPipeline` with
`FlowMatchEulerDiscreteScheduler`, to the bit. A run extends it with small objects: a guidance object combines the
transformer's predictions into one velocity (`studio.generation.guidance`), a wrapper of a `Velocity` changes the
transformer's input (`studio.generation.cycle_spinning`), and a `Projection` changes the latents between two steps
(`studio.generation.constraint_projection`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from studio.models.pipeline import TRAINED_TIMESTEPS, SD3Pipeline, execution_device
from studio.schema import effective_steps

Sigma = TypeVar("Sigma", float, NDArray[np.float64])


Corner = tuple[int, int]
"""A shift of the latents: the row and the column that become the first."""


@dataclass(frozen=True, slots=True)
class Step:
    """One Euler step, number 1 to `count`, from `sigma` down to `next_sigma` (fp32 scalars).

    `corner` is the shift of the latents that a velocity is given (`studio.generation.cycle_spinning`). What belongs to
    places of the design, such as a control picture, must be shifted alike.
    """

    number: int
    count: int
    sigma: Tensor
    next_sigma: Tensor
    corner: Corner = (0, 0)


Velocity = Callable[[Tensor, Step], Tensor]
"""Returns the velocity of noisy latents (b, c, h, w) at a step, in the same shape."""

AfterStep = Callable[[Step, Tensor, Tensor], Tensor]
"""Returns the latents for the next step, given a step, the latents after it and its clean estimate, all (b, c, h, w).

The clean estimate is fp32. An exception ends the sampling.
"""


class Projection(Protocol):
    """A change of the latents between two steps, such as a constraint."""

    def project(self, step: Step, latents: Tensor, clean: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Return the latents after a step and its clean estimate (fp32), changed; `noise` is the initial noise.

        All are (b, c, h, w).
        """


def sample_euler(velocity: Velocity, latents: Tensor, sigmas: Tensor, after_step: AfterStep | None = None) -> Tensor:
    """Return the latents (b, c, h, w) at the last sigma, from noisy ones at the first.

    `sigmas` (steps + 1,) are fp32 and fall to 0. The latents have the velocity's dtype and are rounded as in diffusers.
    The clean estimate is computed from the velocity: from the difference of two successive 16-bit latents
    it would be coarse.
    """
    count = len(sigmas) - 1
    for number in range(1, count + 1):
        step = Step(number, count, sigmas[number - 1], sigmas[number])
        predicted = velocity(latents, step)
        clean = latents.float() - step.sigma * predicted.float()
        latents = (latents.float() + (step.next_sigma - step.sigma) * predicted).to(predicted.dtype)
        if after_step is not None:
            latents = after_step(step, latents, clean)
    return latents


def sample_variations(
    velocity: Velocity,
    design: Tensor,
    seeds: Sequence[int],
    sigmas: Tensor,
    dtype: torch.dtype,
    *,
    projections: Sequence[Projection] = (),
    report: Callable[[Step, Tensor], None] = lambda step, clean: None,
) -> Tensor:
    """Return the latents (len(seeds), c, h, w) of a design's variations, in `dtype`, on the device of the sigmas.

    `design` (1, c, h, w) are its latents. The projections are applied after each step, in order; `report` is then given
    the step and its clean estimates. An exception of theirs ends the sampling.
    """
    noise = draw_noise(seeds, tuple(design.shape[1:]), dtype, sigmas.device)

    def after_step(step: Step, latents: Tensor, clean: Tensor) -> Tensor:
        for projection in projections:
            latents, clean = projection.project(step, latents, clean, noise)
        report(step, clean)
        return latents

    return sample_euler(velocity, add_noise(design, noise, sigmas[0]), sigmas, after_step)


def plan_sigmas(
    pipe: SD3Pipeline, steps: int, strength: float, size_px: tuple[int, int], shift: float | None = None
) -> Tensor:
    """Return the sigmas (effective steps + 1,) of a run, fp32 on the pipeline's device.

    The first of the `steps` sigmas are skipped according to `strength`, as in img2img. With `shift` None the noise
    schedule is that of the pipeline's scheduler, which may depend on width and height of the picture (`size_px`); a
    number gives evenly spaced sigmas with this shift.
    """
    device = execution_device(pipe)
    if shift is None:
        dynamic = pipe.scheduler.config["use_dynamic_shifting"]
        pipe.scheduler.set_timesteps(steps, device=device, mu=_log_dynamic_shift(pipe, size_px) if dynamic else None)
        sigmas: Tensor = pipe.scheduler.sigmas
    else:
        least = float(np.float32(1 / TRAINED_TIMESTEPS))  # rounded as diffusers' schedulers round it
        even = np.linspace(TRAINED_TIMESTEPS, TRAINED_TIMESTEPS * least, steps) / TRAINED_TIMESTEPS
        shifted = torch.from_numpy(shift_sigma(even, shift)).to(dtype=torch.float32, device=device)
        sigmas = torch.cat([shifted, torch.zeros(1, device=device)])
    return sigmas[-effective_steps(steps, strength) - 1 :]


def shift_sigma(sigma: Sigma, shift: float) -> Sigma:
    """Return the shifted sigma, shift sigma / (1 + (shift - 1) sigma): more noise for a shift above 1.

    Source: Esser et al. 2024, section 5.3.2.
    """
    return shift * sigma / (1 + (shift - 1) * sigma)


def draw_noise(seeds: Sequence[int], shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return noise (len(seeds), *shape), each row from its own seed; drawn on the CPU, the same for every device."""
    rows = [
        torch.randn((1, *shape), generator=torch.Generator("cpu").manual_seed(seed), dtype=dtype, device="cpu")
        for seed in seeds
    ]
    return torch.cat(rows).to(device)


def add_noise(clean: Tensor, noise: Tensor, sigma: Tensor) -> Tensor:
    """Return (1 - sigma) clean + sigma noise in the dtype of `noise`; `clean` is (1 or b, c, h, w)."""
    sigma, clean = sigma.to(noise.dtype), clean.to(noise)
    return sigma * noise + (1.0 - sigma) * clean


def _log_dynamic_shift(pipe: SD3Pipeline, size_px: tuple[int, int]) -> float:
    """Return the logarithm of the shift that a scheduler with dynamic shifting uses for a picture's size."""
    # Not at the top: the first import of this module logs hints to the terminal unless `models.loading` quietens them.
    from diffusers.pipelines.stable_diffusion_3.pipeline_stable_diffusion_3_img2img import calculate_shift

    patch, config = pipe.transformer.config["patch_size"], pipe.scheduler.config
    columns, rows = (side // pipe.vae_scale_factor // patch for side in size_px)
    return float(
        calculate_shift(
            rows * columns,
            config.get("base_image_seq_len", 256),
            config.get("max_image_seq_len", 4096),
            config.get("base_shift", 0.5),
            config.get("max_shift", 1.16),
        )
    )
