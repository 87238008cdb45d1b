"""Steps that see the cloth from another corner: nothing is lost on the way, and only a model's grid is seen of it."""

from __future__ import annotations

import pytest
import torch

from studio.generation.cycle_spinning import Turning
from tests.generation.test_steering import make_latents

PATCH = 4


def begin(repeat: str | None, steps: int = 99) -> Turning:
    turning = Turning(repeat, PATCH)
    turning.begin(steps)
    return turning


@pytest.mark.parametrize("repeat", ["straight", "half-drop", "brick"])
def test_the_steps_of_a_repeat_never_look_from_the_same_corner(repeat):
    turning, latents = begin(repeat), make_latents()
    turned = [turning.turn(latents)]
    for _ in range(3):
        assert torch.equal(turning.turn_back(turned[-1]), latents)
        turned.append(turning.turn(latents))
    assert len({tuple(one.flatten().tolist()) for one in turned}) == len(turned)


def test_a_sheet_is_seen_from_its_own_corner_at_every_other_step():
    turning, latents = begin(None), make_latents()
    assert torch.equal(turning.turn_back(latents), latents)  # the first step
    away = []
    for step in range(1, 7):
        shown = turning.turn(latents)
        assert torch.equal(turning.turn_back(shown), latents)
        assert torch.equal(shown, latents) == (step % 2 == 0)
        away += [shown] if step % 2 else []
    assert not torch.equal(away[0], away[1])
    assert not torch.equal(away[1], away[2])


@pytest.mark.parametrize("repeat", ["straight", None])
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_what_the_last_step_leaves_is_not_turned(repeat, steps: int):
    turning, latents = begin(repeat, steps), make_latents()
    shown = [latents]
    for _ in range(steps):
        shown.append(turning.turn(turning.turn_back(shown[-1])))
    assert torch.equal(shown[-1], latents)
    assert all(not torch.equal(one, latents) for one in shown[1:2] if steps > 1)


def test_every_run_turns_alike():
    turning, latents = Turning(None, PATCH), make_latents()
    runs = []
    for _ in range(2):
        turning.begin(9)
        runs.append([turning.turn(latents) for _ in range(3)])
    assert all(torch.equal(one, other) for one, other in zip(*runs, strict=True))


@pytest.mark.parametrize("sides", [(12, 16), (16, 16), (13, 24)])
def test_the_borders_of_patches_never_lie_where_they_lay(sides):
    """Where no side of a patch stays, none is seen."""
    rows = torch.arange(sides[0])[:, None].expand(sides)
    places = torch.stack([rows, torch.arange(sides[1]).expand(sides)])[None]
    turning = begin(None)
    for _ in range(20):
        down, right = turning.turn(places)[0, :, 0, 0].tolist()
        assert down % PATCH
        assert right % PATCH
        assert torch.equal(turning.turn(places), places)
