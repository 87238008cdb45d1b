"""Knots drawn from motifs are woven as they are, but for stray knots, and measured against their design."""

from __future__ import annotations

import numpy as np
import pytest

from studio.designs.colours.palette import snap
from studio.designs.weaving.neighbourhoods import LARGE, SMALL, Neighbourhoods
from studio.designs.weaving.plan import plan_weave
from studio.designs.weaving.weave import choose_yarns, weave_knots
from studio.schema import Constraints
from tests.support.knots import YARNS, as_design, carpet


def test_drawn_knots_are_measured_against_the_design_in_their_yarns():
    design = carpet()
    plan = plan_weave(design, Constraints(palette="new", colours=3))
    yarns = choose_yarns(plan.design, plan)
    reference = snap(plan.design, yarns)
    unknown = weave_knots(reference, yarns, plan).weaving
    assert (unknown.changed_share, unknown.known_small, unknown.known_large) == (None, None, None)
    whole = weave_knots(reference, yarns, plan, reference=reference).weaving
    assert (whole.changed_share, whole.known_small, whole.known_large) == (0, 1, 1)
    drawn = reference.copy()
    drawn[60:84] = reference[100:124]
    drawn[20:40] = (drawn[20:40] + 1) % 3
    woven = weave_knots(drawn, yarns, plan, reference=reference)
    knots = np.asarray(woven.image)
    assert woven.weaving.changed_share == (knots != reference).mean() > 0.1
    for side, share in ((SMALL, woven.weaving.known_small), (LARGE, woven.weaving.known_large)):
        assert share == pytest.approx(Neighbourhoods([reference], side).measure_known(knots), abs=1e-5)
        assert 0.5 < share < 1
    both = weave_knots(drawn, yarns, plan, drawn, reference=reference).weaving
    assert woven.weaving.known_large < both.known_large
    assert both.changed_share == woven.weaving.changed_share


def test_a_few_stray_knots_more_than_the_design_has_are_left_where_motifs_draw():
    """Those of the design's own drawing would be cleaned away with them."""
    own = np.zeros((120, 120), np.uint8)
    own[4::12, 4::12] = 1  # each a stray knot of the design
    plan = plan_weave(as_design(own, YARNS[:2]), Constraints(palette="source", symmetry="none"))
    few, many = own.copy(), own.copy()
    few.ravel()[[1234, 5678]] ^= 1
    many[60:110, 60:110] ^= np.random.default_rng(1).random((50, 50)) < 0.1
    assert np.array_equal(np.asarray(weave_knots(few, plan.yarns, plan).image), few)
    woven = weave_knots(many, plan.yarns, plan)
    assert woven.weaving.orphan_share < woven.weaving.orphan_share_before
    assert np.array_equal(np.asarray(woven.image)[:54], own[:54])


def test_knots_in_the_designs_yarns_are_measured_against_its_own_unless_others_are_given():
    design = carpet()
    plan, own = plan_weave(design, Constraints(palette="source")), design.index_map.indices
    turned = np.ascontiguousarray(own[::-1].T[:192].repeat(2, axis=0)[:192, :144])
    weaving = weave_knots(own, plan.yarns, plan).weaving
    assert (weaving.changed_share, weaving.known_large) == (0, 1)
    weaving = weave_knots(own, plan.yarns, plan, reference=turned).weaving
    assert weaving.changed_share == (own != turned).mean()
    assert weaving.known_large == pytest.approx(Neighbourhoods([turned], LARGE).measure_known(own), abs=1e-5)
    assert weaving.known_large < 0.9
    for wrong in ({"knots": own[1:]}, {"reference": own[1:]}):
        with pytest.raises(ValueError, match=r"knots of \(191, 144\)"):
            weave_knots(**{"knots": own, "yarns": plan.yarns, "plan": plan} | wrong)


@pytest.mark.parametrize("allowed", range(4))
def test_the_weaving_of_drawn_knots_can_be_stopped(allowed):
    plan = plan_weave(carpet(), Constraints(palette="source"))
    calls: list[int] = []

    def check() -> None:
        calls.append(1)
        if len(calls) > allowed:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        weave_knots(plan.indices, plan.yarns, plan, check=check)
    assert weave_knots(plan.indices, plan.yarns, plan).weaving.known_large == 1


def test_knots_that_change_between_yarns_that_look_alike_are_counted_apart():
    palette = np.array([(200, 30, 40), (198, 31, 41), (20, 30, 120), (22, 31, 121), (240, 235, 220)], np.uint8)
    own = (np.arange(100 * 100, dtype=np.uint32).reshape(100, 100) // 10 % 5).astype(np.uint8)
    plan = plan_weave(as_design(own, palette), Constraints(palette="source", symmetry="none"))
    swapped = own.copy()
    swapped[:30] = np.array([1, 0, 3, 2, 4], np.uint8)[own[:30]]  # reds and blues among themselves: 4 of 5 knots
    swapped[50:60] = 4 - own[50:60]  # a new drawing: 2 stays, 1 and 3 change, and so do 0 and 4
    weaving = weave_knots(swapped, plan.yarns, plan).weaving
    assert weaving.alike_share == pytest.approx(0.3 * 0.8)
    assert weaving.changed_share == pytest.approx(0.3 * 0.8 + 0.1 * 0.8)
    assert weaving.anew_share == pytest.approx(0.1 * 0.8)
