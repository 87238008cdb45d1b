"""Held-out losses: the flow's arithmetic, the timestep, and noise that is the same each time."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from studio.adapter_evaluation.drawing import encode, find_size
from studio.adapter_evaluation.losses import (
    PARTS,
    SIGMAS,
    STARTS,
    list_paired_levels,
    measure_loss,
    measure_losses,
    measure_paired_losses,
)
from studio.carpets.generator import draw_carpet
from studio.models.pipeline_slot import PipelineSlot
from studio.models.prompts import TextEmbeds
from studio.schema import PipelineChoice
from tests.support.runs import make_latents

TEXT = TextEmbeds(torch.zeros(1, 3, 8), torch.zeros(1, 8))


class Oracle(torch.nn.Module):
    """A transformer that knows the clean latents: from any place of a straight way to them, the way's velocity."""

    def __init__(self, clean: torch.Tensor, off: float = 0.0) -> None:
        super().__init__()
        self.clean, self.off = clean, off
        self.timesteps: list[float] = []

    def forward(self, hidden_states: torch.Tensor, timestep: torch.Tensor, **_given: object) -> tuple[torch.Tensor]:
        self.timesteps.append(float(timestep))
        return ((hidden_states - self.clean) / (timestep / 1000) + self.off,)


class Still(torch.nn.Module):
    """A transformer that answers 0, so that the loss is the mean square of the true velocity."""

    def forward(self, hidden_states: torch.Tensor, **_given: object) -> tuple[torch.Tensor]:
        return (torch.zeros_like(hidden_states),)


def as_pipe(transformer: torch.nn.Module) -> SimpleNamespace:
    return SimpleNamespace(transformer=transformer, _execution_device=torch.device("cpu"))


def test_the_true_velocity_has_no_loss_and_a_known_error_its_square() -> None:
    clean = make_latents()
    exact = measure_losses(as_pipe(Oracle(clean)), [clean], [TEXT], SIGMAS, 0)
    assert exact.shape == (1, len(SIGMAS))
    assert exact.abs().max() < 1e-9
    wrong = measure_losses(as_pipe(Oracle(clean, off=0.5)), [clean], [TEXT], SIGMAS, 0)
    assert wrong.numpy() == pytest.approx(0.25, rel=1e-3)


def test_the_transformer_is_told_a_thousand_times_sigma() -> None:
    oracle = Oracle(make_latents())
    measure_losses(as_pipe(oracle), [make_latents()], [TEXT], (0.1, 0.75), 0)
    assert oracle.timesteps == pytest.approx([100, 750])


def test_a_paired_way_leads_from_the_noisy_source_straight_to_its_variation() -> None:
    source, target = make_latents(seed=1), make_latents(seed=2)
    oracle = Oracle(target)
    losses = measure_paired_losses(as_pipe(oracle), [source], [target], [TEXT], 5)
    assert losses.shape == (1, len(STARTS) * len(PARTS))
    assert losses.abs().max() < 1e-9
    assert oracle.timesteps == pytest.approx([1000 * sigma for _, sigma in list_paired_levels()])
    elsewhere = measure_paired_losses(as_pipe(Oracle(source)), [source], [target], [TEXT], 5)
    assert elsewhere.min() > 0.5


def test_a_pair_of_one_picture_is_the_ordinary_flow() -> None:
    clean, oracle = make_latents(), Still()
    one = measure_loss(as_pipe(oracle), clean, clean, TEXT, level=(1.0, 0.3), seed=4)
    other = measure_loss(as_pipe(oracle), clean, clean, TEXT, level=(0.6, 0.3), seed=4)
    assert one == pytest.approx(other, rel=1e-5)


def test_noise_depends_on_the_seed_and_the_place_alone() -> None:
    first, second, oracle = make_latents(seed=1), make_latents(16, 12, seed=2), Still()
    both = measure_losses(as_pipe(oracle), [first, second], [TEXT, TEXT], (0.5,), 7)
    assert torch.equal(both[:1], measure_losses(as_pipe(oracle), [first], [TEXT], (0.5,), 7))
    assert torch.equal(both[1:], measure_losses(as_pipe(oracle), [second], [TEXT], (0.5,), 8))
    assert not torch.equal(both[:1], measure_losses(as_pipe(oracle), [first], [TEXT], (0.5,), 8))
    with pytest.raises(ValueError):
        measure_losses(as_pipe(oracle), [first], [], (0.5,), 7)


@pytest.mark.slow
def test_the_built_in_model_predicts_a_carpet_better_than_no_answer(slot: PipelineSlot) -> None:
    pixels = draw_carpet(3, 136, 150, "kilim").pixels
    with slot.use(PipelineChoice("builtin"), print) as loaded:
        latents = encode(loaded, pixels)
        cell = loaded.pipe.vae_scale_factor
        assert (cell * latents.shape[-1], cell * latents.shape[-2]) == find_size(loaded, pixels) == (128, 144)
        text = loaded.prompts.encode("kilim carpet", "", guided=False).text
        losses = measure_losses(loaded.pipe, [latents], [text], SIGMAS, 0)
        again = measure_losses(loaded.pipe, [latents], [text], SIGMAS, 0)
    assert torch.equal(losses, again)
    assert bool((losses < measure_losses(as_pipe(Still()), [latents], [text], SIGMAS, 0)).all())


@pytest.mark.slow
@pytest.mark.parametrize(("size", "expected"), [((2000, 1000), (832, 416)), ((40, 60), (128, 192))])
def test_pictures_are_encoded_within_the_models_limits(
    slot: PipelineSlot, size: tuple[int, int], expected: tuple[int, int]
) -> None:
    """Not above the area that the model draws at, nor below its shortest side, in whole multiples of 16."""
    with slot.use(PipelineChoice("builtin"), print) as loaded:
        width, height = find_size(loaded, np.zeros((*size[::-1], 3), np.uint8))
    assert (width, height) == expected
