"""Constraints as projections of latents: mirrored pictures, and kept parts at every step."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from studio.carpets.generator import draw_carpet
from studio.designs import Canvas, Design, fit, plan_canvas
from studio.designs.weaving.plan import plan_weave
from studio.designs.weaving.weave import mirror_picture
from studio.generation.constraint_projection import PictureMirror, mirrored_steps, plan_projections, soften_mask
from studio.generation.sampling import Step
from studio.generation.vae import Codec, take_cells
from studio.models.pipeline_slot import PipelineSlot
from studio.schema import Constraints, PipelineChoice
from studio.training.pixels import to_tensor
from tests.support.knots import as_design
from tests.support.runs import make_latents


def loaded_picture(design: Design, canvas: Canvas) -> torch.Tensor:
    return to_tensor(np.asarray(fit(design.image, canvas))[None])


def project_with(design, constraints, latents=None):
    plan = plan_weave(design, constraints)
    canvas = plan_canvas(64, 48, working_pixels=10_000, multiple_px=4, smallest_px=32, repeat=plan.closed_repeat)
    (projection,) = plan_projections(plan, canvas, make_latents() if latents is None else latents, None)
    return projection


@pytest.fixture
def design():
    return as_design(np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8))


def mirror_of(slot: PipelineSlot, design: Design, symmetry: str) -> tuple[PictureMirror, Codec, Canvas]:
    with slot.use(PipelineChoice("builtin"), lambda _stage: None) as loaded:
        plan = plan_weave(design, Constraints(symmetry=symmetry))
        canvas = loaded.entry.plan_canvas(design)
        codec = Codec(loaded.pipe)
        return PictureMirror(codec, plan, canvas), codec, canvas


@pytest.mark.slow
@pytest.mark.parametrize(("width", "height"), [(128, 144), (100, 76)])
@pytest.mark.parametrize(("symmetry", "dims"), [("vertical", [3]), ("horizontal", [2]), ("quarter", [2, 3])])
def test_a_clean_estimate_is_mirrored_and_the_copied_half_stays(slot, symmetry, dims, width, height):
    drawn = draw_carpet(4, 192, 256, "medallion")
    design = as_design(np.ascontiguousarray(drawn.indices[40 : 40 + height, 20 : 20 + width]), drawn.palette)
    with torch.no_grad():
        mirror, codec, canvas = mirror_of(slot, design, symmetry)
        picture = loaded_picture(design, canvas)
        latents = codec.encode(picture)
        led = mirror.mirror(latents)
        left, top = canvas.left_px, canvas.top_px  # the smaller one is padded
        drawn, before = (codec.decode(one)[..., top : top + height, left : left + width] for one in (led, latents))
    first = np.s_[..., : (top + height // 2) // 2, : (left + width // 2) // 2]
    assert torch.equal(led[first], latents[first])
    if width == 100 and symmetry == "vertical":  # the padding reflects the picture beside it
        whole = codec.decode(led)
        edge, beyond = whole[..., left + width - 8 : left + width], whole[..., left + width : left + width + 8]
        assert (edge.flip(3) - beyond).abs().mean() < 0.1
    for dim in dims:
        assert (drawn - drawn.flip(dim)).abs().mean() < 0.35 * (before - before.flip(dim)).abs().mean()
    if symmetry != "quarter":
        other = 5 - dims[0]
        assert (drawn - drawn.flip(other)).abs().mean() > 0.8 * (before - before.flip(other)).abs().mean()


@pytest.mark.slow
@pytest.mark.parametrize("repeat", ["none", "straight"])
def test_a_clean_estimate_is_mirrored_about_an_axis_off_the_middle_and_across_the_seams_of_a_repeat(slot, repeat):
    """The measure is the pixels that the plan's mirror would still change."""
    half = np.random.default_rng(1).integers(0, 4, (16, 8), dtype=np.uint8).repeat(8, axis=0).repeat(8, axis=1)
    knots = np.concatenate([half, half[:, ::-1]], axis=1)
    yarns = np.array([[30, 40, 90], [200, 60, 50], [230, 220, 200], [60, 120, 70]], np.uint8)
    design = as_design(np.roll(knots, 4, axis=1) if repeat == "straight" else np.ascontiguousarray(knots[:, 8:]), yarns)
    plan = plan_weave(design, Constraints(symmetry="auto", repeat=repeat))
    assert plan.vertical
    drawn = as_design(
        np.random.default_rng(2).permuted(design.index_map.indices[::8, ::8], axis=1).repeat(8, 0).repeat(8, 1), yarns
    )
    with slot.use(PipelineChoice("builtin"), lambda _stage: None) as loaded, torch.no_grad():
        canvas = loaded.entry.plan_canvas(design, plan.closed_repeat)
        codec = Codec(loaded.pipe, plan.closed_repeat)
        latents = codec.encode(loaded_picture(drawn, canvas))
        led = PictureMirror(codec, plan, canvas).mirror(latents)
        inside = np.s_[..., canvas.top_px : canvas.top_px + 128, canvas.left_px : canvas.left_px + design.width_px]
        before, after = (codec.decode(one)[inside][0].permute(1, 2, 0).numpy() for one in (latents, led))

    def measure(picture: np.ndarray) -> float:
        return float(np.abs(picture - mirror_picture(picture, plan)).mean())

    assert measure(after) < 0.35 * measure(before)


@pytest.mark.parametrize(("repeat", "drop"), [("straight", 0), ("half-drop", 6)])
def test_a_tile_is_padded_with_its_neighbouring_repeats(repeat, drop):
    latents = make_latents()
    around = take_cells(latents, repeat, np.arange(-5, 17), np.arange(-5, 32))
    assert torch.equal(around[..., 5:-5, 5:21], latents)
    assert torch.equal(around[..., 5:-5, 21:], torch.roll(latents, drop, dims=2))  # a whole tile to the right


def make_step(number: int, count: int, next_sigma: float) -> Step:
    return Step(number, count, torch.tensor(1.0), torch.tensor(next_sigma))


def test_the_kept_part_equals_the_design_after_every_step(design):
    own = make_latents(seed=2)
    projection = project_with(design, Constraints(keep="rectangle", rectangle=(0, 0, 24, 48)), own)
    noise, drawn, estimate = make_latents(seed=3), make_latents(seed=4), make_latents(seed=5)
    latents, clean = projection.project(make_step(1, 4, 0.25), drawn, estimate, noise)
    assert torch.allclose(latents[..., :6], (0.75 * own + 0.25 * noise)[..., :6])
    assert torch.equal(latents[..., 8:], drawn[..., 8:])
    assert torch.allclose(clean[..., :6], own[..., :6])
    assert torch.equal(clean[..., 8:], estimate[..., 8:])
    last, _ = projection.project(make_step(4, 4, 0.0), latents, clean, noise)
    assert torch.allclose(last[..., :6], own[..., :6])


@pytest.mark.slow
@pytest.mark.parametrize("next_sigma", [0.3457, 0.1, 0.0])
def test_a_kept_part_in_16_bits_is_mixed_before_it_is_rounded(design, next_sigma):
    """Weights rounded to 16 bits would add to 1.002, and the clean estimate would lose the design's last digits."""
    own, noise = make_latents(seed=2), make_latents(seed=3).bfloat16()
    projection = project_with(design, Constraints(keep="rectangle", rectangle=(0, 0, 24, 48)), own)
    latents, clean = projection.project(
        make_step(1, 4, next_sigma), make_latents(seed=4).bfloat16(), make_latents(seed=5), noise
    )
    sigma = float(torch.tensor(next_sigma))
    exact = (1 - sigma) * own.bfloat16().double() + sigma * noise.double()
    error = (latents[..., :6].double() - exact[..., :6]).abs()
    assert latents.dtype == torch.bfloat16
    assert (error <= 2**-8 * (exact[..., :6].abs() + own[..., :6].abs() + noise[..., :6].abs())).all()
    assert error.square().mean().sqrt() < 2**-9 * exact[..., :6].square().mean().sqrt() * 1.5
    assert torch.equal(clean[..., :6], own[..., :6])


@pytest.mark.parametrize(("count", "mirrored"), [(1, 0), (2, 1), (3, 1), (7, 2), (28, 2)])
def test_a_clean_estimate_is_mirrored_at_most_twice_and_never_after_the_last_step(design, monkeypatch, count, mirrored):
    calls = []
    monkeypatch.setattr(PictureMirror, "__init__", lambda self, *parts: None)
    monkeypatch.setattr(PictureMirror, "mirror", lambda self, clean: calls.append(step.number) or clean + 1)
    projection = project_with(design, Constraints(symmetry="vertical"))
    for number in range(1, count + 1):
        before = make_latents(seed=number), make_latents(seed=100 + number)
        step = make_step(number, count, 0.5)
        latents, clean = projection.project(step, *before, make_latents())
        wanted = (before[0] + 0.5, before[1] + 1) if number in calls else before
        assert torch.allclose(
            latents, wanted[0], atol=1e-6
        )  # at sigma 0.5 half of the clean estimate is in the latents
        assert torch.allclose(clean, wanted[1], atol=1e-6)
    assert len(calls) == mirrored
    assert set(calls) == mirrored_steps(count)
    assert count not in calls


def test_a_mask_fades_outwards_only():
    kept = np.zeros((48, 64), bool)
    kept[:, :24] = True
    canvas = plan_canvas(64, 48, working_pixels=10_000, multiple_px=4, smallest_px=32)
    mask = soften_mask(kept, canvas, (12, 16))[0, 0, 5]
    assert (mask[:6] == 1).all()
    assert (mask.diff() <= 0).all()
    assert 0 < mask[6] < 1
    assert (mask[9:] == 0).all()
