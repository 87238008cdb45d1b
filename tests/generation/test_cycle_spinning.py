"""Cycle spinning: shifting there and back is lossless, and patch borders move from step to step."""

from __future__ import annotations

import pytest
import torch

from studio.generation.cycle_spinning import pick_corners, roll, spin
from studio.generation.sampling import sample_euler
from tests.support.runs import make_latents

PATCH = 4
SIGMAS = torch.linspace(0.8, 0, 8)


@pytest.mark.parametrize("repeat", ["straight", "half-drop", "brick"])
def test_rolling_there_and_back_changes_nothing(repeat):
    latents = make_latents()
    for row, column in pick_corners(*latents.shape[-2:], 9, PATCH, every=True)[1:]:
        rolled = roll(latents, (row, column), repeat)
        assert not torch.equal(rolled, latents)
        assert torch.equal(roll(rolled, (-row, -column), repeat), latents)


def test_a_repeat_is_shifted_at_every_step():
    corners = pick_corners(12, 16, 5, PATCH, every=True)
    assert corners[0] == (0, 0)
    assert len(set(corners)) == 5


def test_a_picture_is_shifted_at_every_other_step():
    corners = pick_corners(12, 16, 7, PATCH, every=False)
    assert set(corners[::2]) == {(0, 0)}
    assert len({*corners[1::2], (0, 0)}) == 4


def test_every_run_has_the_same_corners():
    first = pick_corners(12, 16, 9, PATCH, every=True)
    pick_corners.cache_clear()
    assert pick_corners(12, 16, 9, PATCH, every=True) == first


@pytest.mark.parametrize("sides", [(12, 16), (16, 16), (13, 24)])
def test_a_corner_never_lies_on_a_border_between_patches(sides):
    for row, column in pick_corners(*sides, 40, PATCH, every=True)[1:]:
        assert row % PATCH
        assert column % PATCH


@pytest.mark.parametrize("repeat", [None, "straight", "half-drop", "brick"])
def test_a_translation_invariant_model_gives_the_same_latents(repeat):
    plain = sample_euler(lambda latents, step: latents * step.sigma, make_latents(), SIGMAS)
    spun = sample_euler(spin(lambda latents, step: latents * step.sigma, repeat, PATCH), make_latents(), SIGMAS)
    assert torch.equal(spun, plain)


@pytest.mark.parametrize("repeat", [None, "straight"])
def test_the_models_input_begins_at_the_corner_of_the_step(repeat):
    seen, told = [], []

    def watch(latents, step):
        seen.append(latents)
        told.append(step.corner)
        return torch.zeros_like(latents)

    start = make_latents()
    sample_euler(spin(watch, repeat, PATCH), start, SIGMAS)
    corners = pick_corners(*start.shape[-2:], len(SIGMAS) - 1, PATCH, every=repeat is not None)
    assert all(torch.equal(one, roll(start, corner)) for one, corner in zip(seen, corners, strict=True))
    assert tuple(told) == corners  # so that what else belongs to places of the design can be rolled alike


def test_an_error_at_a_fixed_place_of_each_patch_is_spread():
    """An error at each patch's first latent stays there without spinning; with spinning a fifth of it remains."""
    grid = torch.zeros(1, 6, 12, 16)
    grid[..., ::PATCH, ::PATCH] = 1.0

    def err(latents, _step):
        return grid.expand_as(latents)

    plain, spun = (
        sample_euler(velocity, torch.zeros(1, 6, 12, 16), torch.linspace(1, 0, 41))
        for velocity in (err, spin(err, "straight", PATCH))
    )
    assert spun.std() < plain.std() / 3
