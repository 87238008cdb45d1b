"""Training of the VAE's decoder."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from studio.generation.vae import scale, unscale
from studio.models.device import mixed_precision
from studio.optimisation.training_state import load_state, save_state
from studio.training import decoder
from studio.training.decoder import DecoderRecipe, DecoderTraining, weave_crop
from studio.training.losses import find_yarns, measure_loss
from tests.support.tiny_models import CPU, build_tiny, draw_batch, read_weights, tokenizers, two_threads

__all__ = ["tokenizers", "two_threads"]


TINY_DECODER = DecoderRecipe(
    batch=2, side_px=48, crops_each=4, designs=4, warm_up_steps=2, adamw_rate=1e-3, muon_rate=3e-3, window=4
)


def keep_noise(noisy: torch.Tensor, sigma: float) -> torch.Tensor:
    """Stand in for a transformer that removes no noise."""
    return noisy


@pytest.mark.slow
def test_training_lowers_the_loss_on_noisy_latents_and_keeps_the_encoder(tokenizers):
    training = DecoderTraining(build_tiny(tokenizers).vae, CPU, keep_noise, TINY_DECODER)
    wanted = draw_batch(0, TINY_DECODER)

    @torch.no_grad()
    def measure() -> tuple[torch.Tensor, float]:
        latents = training.vae.encode(wanted).latent_dist.mode()
        noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(0))
        made = training.vae.decode(latents + 0.2 * latents.std() * noise).sample
        return latents, measure_loss(made, wanted, TINY_DECODER).item()

    latents, before = measure()
    for _ in range(12):
        training.advance()
    after = measure()
    assert torch.equal(latents, after[0])
    assert after[1] < 0.9 * before


@pytest.mark.slow
def test_denoised_batches_are_computed_once_and_used_several_times(tokenizers):
    """The transformer gets scaled latents with noise of a known sigma."""
    met: list[tuple[torch.Tensor, float]] = []

    def sample(noisy: torch.Tensor, sigma: float) -> torch.Tensor:
        met.append((noisy, sigma))
        return torch.full_like(noisy, 7.0)

    recipe = dataclasses.replace(TINY_DECODER, batch=1, crops_each=1, latent_noise=0.0, clean_share=0.0)
    vae = build_tiny(tokenizers).vae
    vae.register_to_config(shift_factor=0.5, scaling_factor=2.0)
    decoded: list[torch.Tensor] = []
    training = DecoderTraining(vae, CPU, sample, recipe)
    vae.decoder.register_forward_pre_hook(lambda module, given: decoded.append(given[0]))
    for step in range(90):
        with torch.no_grad():
            training.rebuild_batch(step)
    assert 15 < len(met) < 30  # 30 batches of three steps each; those of a very low sigma are not denoised
    assert all(0.1 <= sigma <= recipe.highest_sigma for _, sigma in met)
    denoised = [bool((given == 7.0 / 2 + 0.5).all()) for given in decoded]
    assert 45 < sum(denoised) < 90
    number = next(number for number in range(90) if np.random.default_rng([number, 15]).random() > 0.2)
    wanted = draw_batch(number, recipe)
    with mixed_precision(CPU):  # as in training, because a small sigma magnifies rounding errors of bf16
        scaled = (vae.encode(wanted).latent_dist.mode().float() - 0.5) * 2
    sigma = recipe.highest_sigma * np.random.default_rng([number, 15]).random()
    given = next(noisy for noisy, seen in met if seen == sigma)
    assert ((given - (1 - sigma) * scaled) / sigma).std().item() == pytest.approx(1, abs=0.08)


def test_targets_are_woven_variations(tokenizers, monkeypatch: pytest.MonkeyPatch):
    """A crop without yarns keeps its own latents and is its own target."""
    single = dataclasses.replace(TINY_DECODER, batch=1)
    with_yarns = next(crop for number in range(9) if find_yarns((crop := draw_batch(number, single))[0]) is not None)
    without = torch.rand(with_yarns.shape, generator=torch.Generator().manual_seed(0)) * 2 - 1
    crops = torch.cat([with_yarns, without])
    monkeypatch.setattr(decoder, "LEAST_SIGMA", 0.0)
    recipe = dataclasses.replace(TINY_DECODER, clean_share=0.0)
    training = DecoderTraining(build_tiny(tokenizers).vae, CPU, lambda noisy, sigma: noisy.flip(3), recipe)
    monkeypatch.setattr(training.crops, "draw", lambda number: crops.clone())
    wanted, denoised = training._denoise_batch(0)
    latents = scale(training.frozen_vae.encode(crops).latent_dist.mode(), training.vae)
    made = training.frozen_vae.decode(unscale(denoised, training.vae)).sample.clamp(-1, 1)
    made = training.frozen_vae.decode(training.frozen_vae.encode(made).latent_dist.mode()).sample
    differs = [
        (wanted[0] != other).any(dim=0).float().mean() for other in (weave_crop(made[0], with_yarns[0]), with_yarns[0])
    ]
    assert differs[0] < 0.02  # not 0, due to rounding in bf16
    assert differs[1] > 0.1
    assert torch.equal(wanted[1], without[0])
    assert torch.allclose(denoised[1], latents[1], atol=0.05)
    assert not torch.allclose(denoised[0], latents[0], atol=0.1)


@pytest.mark.slow
def test_a_share_of_batches_is_not_denoised(tokenizers):
    met: list[float] = []
    recipe = dataclasses.replace(TINY_DECODER, batch=1, crops_each=1, clean_share=0.5)
    training = DecoderTraining(build_tiny(tokenizers).vae, CPU, lambda noisy, sigma: met.append(sigma) or noisy, recipe)
    for number in range(40):
        training._denoise_batch(number)
    assert 10 < len(met) < 27


@pytest.mark.slow
def test_denoised_batches_are_cached_in_a_moving_window_and_get_new_noise_each_time(tokenizers):
    training = DecoderTraining(build_tiny(tokenizers).vae, CPU, keep_noise, dataclasses.replace(TINY_DECODER, window=2))
    seen: dict[int, set[bytes]] = {}
    training.vae.decoder.register_forward_pre_hook(
        lambda module, given: seen.setdefault(max(training._cache), set()).add(given[0].numpy().tobytes())
    )
    for step in range(30):
        with torch.no_grad():
            training.rebuild_batch(step)
        assert len(training._cache) <= 2
        assert max(training._cache) >= step // 3 - 2
    assert sum(len(ones) for ones in seen.values()) == 30


@pytest.mark.slow
def test_a_resumed_decoder_training_equals_an_uninterrupted_one(tokenizers, tmp_path: Path):
    def build(vae) -> DecoderTraining:
        return DecoderTraining(vae, CPU, keep_noise, TINY_DECODER)

    whole, cut = build(build_tiny(tokenizers).vae), build(build_tiny(tokenizers).vae)
    for _ in range(8):
        whole.advance()
    for _ in range(5):
        cut.advance()
    save_state(cut.state(), tmp_path / "decoder.pt")
    later = build(cut.vae)
    later.load(load_state(tmp_path / "decoder.pt"))
    for _ in range(3):
        later.advance()
    wanted, found = read_weights(whole), read_weights(later)
    assert all(torch.equal(wanted[key], found[key]) for key in wanted)


def test_a_crop_is_woven_in_the_nearest_yarns_with_a_preference_for_the_designs_own():
    yarns = torch.tensor([[-1.0, -1.0, -1.0], [0.0, 0.0, 0.0], [1.0, 1.0, 1.0]])
    knots = torch.zeros(12, 12, dtype=torch.long)
    knots[:, 6:] = 2
    knots[0, 0] = 1  # an orphan of the design, which stays
    design = yarns[knots].permute(2, 0, 1)
    drawn = design + 0.2 * torch.rand(design.shape, generator=torch.Generator().manual_seed(0))
    drawn[:, 4:8, 1:4] = 1.0  # redrawn
    drawn[:, 4:8, 8:10] = 0.45  # slightly nearer to the middle yarn than to the design's own
    drawn[:, 10, 2] = 0.9  # an orphan that the design does not have
    wanted = knots.clone()
    wanted[4:8, 1:4] = 2
    woven = weave_crop(drawn, design)
    assert torch.allclose(woven, yarns[wanted].permute(2, 0, 1), atol=1 / 127)  # colours of 8 bits
    assert weave_crop(drawn, torch.rand(3, 12, 12, generator=torch.Generator().manual_seed(0))) is None
