"""Flow training of the transformer and the text encoders."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from studio.training import architecture
from studio.training.flow import BROAD_BLOCKS, FlowModel, FlowRecipe, draw_sigmas
from tests.support.tiny_models import CPU, build_flow, build_tiny, tokenizers, two_threads

__all__ = ["tokenizers", "two_threads"]


def test_few_sigmas_are_in_the_noisiest_range():
    rng = np.random.default_rng(0)
    sigmas = np.concatenate([draw_sigmas(rng, 8, FlowRecipe()) for _ in range(500)])
    assert sigmas.min() >= 0
    assert sigmas.max() <= 1
    assert 0.05 < np.mean(sigmas > 0.85) < 0.11
    assert abs(np.mean(sigmas[sigmas <= 0.85]) - 0.425) < 0.01


def test_the_scheduler_integrates_the_velocity_back_to_the_picture():
    scheduler = architecture.build_scheduler()
    scheduler.set_timesteps(12, mu=0.3)
    generator = torch.Generator().manual_seed(0)
    wanted = torch.randn(1, 8, 16, 16, generator=generator)
    noise = torch.randn(1, 8, 16, 16, generator=generator)
    sample = scheduler.scale_noise(wanted, scheduler.timesteps[4:5], noise)
    scheduler.set_begin_index(4)
    for time in scheduler.timesteps[4:]:
        sample = scheduler.step(noise - wanted, time, sample, return_dict=False)[0]
    assert torch.allclose(sample, wanted, atol=1e-5)


def test_the_loss_of_the_true_velocity_is_zero(tokenizers, monkeypatch: pytest.MonkeyPatch):
    flow = build_flow(tokenizers)
    batch = flow.stream.draw(0)
    assert torch.equal(batch.sources, batch.targets)
    noise = torch.randn(batch.targets.shape, generator=torch.Generator().manual_seed(1))
    sigmas, starts = torch.tensor([0.3, 0.8]), torch.tensor([0.9, 0.5])
    monkeypatch.setattr(flow.model, "predict_velocity", lambda noisy, texts, sigmas: noise - batch.targets)
    fine, broad = flow._measure(batch, batch.captions, sigmas, starts, noise)
    assert max(fine, *broad) < 1e-9
    monkeypatch.setattr(flow.model, "predict_velocity", lambda noisy, texts, sigmas: batch.targets - noise)
    fine, broad = flow._measure(batch, batch.captions, sigmas, starts, noise)
    assert min(fine, *broad) > 1


def test_a_recoloured_path_leads_from_the_noisy_source_to_the_target(tokenizers, monkeypatch: pytest.MonkeyPatch):
    """Euler steps along the target velocity, as in img2img, reach the target from any start."""
    flow = build_flow(tokenizers, recoloured_share=1.0)
    batch = flow.stream.draw(0)
    assert batch.recoloured.all()
    assert not torch.equal(batch.sources, batch.targets)
    noise = torch.randn(batch.targets.shape, generator=torch.Generator().manual_seed(1))
    starts = torch.tensor([0.5, 0.9])
    start = starts.view(-1, 1, 1, 1)
    z = (1 - start) * batch.sources + start * noise
    seen: list[torch.Tensor] = []

    def predict(noisy: torch.Tensor, texts: list[str], sigmas: torch.Tensor) -> torch.Tensor:
        seen.append(noisy)
        return (noisy - batch.targets) / sigmas.view(-1, 1, 1, 1)

    monkeypatch.setattr(flow.model, "predict_velocity", predict)
    for part in (1.0, 0.5):
        # The model's input at this sigma is the current point of the path, and its velocity is the target velocity.
        assert flow._measure(batch, batch.captions, part * starts, starts, noise)[0].item() < 1e-9
        assert torch.allclose(seen[-1], z, atol=1e-5)
        z = z - 0.5 * start * predict(z, batch.captions, part * starts)
    assert torch.allclose(z, batch.targets, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("recoloured_share", [0.0, 1.0])
def test_ten_steps_lower_the_loss_of_the_flow(tokenizers, recoloured_share):
    flow = build_flow(tokenizers, recoloured_share)
    batch = flow.stream.draw(0)
    noise = torch.randn(batch.targets.shape, generator=torch.Generator().manual_seed(1))
    sigmas, starts = torch.tensor([0.4, 0.7]), torch.tensor([0.6, 0.8])
    with torch.no_grad():
        before = flow._weigh(*flow._measure(batch, batch.captions, sigmas, starts, noise)).item()
        for _ in range(10):
            with torch.enable_grad():
                flow.advance()
        after = flow._weigh(*flow._measure(batch, batch.captions, sigmas, starts, noise)).item()
    assert after < 0.98 * before


def test_sampling_without_a_caption_takes_steps_of_a_tenth(tokenizers, monkeypatch: pytest.MonkeyPatch):
    model = FlowModel(build_tiny(tokenizers), CPU)
    seen: list[float] = []
    wanted = torch.zeros(2, 4, 16, 16)

    def predict(noisy: torch.Tensor, texts: list[str], sigmas: torch.Tensor) -> torch.Tensor:
        assert texts == ["", ""]
        seen.append(round(sigmas[0].item(), 3))
        return (noisy - wanted) / sigmas.view(-1, 1, 1, 1)

    monkeypatch.setattr(model, "predict_velocity", predict)
    assert torch.allclose(model.sample_captionless(torch.ones(2, 4, 16, 16), 0.4), wanted, atol=1e-6)
    assert seen == [0.4, 0.3, 0.2, 0.1]


@pytest.mark.parametrize("steps", [5, 6])
def test_sampling_shifts_the_latents_and_shifts_them_back(tokenizers, monkeypatch: pytest.MonkeyPatch, steps: int):
    """A translation-invariant model gives the same result from every corner."""
    flow, latents, shown = build_flow(tokenizers), torch.randn(2, 8, 16, 24), []

    def predict(noisy: torch.Tensor, texts: list[str], sigmas: torch.Tensor) -> torch.Tensor:
        shown.append(noisy)
        return noisy.tanh()

    monkeypatch.setattr(flow.model, "predict_velocity", predict)
    denoised, straight = flow.model.sample(latents, ["", ""], 0.5, steps), latents
    for _ in range(steps):
        straight = straight - 0.5 / steps * straight.tanh()
    assert torch.allclose(denoised, straight, atol=1e-6)
    assert not torch.allclose(shown[1], latents - 0.5 / steps * latents.tanh())


def test_the_broad_loss_of_white_noise_is_one_at_every_block_size(tokenizers, monkeypatch: pytest.MonkeyPatch):
    """The broad loss of a constant error of 1 is the square of the block's side."""
    flow = build_flow(tokenizers)
    batch = flow.stream.draw(0)
    shape = (2, batch.targets.shape[1], 32, 32)
    batch = replace(batch, sources=torch.zeros(shape), targets=torch.zeros(shape))
    sigmas, noise = torch.full((2,), 0.5), torch.zeros(shape)
    errors = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    monkeypatch.setattr(flow.model, "predict_velocity", lambda noisy, texts, sigmas: errors)
    fine, broad = flow._measure(batch, batch.captions, sigmas, sigmas, noise)
    assert torch.allclose(torch.stack([fine, *broad]), torch.ones(1 + len(BROAD_BLOCKS)), atol=0.4)
    errors = torch.ones(shape)
    fine, broad = flow._measure(batch, batch.captions, sigmas, sigmas, noise)
    assert torch.allclose(torch.stack([fine, *broad]), torch.tensor([1.0, *(side**2 for side in BROAD_BLOCKS)]))


def test_recoloured_examples_have_no_broad_loss(tokenizers, monkeypatch: pytest.MonkeyPatch):
    flow = build_flow(tokenizers, recoloured_share=1.0)
    batch = flow.stream.draw(0)
    assert batch.recoloured.all()
    sigmas, noise = torch.full((2,), 0.5), torch.zeros(batch.targets.shape)
    monkeypatch.setattr(flow.model, "predict_velocity", lambda noisy, texts, sigmas: torch.ones(noisy.shape))
    fine, broad = flow._measure(batch, batch.captions, sigmas, sigmas, noise)
    assert fine > 0
    assert not broad.any()
    alone = replace(batch, sources=batch.targets, recoloured=torch.tensor([False, False]))
    mixed = replace(alone, recoloured=torch.tensor([True, False]))
    _, wanted = flow._measure(alone, batch.captions, sigmas, sigmas, noise)
    _, broad = flow._measure(mixed, batch.captions, sigmas, sigmas, noise)
    shares = (broad / wanted).tolist()
    assert all(0.05 < share < 0.95 for share in shares)
