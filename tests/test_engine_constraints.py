"""Constraints on the real built-in pipeline: what comes out keeps them to the knot, and seams are drawn to close."""

from __future__ import annotations

import numpy as np
import pytest

from studio.designs import open_design, plan_canvas
from studio.designs.orphans import measure_orphan_share
from studio.designs.repeat import SEAM_LIMIT, lay, measure_seams
from studio.designs.symmetry import measure_axis
from studio.errors import RequestError
from studio.events import Drawn
from studio.models.slot import PipelineSlot
from studio.requests import Constraints
from studio.steering import Steering
from studio.training.carpets import draw_carpet
from tests.test_engine import draw, facts
from tests.test_weaving import as_design, check_axes


def carpet(width: int = 144, height: int = 192):
    drawn = draw_carpet(4, width, height, "medallion")
    return as_design(drawn.indices, drawn.palette)


def draw_tile(width: int = 128, height: int = 128, seed: int = 3):
    """Draw one repeat of a cloth: spots that go on over its edges."""
    rng = np.random.default_rng(seed)
    ys, xs = np.mgrid[:height, :width]
    indices = np.zeros((height, width), np.uint8)
    for _ in range(14):
        y, x, r = rng.integers(height), rng.integers(width), rng.integers(8, 24)
        dy, dx = np.abs(ys - y), np.abs(xs - x)
        near = np.minimum(dy, height - dy) ** 2 + np.minimum(dx, width - dx) ** 2 < r * r
        indices[near] = rng.integers(1, 5)
    palette = np.array([[30, 40, 90], [200, 60, 50], [240, 220, 180], [90, 140, 90], [210, 160, 60]], np.uint8)
    return as_design(indices, palette)


def woven(events) -> list[Drawn]:
    return [event for event in events if isinstance(event, Drawn)]


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
            assert measure_axis(knots, direction, 0).agreement == 1.0
        assert event.woven.weaving.orphan_share <= max(0.002, own)


def test_a_free_run_is_left_as_the_model_drew_it(slot: PipelineSlot) -> None:
    plain, free = (draw(slot, carpet(), constraints=one) for one in (Constraints(), Constraints(palette="free")))
    assert [event.woven for event in woven(plain) + woven(free)] == [None, None]
    assert np.array_equal(np.asarray(woven(plain)[0].image), np.asarray(woven(free)[0].image))


def test_the_kept_part_stays_and_the_rest_is_varied(slot: PipelineSlot) -> None:
    design = carpet()
    constraints = Constraints(palette="source", keep="rectangle", rectangle=(0, 0, 144, 96))
    (event,) = woven(draw(slot, design, strength=0.8, constraints=constraints))
    knots, own = np.asarray(event.woven.image), design.index_map.indices
    assert np.array_equal(knots[:96], own[:96])
    assert (knots[96:] != own[96:]).mean() > 0.1
    # The latents knew it too: the model's own picture there is the design as the VAE sees it.
    drawn = np.asarray(event.image, np.int16)
    there, elsewhere = (np.abs(drawn - np.asarray(design.image))[part].mean() for part in (np.s_[:80], np.s_[112:]))
    assert there < elsewhere / 1.5


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


def test_a_repeat_that_no_model_size_fits_is_scaled_and_closes_again(slot: PipelineSlot) -> None:
    design = draw_tile(150, 130)
    events = draw(slot, design, strength=0.5, steps=4, constraints=Constraints(repeat="straight"))
    said = facts(events)
    assert (said.working_width_px, said.working_height_px) == (144, 128)
    (event,) = woven(events)
    assert event.woven.image.size == (150, 130)
    assert max(event.woven.weaving.seam_horizontal, event.woven.weaving.seam_vertical) <= SEAM_LIMIT


def test_a_bordered_design_is_no_repeat(slot: PipelineSlot) -> None:
    with pytest.raises(RequestError, match="has a border"):
        draw(slot, carpet(), constraints=Constraints(repeat="straight"))


def test_symmetric_latents_are_drawn_nearly_symmetric(slot: PipelineSlot, monkeypatch: pytest.MonkeyPatch) -> None:
    """Led there step by step, the two halves of the model's own picture agree better than without."""
    design = carpet()
    options = {"strength": 0.7, "steps": 6, "constraints": Constraints(symmetry="vertical")}

    def disagreement() -> float:
        (event,) = woven(draw(slot, design, **options))
        drawn = np.asarray(event.image, np.int16)
        return float(np.abs(drawn - drawn[:, ::-1]).mean())

    led = disagreement()
    monkeypatch.setattr(Steering, "begin", lambda self, noise: noise)
    monkeypatch.setattr(Steering, "settle", lambda self, latents, sigma: latents)
    assert led < disagreement() / 1.2


def test_a_repeat_is_scaled_as_a_cloth() -> None:
    """Scaled down and up again, a repeat still meets itself: the filter has seen its neighbours."""
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
    import io

    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def test_symmetry_off_the_middle_is_kept(slot: PipelineSlot) -> None:
    indices = carpet().index_map.indices
    shifted = np.concatenate([indices[:, 4:], indices[:, :4]], axis=1)  # the axis now lies four knots to the left
    design = as_design(np.ascontiguousarray(shifted), carpet().index_map.palette)
    constraints = Constraints(palette="source", symmetry="auto")
    (event,) = woven(draw(slot, design, strength=0.6, constraints=constraints))
    assert event.woven.weaving.vertical == -8
    check_axes(np.asarray(event.woven.image), type("Plan", (), {"vertical": -8, "horizontal": 0}))
