"""The scheduler walks as the library's own, and tells where it is heading."""

from __future__ import annotations

import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler

from studio.models.scheduler import HeadingScheduler

STEPS = 60


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_it_walks_as_the_original_and_knows_the_clean_latents_at_every_step(dtype):
    """With a model that is right, every step heads for the same latents."""
    rng = torch.Generator().manual_seed(0)
    clean, noise = (torch.randn((1, 4, 16, 16), generator=rng).to(dtype) for _ in range(2))
    ours, original = HeadingScheduler(shift=3.0), FlowMatchEulerDiscreteScheduler(shift=3.0)
    ours.set_timesteps(STEPS)
    original.set_timesteps(STEPS)
    latents = other = noise
    errors, told_errors = [], []
    for timestep in ours.timesteps:
        before = latents
        velocity = (noise.float() - clean.float()).to(dtype)
        latents = ours.step(velocity, timestep, before, return_dict=False)[0]
        other = original.step(velocity, timestep, other).prev_sample
        assert torch.equal(latents, other)
        errors.append(measure_error(ours.clean, clean))
        now, then = ours.sigmas[ours.step_index], ours.sigmas[ours.step_index - 1]
        told = latents.float() - now * (latents.float() - before.float()) / (now - then)
        told_errors.append(measure_error(told, clean))
    assert max(errors) < (1e-6 if dtype is torch.float32 else 0.02)
    if dtype is torch.bfloat16:  # what two neighbouring latents would tell
        assert max(told_errors) > 10 * max(errors)


def measure_error(found: torch.Tensor, wanted: torch.Tensor) -> float:
    """The root of the mean square."""
    return (found.float() - wanted.float()).square().mean().sqrt().item()
