"""Training of the VAE, its linear start and its widening."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from studio.optimisation.training_state import load_state, save_state
from studio.training import architecture
from studio.training.autoencoder import BROAD_BLOCKS, AutoencoderRecipe, AutoencoderTraining, draw_noise
from studio.training.builtin import build_training
from studio.training.crops import CropStream
from studio.training.losses import measure_loss, measure_yarns
from studio.training.pixels import measure_psnr, to_pixels
from studio.training.vae_initialisation import initialise_linear
from studio.training.vae_widening import widen_autoencoder
from tests.support.tiny_models import (
    CPU,
    TINY_VAE,
    build_tiny,
    build_vae,
    draw_batch,
    read_weights,
    tokenizers,
    two_threads,
)

__all__ = ["tokenizers", "two_threads"]


@pytest.mark.slow
def test_a_linear_start_reconstructs_unseen_crops():
    torch.manual_seed(0)
    stream = CropStream(16, 96, crops_each=4, designs=4)
    crops, unseen = stream.draw(0), stream.draw(10)
    vae = architecture.build_autoencoder()

    @torch.no_grad()
    def rebuild(pictures: torch.Tensor) -> np.ndarray:
        return to_pixels(vae.decode(vae.encode(pictures).latent_dist.mode()).sample)

    assert measure_psnr(to_pixels(unseen), rebuild(unseen)) < 12
    initialise_linear(vae, crops)
    assert measure_psnr(to_pixels(unseen), rebuild(unseen)) > 18
    # Half the contrast of the input gives about half the contrast of the output: no norm removes it.
    faint, strong = (rebuild(part * unseen).astype(float) - 127.5 for part in (0.4, 0.8))
    assert np.abs(strong - 2 * faint).mean() < 0.3 * np.abs(strong).mean()


@pytest.mark.parametrize("widths", [(8, 48), (16, 24), (16, 32, 48)])
def test_the_linear_start_refuses_other_architectures(widths):
    with pytest.raises(ValueError, match="linear start"):
        initialise_linear(architecture.build_autoencoder(widths), torch.zeros(1, 3, 32, 32))


def test_a_widened_vae_equals_the_smaller_one_and_its_channel_copies_get_different_gradients():
    torch.manual_seed(0)
    small, large = architecture.build_autoencoder((8, 16), layers=1), architecture.build_autoencoder((24, 32), layers=3)
    small.register_to_config(shift_factor=0.3, scaling_factor=0.7)
    pictures = torch.rand(2, 3, 32, 48) * 2 - 1
    widen_autoencoder(small, large)
    latents = small.encode(pictures).latent_dist.parameters
    assert torch.allclose(large.encode(pictures).latent_dist.parameters, latents, atol=1e-4)
    made = large.decode(latents[:, :4]).sample
    assert torch.allclose(made, small.decode(latents[:, :4]).sample, atol=1e-4)
    assert (large.config.shift_factor, large.config.scaling_factor) == (0.3, 0.7)
    made.square().mean().backward()
    gradient = large.decoder.conv_in.weight.grad
    assert not torch.allclose(gradient[:16], gradient[16:], rtol=0.05)


@pytest.mark.parametrize(
    ("before", "widths", "layers", "said"),
    [
        ((8, 16), (12, 16), 1, "multiples"),
        ((8, 16), (8, 16), 0, "larger VAE lacks"),
        ((16, 16), (16, 32), 1, "smaller VAE lacks .*conv_shortcut"),
    ],
)
def test_widening_refuses_incompatible_sizes(before, widths, layers, said):
    small, large = (
        architecture.build_autoencoder(before, layers=1),
        architecture.build_autoencoder(widths, layers=layers),
    )
    with pytest.raises(ValueError, match=said):
        widen_autoencoder(small, large)


PLAIN = dataclasses.replace(TINY_VAE, yarn_weight=0, exact_weight=0, flat_weight=0)
"""Without the yarn terms, which fluctuate over the first steps of a VAE with random weights."""


@pytest.mark.slow
def test_ten_steps_lower_the_loss_of_the_vae(tokenizers):
    training = AutoencoderTraining(build_tiny(tokenizers).vae, CPU, PLAIN)
    batch = draw_batch(0, PLAIN)

    def measure() -> float:
        with torch.no_grad():
            return measure_loss(
                training.vae.decode(training.vae.encode(batch).latent_dist.mean).sample, batch, PLAIN
            ).item()

    before = measure()
    for _ in range(10):
        training.advance()
    assert measure() < 0.9 * before


@pytest.mark.slow
def test_training_on_noisy_latents_makes_them_robust_to_noise():
    """After as many steps, a VAE trained with noise decodes noisy latents better than one trained with little."""
    wanted = draw_batch(40, TINY_VAE)
    noise = torch.randn((2, 4, 24, 24), generator=torch.Generator().manual_seed(0))

    @torch.no_grad()
    def measure(vae) -> float:
        latents = vae.encode(wanted).latent_dist.mean
        return measure_loss(vae.decode(latents + 0.4 * latents.std() * noise).sample, wanted, PLAIN).item()

    losses = []
    for latent_noise in (0.05, 0.45):
        recipe = dataclasses.replace(PLAIN, latent_noise=latent_noise, broad_noise=0.0, low_noise_share=0.0)
        torch.manual_seed(0)
        training = AutoencoderTraining(architecture.build_autoencoder(layers=3), CPU, recipe)  # shallow, to learn fast
        for _ in range(24):
            training.advance()
        losses.append(measure(training.vae))
    assert losses[1] < 0.95 * losses[0]


def test_noise_exceeds_white_noise_at_low_frequencies():
    """Means over n x n blocks of white noise have 1 / n of its standard deviation."""
    white, pink = (draw_noise((48, 4, 64, 96), 5, broad) for broad in (0.0, 0.1))
    assert white.std() == pytest.approx(1, abs=0.01)
    kept = [(F.avg_pool2d(pink, side).std() * side / pink.std()).item() for side in BROAD_BLOCKS]
    assert kept == sorted(kept)
    assert kept == pytest.approx([1.19, 1.51, 2.05, 2.6], rel=0.1)
    assert F.avg_pool2d(white, 16).std().item() * 16 == pytest.approx(1, rel=0.1)


def test_noise_depends_on_its_seed_alone_and_its_blocks_have_random_offsets():
    assert torch.equal(draw_noise((2, 4, 24, 40), 7, 0.1), draw_noise((2, 4, 24, 40), 7, 0.1))
    edges = set()
    for seed in range(24):
        coarse = draw_noise((1, 4, 32, 32), seed, 0.1) - draw_noise((1, 4, 32, 32), seed, 0.0)
        steps = coarse.diff(dim=-1).abs().sum(dim=(0, 1, 2)) > 1e-4
        edges.add(int(steps.nonzero()[0]) % BROAD_BLOCKS[0])
    assert edges == set(range(BROAD_BLOCKS[0]))


def test_the_noise_is_relative_to_the_standard_deviation_of_the_latents(tokenizers):
    """Ten times larger latents get ten times larger noise, so that larger latents have no advantage."""
    training = build_vae(tokenizers)
    met: list[torch.Tensor] = []
    training.vae.decoder.register_forward_pre_hook(lambda module, given: met.append(given[0]))
    latents = []
    for _ in range(2):
        with torch.no_grad():
            training.rebuild_batch(3)
            latents.append(training.vae.encode(training.crops.draw(3)).latent_dist.mean)
            training.vae.encoder.conv_out.weight *= 10
            training.vae.encoder.conv_out.bias *= 10
    small, large = (drawn.float() - clean for drawn, clean in zip(met, latents, strict=True))
    assert (large.std() / small.std()).item() == pytest.approx(10, rel=0.05)


@pytest.mark.slow
def test_the_posterior_variance_is_small_after_training(tokenizers):
    parts = build_tiny(tokenizers)
    training = build_training("vae", parts, CPU)
    for _ in range(3):
        training.advance()
    spread = parts.vae.encode(draw_batch(0, TINY_VAE)).latent_dist
    assert spread.std.max() < 0.02 < spread.mean.std()


@pytest.mark.slow
def test_a_resumed_vae_training_is_bit_identical_to_an_uninterrupted_one(tokenizers, tmp_path: Path):
    whole, cut = build_vae(tokenizers), build_vae(tokenizers)
    for _ in range(4):
        whole.advance()
    for _ in range(2):
        cut.advance()
    save_state(cut.state(), tmp_path / "vae.pt")
    later = AutoencoderTraining(cut.vae, CPU, TINY_VAE)
    later.load(load_state(tmp_path / "vae.pt"))
    for _ in range(2):
        later.advance()
    wanted, found = read_weights(whole), read_weights(later)
    assert all(torch.equal(wanted[key], found[key]) for key in wanted)


def test_the_exact_term_penalises_many_small_errors_more_than_one_large_error():
    """Ten columns with a small error and one with ten times that error have equal L1."""
    wanted = torch.zeros(1, 3, 16, 16)
    little, much = wanted.clone(), wanted.clone()
    little[..., :10], much[..., 0] = 0.05, 0.5
    plain, exact = (AutoencoderRecipe(yarn_weight=0, exact_weight=weight) for weight in (0, 1))
    right, little_more, much_more = (
        measure_loss(one, wanted, exact) - measure_loss(one, wanted, plain) for one in (wanted, little, much)
    )
    assert little_more - right > 2 * (much_more - right)


def test_confusion_is_the_cross_entropy_of_the_right_yarn():
    yarns = torch.tensor([[-1.0, -1.0, -1.0], [1.0, 1.0, 1.0]])
    wanted = yarns[torch.tensor([[0, 1], [1, 0]])].permute(2, 0, 1)[None]

    def confuse(made: torch.Tensor, picture: torch.Tensor = wanted) -> float:
        return measure_yarns(made, picture, 0.04)[0].item()

    assert confuse(wanted) < 1e-6
    assert confuse(torch.zeros_like(wanted)) == pytest.approx(math.log(2), rel=1e-3)  # yarns are rounded to 8 bits
    assert confuse(0.5 * wanted) < 0.01
    assert confuse(-wanted) > 50
    many = torch.rand((1, 3, 8, 8), generator=torch.Generator().manual_seed(0)) * 2 - 1
    assert confuse(-many, many) == 0


def test_straying_is_the_distance_to_the_nearest_yarn_right_or_wrong():
    yarns = torch.tensor([[-1.0, -1.0, -1.0], [1.0, 1.0, 1.0]])
    wanted = yarns[torch.tensor([[0, 1], [1, 0]])].permute(2, 0, 1)[None]
    right, other, halfway = (measure_yarns(part * wanted, wanted, 0.04)[1].item() for part in (1, -1, 0))
    assert right == pytest.approx(0.1, abs=0.01)  # the root of the softening
    assert other == pytest.approx(right)
    assert halfway == pytest.approx(3**0.25, rel=0.01)
