"""The noise shift: each design gets the noise at which its variations differ as much as those of other designs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from studio.generation.noise_shift import (
    LEAST_SHIFT,
    MOST_SHIFT,
    PROBED_STRENGTH,
    WANTED_DIFFERENCE,
    Probe,
    choose_shift,
    shift_at,
)
from studio.generation.sampling import shift_sigma
from studio.generation.vae import Codec
from studio.models.pipeline_slot import LoadedPipeline, PipelineSlot
from studio.schema import AdapterUse, PipelineChoice
from studio.training.held_out_evaluation import draw_held_out_carpet
from studio.training.pixels import to_tensor
from tests.support.adapters import write_adapter
from tests.support.knots import as_design
from tests.support.pictures import draw_design
from tests.support.runs import draw, facts

CIRCLES, CLOUDS = 8, 5
"""Indices of held-out designs: one that noise hardly changes, and one that it destroys."""


@pytest.fixture
def loaded(slot: PipelineSlot):
    with slot.use(PipelineChoice("builtin"), lambda _stage: None) as pipeline, torch.no_grad():
        yield pipeline


def encode(loaded: LoadedPipeline, pixels: np.ndarray) -> torch.Tensor:
    return Codec(loaded.pipe).encode(to_tensor(pixels[None])).cpu()


def choose(loaded: LoadedPipeline, pixels: np.ndarray, report: Callable[[], None] = lambda: None) -> float:
    return choose_shift(loaded.pipe, Codec(loaded.pipe), loaded.prompts, encode(loaded, pixels), report)


def measure(loaded: LoadedPipeline, pixels: np.ndarray, shift: float) -> float:
    """Return the difference of two probes at this shift, with other noises than the studio's."""
    probe = Probe.begin(loaded.pipe, Codec(loaded.pipe), loaded.prompts, encode(loaded, pixels), seeds=(2, 3))
    return probe.measure_difference(shift_sigma(PROBED_STRENGTH, shift))


@pytest.mark.slow
def test_a_design_that_noise_hardly_changes_gets_a_shift_that_makes_a_difference(loaded: LoadedPipeline) -> None:
    circles = draw_held_out_carpet(CIRCLES).pixels
    shift = choose(loaded, circles)
    assert LEAST_SHIFT < shift < MOST_SHIFT
    assert measure(loaded, circles, 1.0) < 0.75 * WANTED_DIFFERENCE
    assert measure(loaded, circles, shift) == pytest.approx(WANTED_DIFFERENCE, abs=0.05)


@pytest.mark.slow
def test_a_design_that_noise_destroys_gets_no_shift(loaded: LoadedPipeline) -> None:
    clouds = draw_held_out_carpet(CLOUDS).pixels
    assert measure(loaded, clouds, LEAST_SHIFT) > WANTED_DIFFERENCE
    assert choose(loaded, clouds) == LEAST_SHIFT


@pytest.mark.slow
def test_two_halves_get_the_largest_shift_and_a_plain_design_none(loaded: LoadedPipeline) -> None:
    halves = np.full((128, 128, 3), 30, np.uint8)
    halves[:, 64:] = 220
    assert choose(loaded, halves) == MOST_SHIFT
    assert choose(loaded, np.full((128, 128, 3), 90, np.uint8)) == LEAST_SHIFT


def test_the_shift_grows_with_strength() -> None:
    """1 up to the strength that keeps the design; in full from the strength at which the shift was measured."""
    probed: list[int] = []
    shifts = [shift_at(strength, lambda: probed.append(1) or 2.0) for strength in (0.1, 0.4, 0.45, 0.5, 0.55, 0.6, 0.9)]
    assert shifts == pytest.approx([1.0, 1.0, 2**0.25, 2**0.5, 2**0.75, 2.0, 2.0])
    assert len(probed) == 5


def test_the_probes_noise_is_drawn_on_the_cpu_with_any_default_device(loaded: LoadedPipeline) -> None:
    """On a card the memory manager makes the card the default device of new tensors."""
    circles = draw_held_out_carpet(CIRCLES).pixels
    latents, codec = encode(loaded, circles), Codec(loaded.pipe)
    with torch.device("meta"):
        probe = Probe.begin(loaded.pipe, codec, loaded.prompts, latents)
    assert all(noise.device.type == "cpu" for noise in probe.noises)


@pytest.mark.slow
def test_every_pair_of_probes_is_reported(loaded: LoadedPipeline) -> None:
    """So that a run can be stopped between them."""
    told: list[int] = []
    choose(loaded, draw_held_out_carpet(CIRCLES).pixels, lambda: told.append(1))
    assert len(told) == 3


@pytest.mark.slow
def test_an_adapter_does_not_change_the_noise(slot: PipelineSlot, tmp_path) -> None:
    """Runs whose settings differ only in the adapter begin with the same noise."""
    design, folder = as_design(draw_held_out_carpet(CIRCLES).pixels), str(write_adapter(tmp_path / "carpet-lora", slot))
    draw(slot, draw_design(128, 128), adapter=AdapterUse(folder, 1.0), steps=1)
    adapted = facts(draw(slot, design, adapter=AdapterUse(folder, 1.0), steps=1)).shift
    assert facts(draw(slot, design, steps=1)).shift == adapted
    assert LEAST_SHIFT < adapted < MOST_SHIFT  # not an end of the range, where all would be equal
