"""Known neighbourhoods: those of a design, shifted or mirrored, counted as by comparing each with each."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.designs.weaving import neighbourhoods
from studio.designs.weaving.neighbourhoods import LARGE, SMALL, Neighbourhoods, forget_neighbourhoods, measure_known
from tests.support.knots import draw_knots

BOTH_SIDES = pytest.mark.parametrize("side", [SMALL, LARGE])


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    """Free what a test leaves remembered."""
    yield
    forget_neighbourhoods()


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
    level = Neighbourhoods([design], side)
    for knots in (design, design[3:, 5:], design[::-1], design[:, ::-1], design[::-1, ::-1]):
        assert level.measure_known(knots) == 1
    assert level.measure_known(np.ascontiguousarray(design[:40, :40].T)) == 0
    shifted = np.roll(design, 7, axis=1)
    known = level.find_known(shifted)
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
    level = Neighbourhoods([design], 4)
    assert level.measure_known(design) == 1
    others = [design[[1, 0, 2, 3]], design[:, [0, 2, 1, 3]], design.T, np.rot90(design), design + np.uint8(1)]
    others += [design[[3, 1, 2, 0]], design[:, [0, 2, 1, 3]], np.where(np.eye(4, dtype=bool), design[::-1], design)]
    for knots in others:
        assert level.measure_known(np.ascontiguousarray(knots)) == 0


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


@pytest.mark.parametrize("at_once", [1, 100, 1000])
@pytest.mark.parametrize("side", [1, 3, SMALL, LARGE])
def test_strips_join_without_a_gap(monkeypatch, at_once, side):
    monkeypatch.setattr(neighbourhoods, "KNOTS_AT_ONCE", at_once)
    designs = [draw_knots(2, 15, 30), draw_knots(2, 20, 17, seed=1)]
    knots = np.concatenate([designs[1][:, 3:], designs[0][:, ::-1][:9, :15].repeat(2, axis=1)[:, 2:19]])
    level = Neighbourhoods(designs, side)
    wanted = scan_known(designs, knots, side)
    assert np.array_equal(level.find_known(knots), wanted)
    assert level.measure_known(knots) == pytest.approx(wanted.mean())
    assert wanted.any()


@pytest.mark.parametrize("at_once", [10, 10_000])
def test_each_neighbourhood_is_kept_once(monkeypatch, at_once):
    monkeypatch.setattr(neighbourhoods, "KNOTS_AT_ONCE", at_once)
    design = draw_knots(5, 40, 48)
    once = Neighbourhoods([design], SMALL).size_bytes
    assert once == 8 * 37 * 45
    assert Neighbourhoods([design, design[::-1], design[:, ::-1], design], SMALL).size_bytes == once
    assert Neighbourhoods([np.zeros((40, 48), np.uint8)], SMALL).size_bytes == 8


@BOTH_SIDES
def test_a_design_of_noise_takes_at_most_12_bytes_for_each_knot(monkeypatch, side):
    monkeypatch.setattr(neighbourhoods, "KNOTS_AT_ONCE", 4096)
    design = draw_knots(12, 500, 400)
    tracemalloc.start()
    try:
        share = Neighbourhoods([design], side).measure_known(design)
        assert tracemalloc.get_traced_memory()[1] < 12 * design.size
    finally:
        tracemalloc.stop()
    assert share == 1


def count_checks(designs, knots) -> int:
    """Return how often a share asks whether to go on: more often where it reads the designs anew."""
    calls = 0

    def check() -> None:
        nonlocal calls
        calls += 1

    assert measure_known(designs, knots, SMALL, check) is not None
    return calls


def test_the_neighbourhoods_of_the_last_designs_are_remembered_until_they_are_forgotten():
    design, knots = draw_knots(5, 20, 20), draw_knots(5, 20, 20, seed=1)
    first = count_checks([design], knots)
    assert count_checks([design], knots) < first
    assert count_checks([design, knots], knots) > first
    assert count_checks([design], knots) < first
    forget_neighbourhoods()
    assert count_checks([design], knots) == first


def test_neighbourhoods_that_need_much_memory_are_not_remembered(monkeypatch):
    large, small = draw_knots(5, 200, 200), draw_knots(5, 20, 20)
    monkeypatch.setattr(neighbourhoods, "REMEMBERED_BYTES", 20_000)
    first = count_checks([small], small)
    assert count_checks([large], small) == count_checks([large], small)
    assert count_checks([small], small) < first  # nor do they replace what is remembered


@pytest.mark.parametrize("allowed", range(3))
def test_a_check_stops_the_reading_the_sorting_and_the_search(allowed):
    design = draw_knots(5, 20, 20)
    left = allowed

    def check() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        measure_known([design], design, SMALL, check)
    assert measure_known([design], design, SMALL) == 1
