from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from studio.optimisation.running_average import RunningAverage
from studio.optimisation.training_state import load_state, save_state


def test_the_average_follows_the_weights_by_its_decay_which_rises_to_the_wanted_one() -> None:
    layer = nn.Linear(1, 1, bias=False)
    layer.weight.data.fill_(0.0)
    average = RunningAverage({"layer": layer}, 0.5)
    expected = 0.0
    for step in range(30):
        layer.weight.data.fill_(float(step))
        average.update(step)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * step
    assert float(average.values["layer.weight"]) == pytest.approx(expected)


def test_swapping_twice_restores_the_weights() -> None:
    layer = nn.Linear(2, 2)
    before = layer.weight.detach().clone()
    average = RunningAverage({"layer": layer}, 0.9)
    layer.weight.data += 1
    average.swap()
    assert torch.equal(layer.weight, before)
    average.swap()
    assert torch.equal(layer.weight, before + 1)


def test_weights_that_are_not_trained_take_no_memory_and_are_left_alone() -> None:
    frozen, trained = nn.Linear(2, 2).requires_grad_(False), nn.Linear(2, 2)
    average = RunningAverage({"frozen": frozen, "trained": trained}, trained_only=True)
    assert set(average.values) == {"trained.weight", "trained.bias"}


def test_a_state_is_read_as_it_was_written_and_its_file_runs_no_code(tmp_path: Path) -> None:
    save_state({"step": 3, "weights": {"a": torch.arange(4)}}, tmp_path / "state.pt")
    state = load_state(tmp_path / "state.pt")
    assert state["step"] == 3
    assert torch.equal(state["weights"]["a"], torch.arange(4))
    torch.save({"step": Path}, tmp_path / "hostile.pt")
    with pytest.raises(Exception, match="Weights only load failed"):
        load_state(tmp_path / "hostile.pt")
