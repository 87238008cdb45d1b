"""Known neighbourhoods: those of a design, shifted or mirrored, counted as by comparing each with each."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.designs.weaving.neighbourhoods import LARGE, SMALL, Neighbourhoods, measure_known
from tests.support.knots import draw_knots

BOTH_SIDES = pytest.mark.parametrize("side", [SMALL, LARGE])


def scan_known(designs, knots, side) -> np.ndarray:
    """Return which neighbourhoods of knots are in the designs or their mirror images, compared one by one."""
    known = {
        np.ascontiguousarray(shown[y : y + side, x : x + side]).tobytes()
        for design in designs
        for shown in (design, design[::-1], design[:, ::-1], design[::-1, ::-1])
        for y in range(design.shape[0] - side + 1)
        for x in range(design.shape[1] - side + 1)
    }
    height, width = (max(length - side + 1, 0) for length in knots.shape)
    found = [
        [np.ascontiguousarray(knots[y : y + side, x : x + side]).tobytes() in known for x in range(width)]
        for y in range(height)
    ]
    return np.array(found, bool).reshape(height, width)


DRAWN = st.tuples(st.integers(1, 12), st.integers(1, 12), st.sampled_from([1, 2, 3]), st.integers(0, 9999))


def draw_small(drawn) -> np.ndarray:
    height, width, count, seed = drawn
    return np.random.default_rng(seed).integers(0, count, (height, width), dtype=np.uint8)


@given(st.lists(DRAWN, max_size=3), DRAWN, st.sampled_from([1, 2, 3, SMALL]))
@settings(max_examples=60, deadline=None)
def test_neighbourhoods_are_found_by_their_definition(designs, drawn, side):
    designs, knots = [draw_small(one) for one in designs], draw_small(drawn)
    found = Neighbourhoods(designs, side).find_known(knots)
    assert found.dtype == bool
    assert np.array_equal(found, scan_known(designs, knots, side))


@BOTH_SIDES
def test_the_parts_of_a_design_put_together_anew_are_known_but_for_the_joins(side):
    design = draw_knots(6, 40, 48)
    knots = design.copy()
    knots[20:40, 10:30] = design[:20, 20:40]
    known = Neighbourhoods([design], side).find_known(knots)
    crossing = scan_crossing(known.shape, side, 20, 40) & scan_crossing(known.shape[::-1], side, 10, 30).T
    inside = np.zeros(known.shape, bool)
    inside[20 : 41 - side, 10 : 31 - side] = True
    assert known[inside].all()
    assert known[~crossing].all()
    assert not known[crossing & ~inside].any()


def scan_crossing(shape, side, first, end) -> np.ndarray:
    """Return which neighbourhoods have a knot in the rows `first` to `end` - 1."""
    rows = np.arange(shape[0])
    return np.repeat(((rows > first - side) & (rows < end))[:, None], shape[1], axis=1)


@BOTH_SIDES
def test_a_shifted_or_mirrored_design_is_known(side):
    design = draw_knots(9, 40, 48)
    neighbourhoods = Neighbourhoods([design], side)
    for knots in (design, design[3:, 5:], design[::-1], design[:, ::-1], design[::-1, ::-1]):
        assert neighbourhoods.measure_known(knots) == 1
    assert neighbourhoods.measure_known(np.ascontiguousarray(design[:40, :40].T)) == 0
    shifted = np.roll(design, 7, axis=1)
    known = neighbourhoods.find_known(shifted)
    assert known[:, 7:].all() and known[:, : 8 - side].all()
    assert not known[:, max(8 - side, 0) : 7].any()


@BOTH_SIDES
def test_noise_and_changed_knots_are_not_known(side):
    design = draw_knots(4, 60, 70)
    noise = draw_knots(4, 60, 70, seed=1)
    assert measure_known([design], noise, side) < 0.01
    changed = design.copy()
    changed[30, 30] = 200
    known = Neighbourhoods([design], side).find_known(changed)
    assert np.count_nonzero(~known) == side**2
    assert not known[31 - side : 31, 31 - side : 31].any()


def test_the_same_knots_in_another_order_are_not_known():
    """A neighbourhood is its knots in their places, not the yarns in it or those of its rows."""
    design = np.arange(16, dtype=np.uint8).reshape(4, 4)
    neighbourhoods = Neighbourhoods([design], 4)
    assert neighbourhoods.measure_known(design) == 1
    for knots in (design[[1, 0, 2, 3]], design[:, [0, 2, 1, 3]], design.T, np.rot90(design), design + np.uint8(1)):
        assert neighbourhoods.measure_known(np.ascontiguousarray(knots)) == 0


def test_several_designs_are_known_together():
    designs = [draw_knots(5, 20, 20, seed=seed) for seed in range(3)]
    both = Neighbourhoods(designs[:2], SMALL)
    assert [both.measure_known(design) for design in designs[:2]] == [1, 1]
    assert both.measure_known(designs[2]) == 0


def test_designs_smaller_than_a_neighbourhood_have_none():
    design, small = draw_knots(3, 20, 20), draw_knots(3, 20, 7)
    assert measure_known([design], small, LARGE) is None
    assert measure_known([small], design, LARGE) == 0
    assert Neighbourhoods([], SMALL).measure_known(design) == 0
    with pytest.raises(ValueError, match=r"knots of shape \(4, 4, 3\)"):
        Neighbourhoods([np.zeros((4, 4, 3), np.uint8)], SMALL)


def test_shares_are_measured_against_the_design_that_is_given():
    """The neighbourhoods of the last designs are remembered; equal shapes and sides must not be mixed up."""
    first, second = draw_knots(5, 20, 20), draw_knots(5, 20, 20, seed=1)
    for _ in range(2):
        assert measure_known([first], first, SMALL) == 1
        assert measure_known([second], first, SMALL) < 0.1
        assert measure_known([first], first, LARGE) == 1
        assert measure_known([second], second, LARGE) == 1
        assert measure_known([first, second], second, SMALL) == 1


def test_a_share_is_the_mean_over_all_neighbourhoods():
    design = draw_knots(5, 20, 24)
    knots = np.concatenate([design, draw_knots(5, 20, 24, seed=3)])
    known = scan_known([design], knots, SMALL)
    assert measure_known([design], knots, SMALL) == pytest.approx(known.mean(), abs=1e-5)
    assert 0.4 < known.mean() < 0.6
