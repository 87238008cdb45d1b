"""Intervals of figures over designs."""

from __future__ import annotations

import math

import numpy as np
import pytest

from studio.evaluation.intervals import FEW_DESIGNS, estimate, estimate_difference, estimate_mean


def test_the_interval_of_a_mean_is_students() -> None:
    """The quantile of Student's distribution for 9 degrees of freedom is 2.262, for 4 it is 2.776."""
    for count, quantile in ((10, 2.262), (5, 2.776)):
        values = np.random.default_rng(count).normal(size=count)
        found = estimate_mean(list(values))
        reach = quantile * values.std(ddof=1) / math.sqrt(count)
        assert found.value == pytest.approx(values.mean())
        assert (found.high - found.low) / 2 == pytest.approx(reach, rel=0.02)


def test_too_few_designs_have_no_interval_and_some_a_rough_one() -> None:
    assert estimate_mean([]) is estimate_mean([None]) is None
    four = estimate_mean([1.0, 2.0, 3.0, 6.0])
    assert (four.value, four.low, four.high, four.count, four.rough) == (3.0, None, None, 4, True)
    assert not (four.below_zero or four.above_zero)
    assert estimate_mean([1.0] * (FEW_DESIGNS - 1)).rough
    assert not estimate_mean([1.0] * FEW_DESIGNS).rough


def test_a_difference_is_taken_design_by_design() -> None:
    base = [1.0, 20.0, 300.0, 4.0, None, 50.0]
    fallen = [None if one is None else one - 1 - 0.01 * number for number, one in enumerate(base)]
    found = estimate_difference(fallen, base)
    assert found.count == 5
    assert found.below_zero
    assert not estimate_difference(base, base).below_zero
    with pytest.raises(ValueError):
        estimate_difference([1.0], [1.0, 2.0])


def test_a_higher_level_gives_a_wider_interval_and_nothing_finite_none() -> None:
    values = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0]
    usual, strict = estimate_mean(values), estimate_mean(values, level=0.99)
    assert strict.low < usual.low < usual.high < strict.high
    assert estimate(lambda counts: math.nan, 8) is None
    assert estimate(lambda counts: 1.0 if counts.all() else math.nan, 8).low is None
