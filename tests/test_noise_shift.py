"""The noise that a design is given: as much as changes it as much as others, found by looking through it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from studio.codec import Codec
from studio.evaluation.structure import read_structure
from studio.models.slot import LoadedPipeline, PipelineSlot
from studio.noise_shift import MOST_SHIFT, PROBED_STRENGTH, WANTED_CHANGE, Probe, choose_shift, shift_sigma
from studio.requests import AdapterUse, PipelineChoice
from studio.training.figures import draw_held_out_carpet
from tests.adapters import write_adapter
from tests.conftest import draw_design
from tests.test_engine import draw, facts

KILIM, PATCHWORK = 1, 9
"""Places of held-out designs: one that noise hardly changes, and one that it takes to pieces."""


@pytest.fixture
def loaded(slot: PipelineSlot):
    with slot.use(PipelineChoice("builtin"), lambda _stage: None) as pipeline, torch.no_grad():
        yield pipeline


def encode(loaded: LoadedPipeline, picture: Image.Image) -> torch.Tensor:
    return Codec(loaded.pipe).encode(loaded.pipe.image_processor.preprocess(picture)).cpu()


def choose(loaded: LoadedPipeline, picture: Image.Image) -> float:
    return choose_shift(loaded.pipe, Codec(loaded.pipe), loaded.prompts, encode(loaded, picture), picture)


def measure(loaded: LoadedPipeline, picture: Image.Image, shift: float) -> float:
    """Return how much noise of this shift changes, of another seed than the studio's."""
    latents = encode(loaded, picture)
    noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(1))
    probe = Probe(loaded.pipe, Codec(loaded.pipe), loaded.prompts, latents, noise, read_structure(picture))
    return probe.measure_change(shift_sigma(PROBED_STRENGTH, shift))


def test_a_design_that_holds_gets_the_noise_that_changes_it(loaded: LoadedPipeline) -> None:
    kilim = Image.fromarray(draw_held_out_carpet(KILIM).pixels)
    shift = choose(loaded, kilim)
    assert 1.3 < shift < MOST_SHIFT
    assert measure(loaded, kilim, 1.0) < 0.5 * WANTED_CHANGE
    assert measure(loaded, kilim, shift) == pytest.approx(WANTED_CHANGE, abs=0.05)


def test_a_design_that_falls_apart_gets_no_more_than_its_strength_says(loaded: LoadedPipeline) -> None:
    patchwork = Image.fromarray(draw_held_out_carpet(PATCHWORK).pixels)
    assert measure(loaded, patchwork, 1.0) > WANTED_CHANGE
    assert choose(loaded, patchwork) == 1


def test_what_no_noise_changes_gets_the_most_and_a_plain_sheet_none(loaded: LoadedPipeline) -> None:
    halves = np.full((128, 128, 3), 30, np.uint8)
    halves[:, 64:] = 220
    assert choose(loaded, Image.fromarray(halves)) == MOST_SHIFT
    assert choose(loaded, Image.new("RGB", (128, 128), (120, 40, 40))) == 1


def test_sigmas_are_shifted_as_the_scheduler_shifts_them(loaded: LoadedPipeline) -> None:
    scheduler = loaded.pipe.scheduler
    scheduler.set_timesteps(sigmas=[0.6], mu=float(np.log(1.8)))
    assert shift_sigma(0.6, 1.8) == pytest.approx(float(scheduler.sigmas[0]), abs=1e-6)


def test_an_adapter_changes_nothing_about_the_noise(slot: PipelineSlot, tmp_path) -> None:
    """Settings that differ in the adapter alone begin with the same noise."""
    design, folder = draw_design(128, 160, seed=77), str(write_adapter(tmp_path / "carpet-lora", slot))
    draw(slot, draw_design(128, 128), adapter=AdapterUse(folder, 1.0))
    adapted = facts(draw(slot, design, adapter=AdapterUse(folder, 1.0))).shift
    assert facts(draw(slot, design)).shift == adapted
