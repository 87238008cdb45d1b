"""Training runs: resumed, interrupted, started from a model."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from studio.errors import InputError
from studio.optimisation.training_state import load_state, save_state
from studio.training import architecture
from studio.training.autoencoder import AutoencoderTraining
from studio.training.builtin import PhaseRun, build_training, open_parts, train_builtin, train_phase
from studio.training.checkpoint import export_parts, load_parts
from tests.support.tiny_models import (
    CPU,
    TINY_VAE,
    build_recolouring,
    build_tiny,
    build_vae,
    few_held_out_designs,
    read_weights,
    tokenizers,
    two_threads,
)

__all__ = ["few_held_out_designs", "tokenizers", "two_threads"]


def test_a_smaller_vae_is_widened_when_the_model_is_opened(tokenizers, tmp_path: Path):
    parts = build_tiny(tokenizers)
    parts.vae = architecture.build_autoencoder((16, 24), layers=1)
    export_parts(parts, tmp_path / "model")
    small, opened = load_parts(tmp_path / "model").vae, open_parts(tmp_path / "model").vae
    assert tuple(opened.config.block_out_channels) == architecture.VAE_WIDTHS
    pictures = torch.rand(1, 3, 32, 48, generator=torch.Generator().manual_seed(0)) * 2 - 1
    wanted = small.encode(pictures).latent_dist.mode()
    assert torch.allclose(opened.encode(pictures).latent_dist.mode(), wanted, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("build", [build_vae, build_recolouring])
def test_a_resumed_training_equals_an_uninterrupted_one(build, tokenizers, tmp_path: Path):
    uncut = build(tokenizers)
    for step in range(6):
        if step == 2:
            uncut.schedule.cool_down_from, uncut.schedule.cool_down_steps = 2, 6
        uncut.advance()
        if step == 3:
            save_state(uncut.state(), tmp_path / "state.pt")
    resumed = build(tokenizers)
    resumed.load(load_state(tmp_path / "state.pt"))
    assert resumed.steps_done == 4
    for _ in range(2):
        resumed.advance()
    wanted, got = read_weights(uncut), read_weights(resumed)
    for key, value in wanted.items():
        assert torch.allclose(value, got[key], atol=1e-6), key
    for key, value in uncut.average.values.items():
        assert torch.allclose(value, resumed.average.values[key], atol=1e-6), key


@pytest.mark.slow
def test_a_run_writes_model_state_metrics_and_samples_and_the_next_run_continues(tokenizers, tmp_path: Path):
    output = tmp_path / "run"
    export_parts(build_tiny(tokenizers), output / "model")
    for run in (PhaseRun(output, 0.0, "vae"), PhaseRun(output, 0.0, "flow")):
        assert list(train_phase(run))[-1].saved
    with pytest.raises(InputError, match="--resume"):
        next(train_builtin(output, minutes=1))
    last = list(train_builtin(output, minutes=0, resume=True, phase="vae"))[-1]
    assert (last.phase, last.step) == ("vae", 2)
    lines = [json.loads(line) for line in (output / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(line["phase"], line["step"]) for line in lines] == [("vae", 1), ("flow", 1), ("vae", 2)]
    assert all(np.isfinite(line["loss"]) for line in lines)
    assert sorted(path.name for path in (output / "samples").iterdir()) == [
        "flow-0000001.png",
        "vae-0000001.png",
        "vae-0000002.png",
    ]
    config = load_parts(output / "model").vae.config
    assert config.scaling_factor != 1


@pytest.mark.slow
def test_a_training_from_a_model_without_training_state_starts_gently(tokenizers, tmp_path: Path):
    output = tmp_path / "run"
    export_parts(build_tiny(tokenizers), output / "model")
    for name in ("vae", "flow", "flow"):  # the second flow run keeps the schedule of the first
        list(train_phase(PhaseRun(output, 0.0, name)))
        assert load_state(output / "state" / f"{name}.pt")["schedule"]["peak"] == 0.7
    (output / "state" / "flow.pt").unlink()
    (output / "state" / "origin.json").write_text('{"from_model": false}', encoding="utf-8")
    list(train_phase(PhaseRun(output, 0.0, "flow")))
    assert load_state(output / "state" / "flow.pt")["schedule"]["peak"] == 1.0


@pytest.mark.slow
def test_the_state_of_a_smaller_vae_is_refused_with_advice(tokenizers, tmp_path: Path):
    parts = build_tiny(tokenizers)
    parts.vae = architecture.build_autoencoder((16, 24), layers=1)
    export_parts(parts, tmp_path / "model")
    save_state(AutoencoderTraining(parts.vae, CPU, TINY_VAE).state(), tmp_path / "state" / "vae.pt")
    with pytest.raises(InputError, match=r"Delete state/vae\.pt"):
        next(train_phase(PhaseRun(tmp_path, 0.0, "vae")))


def test_a_state_older_than_another_phase_of_the_vae_is_refused(tokenizers, tmp_path: Path):
    export_parts(build_tiny(tokenizers), tmp_path / "model")
    for name in ("decoder", "vae"):
        save_state({}, tmp_path / "state" / f"{name}.pt")
    os.utime(tmp_path / "state" / "decoder.pt", (1, 1))
    with pytest.raises(InputError, match=r"vae\.pt .* is newer than decoder\.pt"):
        next(train_phase(PhaseRun(tmp_path, 0.0, "decoder")))


def test_widening_a_vae_is_deterministic(tokenizers, tmp_path: Path):
    parts = build_tiny(tokenizers)
    parts.vae = architecture.build_autoencoder((16, 24), layers=1)
    export_parts(parts, tmp_path / "model")
    first, again = (open_parts(tmp_path / "model").vae.state_dict() for _ in range(2))
    assert all(torch.equal(first[key], again[key]) for key in first)


def test_each_phase_has_its_training(tokenizers):
    parts = build_tiny(tokenizers)
    assert [build_training(phase, parts, CPU).name for phase in ("vae", "decoder", "flow")] == [
        "vae",
        "decoder",
        "flow",
    ]
