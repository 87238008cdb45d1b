"""Patterns of knots that some design of an archive has too, in any yarns, and the widths of drawn lines."""

from __future__ import annotations

import numpy as np
import pytest

from studio.evaluation import known_patterns
from studio.evaluation.known_patterns import KnownPatterns
from studio.evaluation.line_widths import measure_line_widths, measure_mean_width, measure_width_gap
from tests.support.knots import draw_knots


def read(*designs: np.ndarray, side: int = 4) -> KnownPatterns:
    return KnownPatterns([[one] for one in designs], side, len(designs))


@pytest.mark.parametrize("side", [4, 8])
def test_a_design_in_other_yarns_and_mirrored_is_known(side: int) -> None:
    knots = draw_knots(5, 20, 24)
    recoloured = np.array([3, 0, 4, 9, 7], np.uint8)[knots]
    known = read(knots, side=side)
    for shown in (recoloured, recoloured[:, ::-1], recoloured[::-1], recoloured[::-1, ::-1]):
        assert known.measure_known(shown) == 1.0
    assert known.measure_known(np.rot90(knots)) < 0.2


def test_one_other_knot_makes_the_patterns_around_it_unknown() -> None:
    knots = draw_knots(200, 16, 16)  # all neighbours differ: each pattern is the same
    knots[:, 5], knots[7] = 201, 202
    changed = knots.copy()
    changed[3, 10] = changed[3, 11]
    assert read(knots).measure_known(changed) == pytest.approx(1 - 12 / 169)


def test_plain_ground_does_not_count() -> None:
    plain, knots = np.zeros((20, 20), np.uint8), draw_knots(3, 20, 20)
    assert read(knots).measure_known(plain) is None
    assert read(plain).measure_known(knots) is None
    half = plain.copy()
    half[:, 10:] = 1
    assert read(half).measure_known(half) == 1.0
    assert read(knots).measure_known(half) == 0.0
    assert read(knots).measure_known(np.zeros((3, 20), np.uint8)) is None


def test_a_design_left_out_knows_nothing_that_no_other_design_has() -> None:
    one, other = draw_knots(4, 20, 24, seed=1), draw_knots(4, 20, 24, seed=2)
    joined = np.concatenate([other, one[:12]], axis=0)
    known = read(one, joined, side=8)
    assert known.measure_known(one) == known.measure_known(one, own=1) == 1.0
    assert known.measure_known(one, own=0) == pytest.approx(5 / 17)  # of 17 rows of patterns the first 5 are in both


def test_of_a_large_archive_a_part_of_each_design_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    knots = draw_knots(4, 40, 40)
    monkeypatch.setattr(known_patterns, "MOST_KNOTS", 800)
    known = KnownPatterns([[knots], [draw_knots(4, 40, 40, seed=3)]], 8, 2)
    assert known.measure_known(knots[:20, :20]) == 1.0
    assert known.measure_known(knots[20:, 20:]) < 0.2


def test_lines_count_by_their_length_in_each_width() -> None:
    knots = np.zeros((60, 60), np.uint8)
    knots[:, 15] = 1
    knots[:, 31:34] = 2
    knots[20, 50] = 3  # a stray knot
    widths = measure_line_widths(knots)
    # Ground is wider than 12 knots. Of two lines of 60 knots one is 1 knot wide and the other 3.
    assert widths[[0, 2]] == pytest.approx([0.5, 0.5], abs=0.03)
    assert measure_mean_width(widths) == pytest.approx(2, abs=0.1)
    assert measure_line_widths(knots.T) == pytest.approx(widths)


def test_stray_knots_are_no_lines() -> None:
    knots = np.zeros((9, 9), np.uint8)
    knots[4, 4] = 1
    assert measure_line_widths(knots)[0] == 0


def test_the_gap_of_widths_is_in_knots() -> None:
    one, three = np.eye(12)[0], np.eye(12)[2]
    assert measure_width_gap(one, [three]) == 2
    assert measure_width_gap(one, [one, three]) == 1
    assert measure_width_gap(one, [one]) == 0
    assert measure_width_gap(one, []) is None
    assert measure_line_widths(np.zeros((40, 40), np.uint8)) is None
