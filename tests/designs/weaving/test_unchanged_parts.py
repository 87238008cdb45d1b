"""Recognition: parts that the model left unchanged get the design's own knots, changed parts stay as drawn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from studio.carpets.generator import draw_carpet
from studio.designs.colours.palette import snap
from studio.designs.structure.repeat import SEAM_LIMIT, measure_seams
from studio.designs.weaving.plan import plan_weave
from studio.designs.weaving.unchanged_parts import View, find_unchanged, measure_distance, measure_view_distance
from studio.designs.weaving.weave import weave
from studio.generation.events import Drawn
from studio.models.pipeline_slot import PipelineSlot
from studio.schema import Constraints
from tests.support.knots import YARNS, as_design, draw_noise, draw_tile
from tests.support.runs import draw


def soften(picture: Image.Image) -> Image.Image:
    """Blur a design as a VAE does, so that its finest lines are lost."""
    return picture.filter(ImageFilter.GaussianBlur(1.6))


def carpet(seed: int = 4, width: int = 144, height: int = 192):
    drawn = draw_carpet(seed, width, height)
    return as_design(drawn.indices, drawn.palette)


def see(picture: Image.Image) -> View:
    return View(np.asarray(picture.convert("RGB")))


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(st.integers(0, 200), st.sampled_from(["source", "new"]))
@example(4, "source")  # a plain ground in a yarn's exact colour, where both distances are 0 up to rounding
def test_a_picture_equal_to_the_view_is_woven_into_the_design(seed, palette):
    design = carpet(seed)
    plan = plan_weave(design, Constraints(palette=palette, colours=12))
    soft = soften(design.image)
    woven = weave(soft, plan, soft, see(soft))
    assert woven.weaving.unchanged_share == 1
    if palette == "source":
        assert np.array_equal(np.asarray(woven.image), plan.indices)
        assert woven.weaving.changed_share == 0
        lost = weave(soft, plan, soft)
        assert lost.weaving.unchanged_share is None
        assert lost.weaving.changed_share == pytest.approx((np.asarray(lost.image) != plan.indices).mean())
    else:
        yarns = np.array(woven.image.getpalette(), np.uint8).reshape(-1, 3)
        assert np.array_equal(np.asarray(woven.image), snap(plan.design, yarns))


def test_noise_on_an_unchanged_picture_changes_few_knots():
    design = carpet()
    plan = plan_weave(design, Constraints(palette="source"))
    soft = soften(design.image)
    noise = np.random.default_rng(0).normal(0, 12, (192, 144, 3))
    noisy = Image.fromarray((np.asarray(soft) + noise).clip(0, 255).astype(np.uint8))
    shares = [weave(noisy, plan, noisy, view).weaving.changed_share for view in (see(soft), None)]
    assert shares[0] < 0.02
    assert shares[1] > 0.1


def test_a_changed_part_is_woven_as_drawn():
    design = carpet()
    plan = plan_weave(design, Constraints(palette="source"))
    ground = int(np.bincount(plan.indices.ravel()).argmax())
    changed = design.index_map.palette[plan.indices]
    changed[60:120, 40:100] = design.index_map.palette[ground]
    soft = soften(Image.fromarray(changed))
    knots = np.asarray(weave(soft, plan, soft, see(soften(design.image))).image)
    assert (knots[66:114, 46:94] == ground).all()
    beside = np.ones(knots.shape, bool)
    beside[48:132, 28:112] = False
    assert np.array_equal(knots[beside], plan.indices[beside])


def test_a_larger_design_keeps_lines_that_are_lost_at_the_working_size():
    indices = np.zeros((240, 180), np.uint8)
    indices[:, 90:] = 1
    indices[::6, ::2] = 2
    indices[200:, 170:] = 3
    design = as_design(indices, YARNS)
    plan = plan_weave(design, Constraints(palette="source"))
    working = design.image.convert("RGB").resize((90, 120), Image.Resampling.LANCZOS)
    repainted = np.asarray(working).copy()
    repainted[:, 60:] = YARNS[3]
    drawn = Image.fromarray(repainted)
    woven = weave(drawn.resize((180, 240)), plan, drawn, see(working))
    knots = np.asarray(woven.image)
    assert np.array_equal(knots[:, :108], indices[:, :108])
    assert (knots[:, 132:] == 3).all()


def test_where_the_view_is_not_valid_the_design_is_not_recognised():
    design = carpet()
    plan = plan_weave(design, Constraints(palette="source"))
    soft = soften(design.image)
    valid = np.ones((192, 144), bool)
    valid[:, :40] = False
    found = np.asarray(weave(soft, plan, soft, View(np.asarray(soft), valid)).image)
    without = np.asarray(weave(soft, plan, soft).image)
    assert np.array_equal(found[:, 48:], plan.indices[:, 48:])
    assert (found[:, :32] != plan.indices[:, :32]).mean() > 0.5 * (without[:, :32] != plan.indices[:, :32]).mean() > 0


def test_noise_is_not_recognised_as_the_design():
    design = carpet()
    plan = plan_weave(design, Constraints(palette="source"))
    noise = draw_noise((192, 144), 1)
    assert weave(noise, plan, noise, see(soften(design.image))).weaving.unchanged_share < 0.05


def test_free_colours_have_no_recognition_figures():
    design = carpet()
    plan = plan_weave(design, Constraints(palette="free", symmetry="vertical"))
    soft = soften(design.image)
    woven = weave(soft, plan, soft, see(soft))
    assert woven.weaving.unchanged_share is woven.weaving.changed_share is None


def test_distances_do_not_depend_on_strips_and_sizes_must_agree():
    rng = np.random.default_rng(3)
    one, other = rng.integers(0, 256, (2, 300, 20, 3), dtype=np.uint8)
    assert np.allclose(measure_distance(one, other)[256:], measure_distance(one[256:], other[256:]))
    assert np.array_equal(measure_view_distance(one, View(other)), measure_distance(one, other))
    with pytest.raises(ValueError, match="beside a view"):
        measure_view_distance(one, View(other[:-1]))
    assert find_unchanged(np.zeros((3, 9), np.float32), np.zeros((3, 9), np.float32)).all()


# Through the real pipeline


@pytest.mark.slow
@pytest.mark.parametrize("size", [(144, 192), (600, 800)])
def test_more_strength_changes_more_of_the_design(slot: PipelineSlot, size) -> None:
    design = carpet(2, *size)
    shares = []
    for strength in (0.2, 0.9):
        wanted = {"strength": strength, "steps": 5, "constraints": Constraints(palette="source", symmetry="auto")}
        events = draw(slot, design, seeds=(1,), **wanted)
        shares += [event.woven.weaving.changed_share for event in events if isinstance(event, Drawn)]
    assert shares[0] < 0.05
    assert shares[1] > shares[0] + 0.1


@pytest.mark.slow
@pytest.mark.parametrize("repeat", ["straight", "half-drop", "brick"])
def test_seams_close_beside_unchanged_parts(slot: PipelineSlot, repeat: str) -> None:
    drawn = draw_carpet(12, 128, 160, "lattice")
    design = as_design(drawn.indices[24:-24, 16:-16], drawn.palette)  # its edges do not meet
    constraints = Constraints(palette="source", repeat=repeat)
    events = draw(slot, design, seeds=(1, 2), strength=0.4, steps=5, constraints=constraints)
    for event in (event for event in events if isinstance(event, Drawn)):
        weaving = event.woven.weaving
        assert weaving.unchanged_share > 0.1
        assert max(weaving.seam_horizontal, weaving.seam_vertical) <= SEAM_LIMIT


def test_a_seam_with_one_changed_side_is_closed():
    design = draw_tile(160, 160)
    plan = plan_weave(design, Constraints(palette="source", repeat="straight"))
    own = design.image.convert("RGB")
    changed = np.asarray(own).copy()
    changed[:, 100:] = np.roll(changed[:, 100:], 57, axis=0)
    assert measure_seams(changed, "straight").shown
    woven = weave(Image.fromarray(changed), plan, Image.fromarray(changed), see(own)).weaving
    assert woven.seams_closed > 0
    assert woven.seam_vertical <= SEAM_LIMIT
