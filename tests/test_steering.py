"""The constraints as they act on latents: mirrors are found, rolls undone, kept parts known at every step."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from studio.designs import plan_canvas
from studio.designs.weave_plan import plan_weave
from studio.requests import Constraints
from studio.steering import MARGIN_CELLS, Steering, fit_mirror, soften_mask
from tests.test_weaving import as_design

CHANNELS = 6


def make_latents(height: int = 12, width: int = 16, seed: int = 0) -> torch.Tensor:
    return torch.randn(1, CHANNELS, height, width, generator=torch.Generator().manual_seed(seed))


def make_mixing() -> torch.Tensor:
    """Make an orthogonal matrix that undoes itself, as mirroring twice does."""
    normal = torch.nn.functional.normalize(make_latents(1, 1, 7).flatten(), dim=0)
    return torch.eye(CHANNELS) - 2 * torch.outer(normal, normal)


def mirror_truly(latents: torch.Tensor, dim: int) -> torch.Tensor:
    return torch.einsum("oc,bchw->bohw", make_mixing(), latents.flip(dim))


def steering(design, constraints, latents=None):
    plan = plan_weave(design, constraints)
    canvas = plan_canvas(64, 48, working_pixels=10_000, multiple_px=4, smallest_px=32, repeat=plan.closed_repeat)
    return Steering(plan, canvas, make_latents() if latents is None else latents, ())


@pytest.fixture
def design():
    return as_design(np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8))


@pytest.mark.parametrize("dim", [2, 3])
def test_the_mirror_of_latents_is_found_with_its_channels(dim):
    latents = make_latents()
    mirror = fit_mirror(latents, mirror_truly(latents, dim), dim, latents.shape[dim] - 1)
    assert torch.allclose(mirror.mixing, make_mixing(), atol=1e-5)
    other = make_latents(seed=5)
    assert torch.allclose(mirror.flip(other), mirror_truly(other, dim), atol=1e-5)
    for symmetric in (mirror.copy_half(other), mirror.balance(other)):
        assert torch.allclose(mirror.flip(symmetric), symmetric, atol=1e-5)


def test_noise_stays_noise_when_it_is_mirrored():
    latents = make_latents(64, 64)
    mirror = fit_mirror(latents, mirror_truly(latents, 3), 3, 63)
    noise = mirror.copy_half(make_latents(64, 64, 9))
    assert noise.std() == pytest.approx(1, abs=0.03)
    assert noise.mean() == pytest.approx(0, abs=0.03)


def test_an_axis_off_the_middle_leaves_cells_without_partner_alone():
    latents = make_latents()
    mirrored = torch.einsum("oc,bchw->bohw", make_mixing(), latents.index_select(3, (13 - torch.arange(16)).clamp(0)))
    mirror = fit_mirror(latents, mirrored, 3, 13)
    other = make_latents(seed=5)
    assert torch.equal(mirror.copy_half(other)[..., 14:], other[..., 14:])
    assert torch.equal(mirror.copy_half(other)[..., :7], other[..., :7])
    assert not torch.equal(mirror.copy_half(other)[..., 7:14], other[..., 7:14])


def test_a_mirror_that_explains_nothing_is_left_out():
    assert fit_mirror(make_latents(40, 40), make_latents(40, 40, 3), 3, 39) is None


@pytest.mark.parametrize("repeat", ["straight", "half-drop", "brick"])
def test_turned_latents_come_back_at_the_next_step(design, repeat):
    steer, latents = steering(design, Constraints(repeat=repeat)), make_latents()
    steer.begin(latents)
    turned = [steer.turn(latents, last=False)]
    for _ in range(3):
        assert torch.equal(steer.settle(turned[-1], 0.5), latents)
        turned.append(steer.turn(latents, last=False))
    assert len({tuple(one.flatten().tolist()) for one in turned}) == len(turned)  # never from the same corner
    assert torch.equal(steer.turn(latents, last=True), latents)


@pytest.mark.parametrize(("repeat", "drop"), [("straight", 0), ("half-drop", 6)])
def test_the_decoder_sees_the_neighbouring_repeats(design, repeat, drop):
    steer, latents = steering(design, Constraints(repeat=repeat)), make_latents()
    around = steer.surround(latents)
    m = steer.margin_cells
    assert m == MARGIN_CELLS
    assert torch.equal(around[..., m:-m, m:-m], latents)
    assert torch.equal(around[..., m:-m, m + 16 :], torch.roll(latents, drop, dims=2))  # a whole tile to the right


def test_the_kept_part_is_known_at_every_step(design):
    clean = make_latents(seed=2)
    steer = steering(design, Constraints(keep="rectangle", rectangle=(0, 0, 24, 48)), clean)
    noise = steer.begin(make_latents(seed=3))
    settled = steer.settle(make_latents(seed=4), 0.25)
    assert torch.allclose(settled[..., :6], (0.75 * clean + 0.25 * noise)[..., :6])
    assert torch.equal(settled[..., 8:], make_latents(seed=4)[..., 8:])
    assert torch.allclose(steer.settle(settled, 0.0)[..., :6], clean[..., :6])


def test_a_mask_fades_outwards_only():
    kept = np.zeros((48, 64), bool)
    kept[:, :24] = True
    canvas = plan_canvas(64, 48, working_pixels=10_000, multiple_px=4, smallest_px=32)
    mask = soften_mask(kept, canvas, (12, 16))[0, 0, 5]
    assert (mask[:6] == 1).all()
    assert (mask.diff() <= 0).all()
    assert 0 < mask[6] < 1
    assert (mask[9:] == 0).all()
