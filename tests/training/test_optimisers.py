"""Optimisers, the learning-rate schedule, the EMA of the weights."""

from __future__ import annotations

import pytest
import torch

from studio.training.optimisers import Muon, Schedule, orthogonalise
from tests.support.tiny_models import build_vae, read_weights, tokenizers, two_threads

__all__ = ["tokenizers", "two_threads"]


def test_orthogonalised_matrices_have_singular_values_near_one():
    matrices = torch.randn(2, 24, 60, generator=torch.Generator().manual_seed(0))
    for given in (matrices, matrices.mT):
        values = torch.linalg.svdvals(orthogonalise(given))
        assert values.min() > 0.5
        assert values.max() < 1.5


@pytest.mark.parametrize("block", [None, 4])
def test_muon_lowers_a_quadratic_loss_of_matrices_and_convolutions(block):
    torch.manual_seed(0)
    weights = [torch.nn.Parameter(torch.randn(12, 20)), torch.nn.Parameter(torch.randn(8, 4, 3, 3))]
    muon = Muon(weights, block)
    before = sum(weight.square().sum().item() for weight in weights)
    for _ in range(20):
        sum(weight.square().sum() for weight in weights).backward()
        muon.step(0.1)
        for weight in weights:
            weight.grad = None
    assert sum(weight.square().sum().item() for weight in weights) < 0.5 * before


def test_the_schedule_warms_up_stays_constant_and_cools_down():
    schedule = Schedule(warm_up_steps=10)
    assert [schedule.factor(step) for step in (0, 4, 9, 10_000)] == [0.1, 0.5, 1.0, 1.0]
    assert not schedule.ended(10_000)
    schedule.cool_down_from, schedule.cool_down_steps = 10_000, 99
    assert schedule.factor(10_000) == pytest.approx(0.99)
    assert schedule.factor(10_098) == pytest.approx(0.01)
    assert [schedule.ended(step) for step in (10_098, 10_099)] == [False, True]


def test_a_gentle_schedule_has_a_longer_warm_up_and_a_lower_peak_and_can_be_saved():
    schedule = Schedule(warm_up_steps=10, cool_down_from=0, cool_down_steps=999)
    schedule.restart_gently()
    assert schedule.factor(0) == pytest.approx(0.7 / 40, rel=0.01)
    assert max(schedule.factor(step) for step in range(1000)) == pytest.approx(0.7 * 0.96, rel=0.01)
    kept = Schedule(warm_up_steps=10)
    kept.load_state_dict(schedule.state_dict())
    assert kept == schedule


@pytest.mark.slow
def test_the_average_is_swapped_in_and_out(tokenizers):
    training = build_vae(tokenizers)
    for _ in range(3):
        training.advance()
    before = read_weights(training)
    training.average.swap()
    averaged = read_weights(training)
    training.average.swap()
    after = read_weights(training)
    assert any(not torch.equal(before[key], averaged[key]) for key in before)
    assert all(torch.equal(before[key], after[key]) for key in before)
