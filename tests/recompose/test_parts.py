"""Parts in which sketches depart from their design: found whole, put together without overlap, to the wanted share."""

from __future__ import annotations

import numpy as np
import pytest

from studio.recompose.domain import find_domain
from studio.recompose.parts import MARGIN, Parts, choose_parts, find_parts, label_areas
from studio.recompose.recomposer import SUBTLE, Recomposer
from studio.recompose.regions import FIELD, LEVEL_BAND
from tests.recompose.small_designs import draw_ornament, make_carpet

SHAPE = (20, 24)


def mark(*places: tuple[slice | int, slice | int]) -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    for place in places:
        mask[place] = True
    return mask


@pytest.mark.parametrize(
    ("repeat", "mask", "areas"),
    [
        ("none", mark(), 0),
        ("none", mark((slice(2, 5), slice(3, 6)), (5, 6), (9, 9)), 2),
        ("none", mark((0, 5), (19, 5)), 2),
        ("straight", mark((0, 5), (19, 5)), 1),
        ("straight", mark((5, 0), (5, 23)), 1),
        ("half-drop", mark((5, 0), (5, 23)), 2),
        ("half-drop", mark((5, 0), (15, 23)), 1),
        ("brick", mark((0, 5), (19, 17)), 1),
    ],
)
def test_cells_that_touch_are_one_area_also_across_the_seams_of_a_repeat(repeat, mask, areas):
    labels = label_areas(mask, find_domain(SHAPE, repeat, None, None))
    assert np.array_equal(labels > 0, mask)
    assert set(np.unique(labels[mask])) == set(range(1, areas + 1))


def test_a_winding_area_is_one():
    mask = np.zeros((41, 41), bool)
    mask[::2] = True
    mask[1::4, -1] = mask[3::4, 0] = True
    labels = label_areas(mask, find_domain(mask.shape, "none", None, None))
    assert labels.max() == 1


def test_parts_say_what_they_change_and_do_not_reach_from_the_field_into_the_border():
    own = np.zeros((80, 96), np.uint8)
    knots = own.copy()
    knots[4:24, 8:40] = 1  # over the border's inner edge, which is at row 16
    knots[60:70, 60:80] = 2
    regions = np.full(SHAPE, FIELD, np.uint8)
    regions[:4] = LEVEL_BAND
    parts = find_parts(knots, own, regions, find_domain(own.shape, "none", None, None), 3)
    assert np.isclose(sorted(parts.changed), np.array([200, 256, 384]) / own.size).all()
    assert np.allclose(parts.yarns[:, 1:].sum(axis=1), parts.changed)
    assert np.allclose(parts.yarns.sum(axis=1), 0)
    assert sorted(parts.ground) == [False, True, True]
    assert (parts.cells.sum(axis=0) <= 1).all()
    assert all(len(np.unique(regions[cells])) == 1 for cells in parts.cells)
    assert parts.cells[:, 60 // 4 - MARGIN, 60 // 4].any() and not parts.cells[:, 60 // 4 - MARGIN - 1, 60 // 4].any()


def make_parts(*areas: tuple[slice, slice]) -> Parts:
    cells = np.stack([mark(area) for area in areas])
    changed = cells.mean(axis=(1, 2))
    return Parts(cells, changed, np.stack([-changed, changed], axis=1), np.ones(len(areas), bool))


@pytest.mark.parametrize("wanted", [0.05, 0.15, 0.25, 0.3])
def test_parts_of_several_sketches_are_chosen_for_the_wanted_share_without_overlap(wanted):
    pool = [
        make_parts((slice(0, 8), slice(0, 10)), (slice(12, 14), slice(0, 6))),
        make_parts((slice(6, 12), slice(8, 18))),
        make_parts((slice(14, 20), slice(10, 20)), (slice(0, 2), slice(20, 24))),
    ]

    def judge(changed: float, _: np.ndarray) -> float:
        return abs(changed - wanted)

    chosen = choose_parts(pool, 1.1 * wanted, np.full(2, 0.5), judge, np.random.default_rng(1))
    cells = np.sum([pool[i].cells[j] for i, j in chosen], axis=0)
    assert cells.max() == 1
    assert abs(float(cells.mean()) - wanted) < 0.03


def test_the_choice_keeps_the_yarns_where_it_can():
    pool = [make_parts((slice(0, 5), slice(0, 5)), (slice(8, 13), slice(0, 5)))]
    pool[0].yarns[1] = (0.05, -0.05)
    chosen = choose_parts(
        pool, 1.0, np.full(2, 0.5), lambda _, yarns: float(abs(yarns[0] - 0.5)), np.random.default_rng(1)
    )
    assert chosen == [(0, 0), (0, 1)]


def test_sketches_without_parts_leave_nothing_to_choose():
    none = Parts(np.zeros((0, *SHAPE), bool), np.zeros(0), np.zeros((0, 2)), np.zeros(0, bool))
    assert choose_parts([none, none], 1.0, np.ones(2), lambda *_: 0.0, np.random.default_rng(1)) == []


@pytest.mark.slow
def test_most_knots_of_a_subtle_variation_are_left_at_their_place_in_one_piece():
    design = draw_ornament(200, 160)
    recomposer = Recomposer(make_carpet(design))
    for seed in range(3):
        differs = recomposer.draw(SUBTLE, seed) != design
        touched = differs.reshape(20, 10, 16, 10).any(axis=(1, 3))
        assert 0 < touched.mean() < 0.5
