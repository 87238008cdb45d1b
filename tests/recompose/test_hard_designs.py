"""Designs that are too small, plain or noisy end in a picture or in a sentence."""

from __future__ import annotations

import numpy as np
import pytest

from studio.designs.files.opening import SMALLEST_SIDE_PX
from studio.errors import RequestError
from studio.recompose.recomposer import MEDIUM, STRONG, SUBTLE, Recomposer
from tests.recompose.small_designs import draw_ornament, make_carpet
from tests.support.knots import draw_knots


@pytest.mark.parametrize(
    ("shape", "axes"),
    [((1, 1), (None, None)), ((SMALLEST_SIDE_PX - 1, 50), (None, None)), ((40, 2), (0, 0)), ((20, 22), (0, None))],
)
def test_a_design_that_is_too_small_is_refused_with_its_size(shape, axes):
    design = np.arange(shape[0] * shape[1]).reshape(shape).astype(np.uint8)
    with pytest.raises(
        RequestError, match=rf"This design has {shape[1]} × {shape[0]} knots; .* Choose a larger design"
    ):
        Recomposer(make_carpet(design, "none", *axes))


def test_a_second_design_that_is_too_small_is_refused():
    first, second = make_carpet(draw_ornament(24, 24)), make_carpet(draw_ornament(24, 5))
    with pytest.raises(RequestError, match="The second design has 5 × 24 knots"):
        Recomposer(first, second, 0.5)


@pytest.mark.slow
@pytest.mark.parametrize("repeat", ["none", "straight", "half-drop", "brick", "mirror"])
@pytest.mark.parametrize("shape", [(SMALLEST_SIDE_PX, SMALLEST_SIDE_PX), (SMALLEST_SIDE_PX, 80), (15, 14)])
def test_the_smallest_designs_are_drawn(shape, repeat):
    design = draw_ornament(*shape, repeat=repeat if repeat not in ("none", "mirror") else None)
    knots = Recomposer(make_carpet(design, repeat)).draw(STRONG, 1)
    assert knots.shape == shape
    assert set(np.unique(knots)) <= set(np.unique(design))


@pytest.mark.slow
@pytest.mark.parametrize("repeat", ["none", "half-drop", "mirror"])
def test_a_design_of_one_yarn_has_nothing_to_change(repeat):
    design = np.full((24, 26), 3, np.uint8)
    carpet = make_carpet(design, repeat, 0)
    assert np.array_equal(Recomposer(carpet).draw(STRONG, 1), design)
    picture = np.random.default_rng(0).integers(0, 256, (24, 26, 3), dtype=np.uint8)
    assert np.array_equal(Recomposer(carpet).draw_led(picture, 1.0, 1), design)


@pytest.mark.slow
@pytest.mark.parametrize("yarns", [2, 10, 256])
def test_noise_is_drawn_in_its_yarns(yarns):
    design = draw_knots(yarns, 30, 40)
    recomposer = Recomposer(make_carpet(design))
    for change in (SUBTLE, STRONG):
        knots = recomposer.draw(change, 1)
        assert knots.shape == design.shape
        assert set(np.unique(knots)) <= set(range(yarns))
        assert np.array_equal(knots, recomposer.draw(change, 1))


@pytest.mark.slow
@pytest.mark.parametrize("repeat", ["none", "brick"])
def test_knots_that_are_all_different_are_drawn(repeat):
    design = np.arange(256, dtype=np.uint8).reshape(16, 16)
    knots = Recomposer(make_carpet(design, repeat)).draw(MEDIUM, 1)
    assert knots.shape == design.shape


@pytest.mark.slow
def test_a_picture_of_one_colour_leads_nowhere_and_is_no_error():
    design = draw_ornament(40, 36)
    recomposer = Recomposer(make_carpet(design))
    for pull in (0.0, 1.0):
        knots = recomposer.draw_led(np.full((40, 36, 3), 128, np.uint8), pull, 1)
        assert set(np.unique(knots)) <= set(np.unique(design))


@pytest.mark.slow
def test_a_design_that_is_kept_nearly_whole_is_refused():
    design = draw_ornament(40, 36)
    kept = np.ones(design.shape, bool)
    for free in (0, 3):
        kept[:free, :free] = False
        with pytest.raises(RequestError, match=f"is {free} knots wide"):
            Recomposer(make_carpet(design, kept=kept))
    kept[:4, :4] = False
    drawn = Recomposer(make_carpet(design, kept=kept)).draw(STRONG, 1)
    assert np.array_equal(drawn[kept], design[kept])
