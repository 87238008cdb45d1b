"""Constraints on the real built-in pipeline: variations keep them to the knot, and seams close."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

from studio.carpets.generator import draw_carpet
from studio.designs import open_design, plan_canvas
from studio.designs.structure.repeat import SEAM_LIMIT, lay, measure_seams
from studio.designs.structure.symmetry import measure_agreement
from studio.designs.weaving.orphans import measure_orphan_share
from studio.designs.weaving.plan import plan_weave
from studio.errors import RequestError
from studio.generation import engine
from studio.generation.constraint_projection import KeptPart, PictureMirror
from studio.generation.events import Drawn
from studio.generation.previews import LatentPreview
from studio.models.pipeline_slot import PipelineSlot
from studio.schema import Constraints, PipelineChoice
from tests.support.knots import as_design, check_axes, check_mirror_cloth, draw_tile
from tests.support.runs import draw, facts, watching


def carpet(width: int = 144, height: int = 192):
    drawn = draw_carpet(4, width, height, "medallion")
    return as_design(drawn.indices, drawn.palette)


def woven(events) -> list[Drawn]:
    return [event for event in events if isinstance(event, Drawn)]


@pytest.mark.slow
def test_yarns_and_symmetry_hold_to_the_knot(slot: PipelineSlot) -> None:
    design = carpet()
    constraints = Constraints(palette="source", symmetry="quarter")
    found = woven(draw(slot, design, seeds=(1, 2), strength=0.6, constraints=constraints))
    maps = [np.asarray(event.woven.image) for event in found]
    own = measure_orphan_share(design.index_map.indices)
    assert not np.array_equal(*maps)
    for event, knots in zip(found, maps, strict=True):
        assert event.woven.image.getpalette() == design.index_map.palette.flatten().tolist()
        assert event.image.mode == "RGB"  # what the model drew, untouched
        for direction in ("vertical", "horizontal"):
            assert measure_agreement(knots, direction, 0) == 1
        assert event.woven.weaving.orphan_share <= max(0.002, own)


@pytest.mark.slow
def test_the_design_is_decoded_once_for_all_its_woven_runs(slot: PipelineSlot) -> None:
    design, yarns = draw_tile(seed=43), Constraints(palette="source")
    with slot.use(PipelineChoice("builtin"), print) as loaded:
        drawn: list[object] = []
        hook = loaded.pipe.vae.decoder.register_forward_hook(lambda *_: drawn.append(1))
    try:
        draw(slot, design, strength=0.5, steps=2)  # which also probes the design
        counts = []
        for _ in range(2):
            drawn.clear()
            draw(slot, design, strength=0.5, steps=2, seeds=(1, 2), constraints=yarns)
            counts.append(len(drawn))
    finally:
        hook.remove()
    assert counts == [3, 2]


@pytest.mark.slow
def test_a_free_run_is_left_as_the_model_drew_it(slot: PipelineSlot) -> None:
    plain, free = (draw(slot, carpet(), constraints=one) for one in (Constraints(), Constraints(palette="free")))
    assert [event.woven for event in woven(plain) + woven(free)] == [None, None]
    assert np.array_equal(np.asarray(woven(plain)[0].image), np.asarray(woven(free)[0].image))


@pytest.mark.slow
def test_the_kept_part_stays_and_the_rest_is_varied(slot: PipelineSlot) -> None:
    design = carpet()
    constraints = Constraints(palette="source", keep="rectangle", rectangle=(0, 0, 144, 96))
    (event,) = woven(draw(slot, design, strength=0.8, constraints=constraints))
    knots, own = np.asarray(event.woven.image), design.index_map.indices
    assert np.array_equal(knots[:96], own[:96])
    assert (knots[96:] != own[96:]).mean() > 0.1
    # The latents keep it too: the model's own picture there is the design as the VAE reconstructs it.
    drawn = np.asarray(event.image, np.int16)
    there, elsewhere = (np.abs(drawn - np.asarray(design.image))[part].mean() for part in (np.s_[:80], np.s_[112:]))
    assert there < elsewhere / 1.5


@pytest.mark.slow
@pytest.mark.parametrize("keep", ["border", "field"])
@pytest.mark.parametrize("palette", ["source", "free"])
def test_the_border_or_the_field_stays_and_the_other_is_varied(slot: PipelineSlot, keep: str, palette: str) -> None:
    design = carpet()
    constraints = Constraints(palette=palette, keep=keep)
    kept = plan_weave(design, constraints).kept
    assert 0.1 < kept.mean() < 0.9
    (event,) = woven(draw(slot, design, strength=0.8, constraints=constraints))
    varied, own = np.asarray(event.woven.image.convert("RGB")), np.asarray(design.image)
    assert np.array_equal(varied[kept], own[kept])
    assert (varied[~kept] != own[~kept]).any(axis=-1).mean() > 0.1
    if palette == "source":
        assert np.array_equal(np.asarray(event.woven.image)[kept], design.index_map.indices[kept])


@pytest.mark.slow
@pytest.mark.parametrize("repeat", ["straight", "half-drop", "brick"])
def test_seams_of_a_repeat_close(slot: PipelineSlot, repeat: str) -> None:
    design = draw_tile()
    constraints = Constraints(palette="source", repeat=repeat)
    (event,) = woven(draw(slot, design, strength=0.6, steps=4, constraints=constraints))
    seams = measure_seams(np.asarray(event.woven.image.convert("RGB")), repeat)
    assert (event.woven.weaving.seam_horizontal, event.woven.weaving.seam_vertical) == (
        pytest.approx(seams.horizontal),
        pytest.approx(seams.vertical),
    )
    assert max(seams.horizontal, seams.vertical) <= SEAM_LIMIT


@pytest.mark.slow
def test_a_repeat_that_no_model_size_fits_is_scaled_and_closes_again(slot: PipelineSlot) -> None:
    design = draw_tile(150, 130)
    events = draw(slot, design, strength=0.5, steps=4, constraints=Constraints(repeat="straight"))
    said = facts(events)
    assert (said.working_width_px, said.working_height_px) == (144, 128)
    (event,) = woven(events)
    assert event.woven.image.size == (150, 130)
    assert max(event.woven.weaving.seam_horizontal, event.woven.weaving.seam_vertical) <= SEAM_LIMIT


@pytest.mark.slow
def test_the_vae_sees_the_neighbours_of_a_repeat(slot: PipelineSlot) -> None:
    """Four equal quarters are decoded equal to the pixel: at the edges the VAE's input is the same as inside."""
    quarter = draw_tile(64, 64, seed=4)
    design = as_design(np.tile(quarter.index_map.indices, (2, 2)), quarter.index_map.palette)
    assert measure_seams(np.asarray(design.image)).meet  # so the model's input is the unchanged design
    whole = {"keep": "rectangle", "rectangle": (0, 0, 128, 128)}  # and its final latents are those of the design
    (event,) = woven(draw(slot, design, strength=0.5, steps=2, constraints=Constraints(repeat="straight", **whole)))
    drawn = np.asarray(event.image, np.int16)
    for place in (np.s_[:64, 64:], np.s_[64:, :64], np.s_[64:, 64:]):
        assert np.abs(drawn[:64, :64] - drawn[place]).max() <= 1


@pytest.mark.slow
def test_a_repeat_is_drawn_with_smaller_seams_where_it_is_cycle_spun(
    slot: PipelineSlot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a shift at each step the model itself draws edges that meet on the cloth as one."""
    options = {"strength": 0.7, "steps": 6, "seeds": (1, 2, 3, 4), "constraints": Constraints(repeat="straight")}

    def measure() -> float:
        events = [event for seed in (3, 4) for event in woven(draw(slot, draw_tile(seed=seed), **options))]
        seams = [measure_seams(np.asarray(event.image)) for event in events]
        return float(np.mean([max(one.horizontal, one.vertical) for one in seams]))

    spun = measure()
    monkeypatch.setattr(engine, "spin", lambda velocity, repeat, patch: velocity)
    assert spun < measure() / 1.1


@pytest.mark.slow
def test_a_mirror_repeat_is_drawn_as_a_single_design(slot: PipelineSlot) -> None:
    """Its edges always meet their own mirror image: it is not shifted, not closed, and not scaled to fit."""
    design = draw_tile(150, 130)
    mirrored, alone = (
        draw(slot, design, strength=0.6, constraints=Constraints(palette="source", repeat=repeat))
        for repeat in ("mirror", "none")
    )
    said = facts(mirrored)
    assert (said.working_width_px, said.working_height_px) == (150, 130)
    (event,), (other,) = woven(mirrored), woven(alone)
    assert np.array_equal(np.asarray(event.image), np.asarray(other.image))
    assert (event.woven.weaving.seam_horizontal, event.woven.weaving.seam_vertical) == (None, None)
    check_mirror_cloth(event.woven.image)


def test_a_bordered_design_is_refused_as_a_repeat(slot: PipelineSlot) -> None:
    with pytest.raises(RequestError, match="has a border"):
        draw(slot, carpet(), constraints=Constraints(repeat="straight"))


@pytest.mark.slow
def test_a_symmetric_variation_has_no_more_contrast_than_any_other(slot: PipelineSlot) -> None:
    """A model trained on symmetric carpets reads mirrored noise as detail: contrasts would grow by a tenth."""

    def contrast(symmetry: str) -> float:
        (event,) = woven(
            draw(slot, carpet(), strength=0.7, steps=6, constraints=Constraints(palette="source", symmetry=symmetry))
        )
        return float(np.asarray(event.image, np.float64).std())

    assert contrast("vertical") < 1.03 * contrast("none")


@pytest.mark.slow
def test_the_models_own_picture_is_projected_to_be_symmetric(
    slot: PipelineSlot, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"strength": 0.6, "steps": 12, "seeds": (1, 2), "constraints": Constraints(symmetry="quarter")}

    def measure() -> float:
        pictures = [np.asarray(event.image, np.float64) for event in woven(draw(slot, carpet(), **options))]
        assert not np.array_equal(*pictures)
        return float(np.mean([np.abs(one - other).mean() for one in pictures for other in (one[::-1], one[:, ::-1])]))

    projected = measure()
    monkeypatch.setattr(PictureMirror, "mirror", lambda self, clean: clean)
    assert projected < 0.75 * measure()


@pytest.mark.slow
def test_a_kept_part_is_mixed_with_the_initial_noise_of_the_run(
    slot: PipelineSlot, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[torch.Tensor] = []
    project = KeptPart.project
    monkeypatch.setattr(KeptPart, "project", lambda self, *parts: begun.append(parts[-1]) or project(self, *parts))
    design, clean = carpet(), []
    monkeypatch.setattr(LatentPreview, "__init__", lambda self, latents, padded: clean.append(latents))
    monkeypatch.setattr(LatentPreview, "draw", lambda self, latents, box: Image.new("RGB", (8, 8)))
    with watching(slot, design) as seen:
        draw(slot, design, seeds=(1, 2), steps=4, constraints=Constraints(keep="rectangle", rectangle=(0, 0, 40, 40)))
    noisy, sigma, _ = seen[0]
    assert torch.allclose(begun[0][:1], (noisy - (1 - sigma) * clean[0]) / sigma, atol=1e-3)


@pytest.mark.slow
def test_a_cycle_spun_cloth_is_mirrored_about_the_axes_of_the_design(
    slot: PipelineSlot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a low strength the clean estimate is close to the design, which is not shifted from step to step."""
    met: list[torch.Tensor] = []
    clean: list[torch.Tensor] = []
    draw_preview = LatentPreview.__init__
    monkeypatch.setattr(
        LatentPreview,
        "__init__",
        lambda self, latents, padded: clean.append(latents) or draw_preview(self, latents, padded),
    )
    monkeypatch.setattr(PictureMirror, "mirror", lambda self, latents: met.append(latents) or latents)
    constraints = Constraints(repeat="straight", symmetry="vertical")
    draw(slot, draw_tile(), strength=0.4, steps=12, constraints=constraints)
    assert len(met) == 2

    def measure_alike(latents: torch.Tensor) -> float:
        return torch.corrcoef(torch.stack([latents.flatten(), clean[0].flatten()]))[0, 1].item()

    for one in met:
        moved = [measure_alike(one.roll((down, across), dims=(-2, -1))) for down, across in ((5, 9), (20, 0), (0, 31))]
        assert measure_alike(one) > 0.85 > max(moved) + 0.2


def test_a_repeat_is_scaled_as_a_cloth() -> None:
    """Scaled down and up again, the edges of a repeat still meet: the filter includes its neighbours."""
    from studio.designs import fit, unfit

    design = draw_tile(300, 260)
    canvas = plan_canvas(300, 260, working_pixels=30_000, multiple_px=16, smallest_px=32, repeat="half-drop")
    assert (canvas.working_width_px % 16, canvas.working_height_px % 16) == (0, 0)
    small = fit(design.image, canvas)
    back = np.asarray(unfit(small, canvas))
    ys, xs = np.arange(260), np.arange(300) + 150
    turned = open_design(encode(np.asarray(design.image)[lay((260, 300), "half-drop", ys, xs)]))
    other = np.asarray(unfit(fit(turned.image, canvas), canvas))
    assert np.abs(np.asarray(back, np.int16)[lay((260, 300), "half-drop", ys, xs)] - other).mean() < 2


def encode(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@pytest.mark.slow
def test_symmetry_off_the_middle_is_kept(slot: PipelineSlot) -> None:
    indices = carpet().index_map.indices
    shifted = np.concatenate([indices[:, 4:], indices[:, :4]], axis=1)  # the axis now lies four knots to the left
    design = as_design(np.ascontiguousarray(shifted), carpet().index_map.palette)
    constraints = Constraints(palette="source", symmetry="auto")
    (event,) = woven(draw(slot, design, strength=0.6, constraints=constraints))
    assert event.woven.weaving.vertical == -8
    check_axes(np.asarray(event.woven.image), type("Plan", (), {"vertical": -8, "horizontal": 0}))
