from __future__ import annotations

import numpy as np
import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler

from studio.adapter_training.objective import PAIR_STARTS, Levels, draw_levels, make_path, measure_loss
from studio.schema import LoraRecipe


def draw(seed: int) -> torch.Tensor:
    return torch.randn(2, 4, 6, 8, generator=torch.Generator().manual_seed(seed))


def level(sigma: float, start: float = 1.0) -> Levels:
    return Levels(torch.full((2,), sigma), torch.full((2,), start))


@pytest.mark.parametrize("start", [1.0, 0.9, 0.55])
def test_the_velocity_walks_from_a_source_to_its_variation_under_diffusers_own_scheduler(start: float) -> None:
    source, target, noise = draw(1), draw(2), draw(3)
    if start == 1.0:
        source = target
    scheduler = FlowMatchEulerDiscreteScheduler()
    scheduler.set_timesteps(sigmas=np.linspace(start, start / 7, 7).tolist())
    walked = (1 - start) * source + start * noise
    for step, time in enumerate(scheduler.timesteps):
        noisy, velocity = make_path(source, target, noise, level(float(scheduler.sigmas[step]), start))
        assert torch.allclose(noisy, walked, atol=1e-5)
        walked = scheduler.step(velocity, time, walked, return_dict=False)[0]
    assert torch.allclose(walked, target, atol=1e-5)


def test_the_ordinary_flow_goes_from_noise_to_the_picture_and_not_back() -> None:
    target, noise = draw(2), draw(3)
    noisy, velocity = make_path(target, target, noise, level(0.25))
    assert torch.allclose(noisy, 0.75 * target + 0.25 * noise, atol=1e-6)
    assert torch.allclose(velocity, noise - target, atol=1e-6)


def test_a_pair_of_equal_pictures_is_the_ordinary_flow() -> None:
    target, noise = draw(2), draw(3)
    plain, paired = make_path(target, target, noise, level(0.3)), make_path(target, target, noise, level(0.3, 0.8))
    for one, other in zip(plain, paired, strict=True):
        assert torch.allclose(one, other, atol=1e-5)


def test_the_loss_is_the_mean_square_error_times_the_square_of_the_start() -> None:
    predicted, velocity = draw(4), draw(5)
    errors = (predicted - velocity).square().mean(dim=(1, 2, 3))
    assert torch.allclose(measure_loss(predicted, velocity, level(0.3)), errors)
    assert torch.allclose(measure_loss(predicted, velocity, level(0.3, 0.5)), errors / 4)


def test_the_loss_of_16_bit_predictions_is_computed_in_32_bits() -> None:
    predicted, velocity = draw(4).bfloat16(), draw(5)
    assert measure_loss(predicted, velocity, level(0.3)).dtype == torch.float32


def test_even_levels_are_even_and_a_shift_moves_them_up() -> None:
    many = np.zeros(20_000, bool)
    even = draw_levels(np.random.default_rng(0), many, LoraRecipe()).sigmas.numpy()
    assert np.abs(np.quantile(even, [0.1, 0.5, 0.9]) - [0.1, 0.5, 0.9]).max() < 0.02
    shifted = draw_levels(np.random.default_rng(0), many, LoraRecipe(shift=3.0)).sigmas.numpy()
    assert np.allclose(shifted, 3 * even / (1 + 2 * even), atol=1e-6)


def test_logit_normal_levels_are_those_of_diffusers() -> None:
    from diffusers.training_utils import compute_density_for_timestep_sampling

    theirs = compute_density_for_timestep_sampling("logit_normal", 20_000, logit_mean=0.0, logit_std=1.0).numpy()
    many = np.zeros(20_000, bool)
    ours = draw_levels(np.random.default_rng(0), many, LoraRecipe(noise_levels="logit-normal")).sigmas.numpy()
    shares = [0.05, 0.25, 0.5, 0.75, 0.95]
    assert np.abs(np.quantile(ours, shares) - np.quantile(theirs, shares)).max() < 0.02


def test_half_of_the_pictures_with_a_source_start_at_it_and_no_other() -> None:
    has_source = np.arange(10_000) % 2 == 0
    levels = draw_levels(np.random.default_rng(0), has_source, LoraRecipe(paired=True))
    starts, sigmas = levels.starts.numpy(), levels.sigmas.numpy()
    assert (starts[~has_source] == 1).all()
    paired = starts < 1
    assert 0.45 < paired[has_source].mean() < 0.55
    assert (starts[paired] >= PAIR_STARTS[0]).all()
    assert (starts[paired] <= PAIR_STARTS[1]).all()
    assert (sigmas < starts).all()
    assert (draw_levels(np.random.default_rng(0), has_source, LoraRecipe()).starts == 1).all()
