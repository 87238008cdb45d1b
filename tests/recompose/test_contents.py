"""What patches hold of each yarn and design, against plain counting."""

from __future__ import annotations

import numpy as np
import pytest

from studio.recompose.contents import Contents
from studio.recompose.domain import find_domain
from studio.recompose.kernels import PATCH
from studio.recompose.levels import Motifs, convert_colours, plan_level
from studio.recompose.regions import BARRED, FIELD, LEVEL_BAND, Orientation
from tests.recompose.small_designs import draw_ornament
from tests.support.knots import draw_colours

ORIENTATIONS = tuple(Orientation(down, across) for down in (False, True) for across in (False, True))
YARNS = 5


def read_motifs(design, repeat="none", vertical=None) -> Motifs:
    domain = find_domain(design.shape, repeat, vertical, None)
    knots = domain.cut(design)
    return Motifs(domain, knots, np.full(knots.shape, FIELD, np.uint8), ORIENTATIONS, BARRED)


def plan(motifs, regions=None, scale=0.5):
    regions = motifs[0].regions if regions is None else regions
    return plan_level(scale, motifs[0].domain, regions, motifs, convert_colours(draw_colours(YARNS)))


def draw_field(level) -> np.ndarray:
    places = np.flatnonzero(level.plates.labels)
    drawn = np.random.default_rng(1).choice(places, level.labels.shape)
    return drawn.astype(np.int32)


def test_the_price_of_a_patch_is_the_mean_price_of_its_knots():
    design = draw_ornament(48, 40, yarns=YARNS)
    motifs = [read_motifs(design)]
    level = plan(motifs)
    contents = Contents(level, motifs, YARNS)
    prices = np.random.default_rng(2).random(YARNS)
    found = contents.price(prices, np.array([0.25]))
    for number, orientation in enumerate(ORIENTATIONS):
        first, *_, height, width = level.plates.table[number, [0, 1, 2, 3, 4, 5]]
        shown = design[:: -1 if orientation.down else 1, :: -1 if orientation.across else 1]
        for y, x in ((0, 0), (3, 7), (height - 1, width - 1)):
            patch = shown[2 * y : 2 * (y + PATCH), 2 * x : 2 * (x + PATCH)]
            assert np.isclose(found[first + y, x], prices[patch].mean() + 0.25)


@pytest.mark.parametrize(("repeat", "vertical"), [("none", None), ("none", 0), ("half-drop", None)])
def test_the_share_of_a_yarn_in_a_field_is_that_in_its_patches(repeat, vertical):
    motifs = [read_motifs(draw_ornament(48, 80, yarns=YARNS, vertical=vertical), repeat, vertical)]
    level = plan(motifs)
    contents, field = Contents(level, motifs, YARNS), draw_field(level)
    yarns, designs = contents.count(field)
    expected = [contents.price(one, np.zeros(1)).ravel()[field].mean() for one in np.eye(YARNS)]
    assert np.allclose(yarns, expected)
    assert designs.tolist() == [1]


def test_the_share_of_a_design_is_counted_within_the_border():
    first = read_motifs(draw_ornament(48, 40, yarns=YARNS))
    second = read_motifs(draw_ornament(40, 44, yarns=YARNS, seed=9))
    regions = np.full((48, 40), FIELD, np.uint8)
    regions[:16] = LEVEL_BAND
    level = plan([first, second], regions)
    contents = Contents(level, [first, second], YARNS)
    of_second = level.plates.table[level.plates.plate_of_row, 1] == 1
    own, other = (
        np.argwhere((level.plates.labels > 0) & (of_second == wanted)[:, None])[0] for wanted in (False, True)
    )
    stride = level.plates.labels.shape[1]
    field = np.full(level.labels.shape, own[0] * stride + own[1], np.int32)
    field[level.labels == LEVEL_BAND] = other[0] * stride + other[1]
    assert contents.count(field)[1].tolist() == [1, 0]
    field[:] = np.where(np.arange(field.shape[1]) % 2, own @ [stride, 1], other @ [stride, 1])
    assert abs(contents.count(field)[1][1] - 0.5) < 0.05


def test_many_knots_are_counted_on_some_of_them(monkeypatch):
    design = draw_ornament(120, 160, yarns=YARNS)
    motifs = [read_motifs(design)]
    level = plan(motifs, scale=0.2)
    field = draw_field(level)
    counted = [Contents(level, motifs, YARNS).count(field)[0]]
    monkeypatch.setattr("studio.recompose.contents.COUNTED_KNOTS", design.size // 4)
    counted += [Contents(level, motifs, YARNS).count(field)[0]]
    assert not np.array_equal(*counted)
    assert np.allclose(*counted, atol=0.03)
