"""The compiled loops: the same whichever rows are done first, and what they say of patches is true."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from studio.recompose import kernels, steps
from studio.recompose.domain import find_domain
from studio.recompose.kernels import PATCH, WORST
from studio.recompose.levels import PAD, Level, Motifs, convert_colours, plan_level
from studio.recompose.plates import Field, Matches, Prices, Target, Walk
from studio.recompose.regions import BARRED, CORNER, FIELD, LEVEL_BAND, Orientation
from tests.recompose.small_designs import draw_ornament
from tests.support.knots import draw_colours

ORIENTATIONS = tuple(Orientation(down, across) for down in (False, True) for across in (False, True))


def plan_drawing(design, repeat="none", scale=1.0, regions=None) -> Level:
    """Return a level whose target is the design, and whose plates show it in all orientations."""
    domain = find_domain(design.shape, repeat, None, None)
    regions = np.full(design.shape, FIELD, np.uint8) if regions is None else regions
    colours = None if scale == 1 else convert_colours(draw_colours(8))
    return plan_level(scale, domain, regions, [Motifs(domain, design, regions, ORIENTATIONS, BARRED)], colours)


def make_identity(level: Level) -> Field:
    """Return the field in which each patch is the design's own."""
    ys, xs = np.indices(level.labels.shape, dtype=np.int32)
    return ys * np.int32(level.plates.labels.shape[1]) + xs


def draw_field(level: Level, seed=0) -> Field:
    """Return a field of random places that patches of the field may come from."""
    allowed = np.flatnonzero(level.plates.labels == FIELD)
    return np.random.default_rng(seed).choice(allowed, level.labels.shape).astype(np.int32)


def set_prices(level: Level, seam=0) -> Prices:
    far = np.full((5, 2), 1 << 20)
    return Prices(far, np.zeros(5, np.int64), np.zeros(level.plates.labels.shape, np.int32), seam)


def search(level, picture, field, walk, *, bands=None, prices=None) -> tuple[Field, np.ndarray]:
    """Search once in these bands of rows, one after another, or in all rows; return the field and its costs."""
    matches = Matches(field.copy(), np.full(field.shape, WORST, np.int32), field.copy())
    target = Target(picture, level.labels, level.origin)
    for top, bottom in bands or [(0, len(field))]:
        kernels.search(target, level.plates, matches, prices or set_prices(level), walk, top=top, bottom=bottom)
    return matches.field, matches.cost


def list_patches(level, field, picture):
    """Yield each patch of a picture and the patch that the field has there, both (PATCH, PATCH, ...)."""
    stride = level.plates.labels.shape[1]
    for y, x in np.ndindex(field.shape):
        sy, sx = divmod(int(field[y, x]), stride)
        found = level.plates.picture[sy : sy + PATCH, sx : sx + PATCH]
        yield (y, x), picture[y : y + PATCH, x : x + PATCH], found


@pytest.mark.parametrize("scale", [1.0, 0.7])
@pytest.mark.parametrize("forward", [True, False])
def test_a_search_does_not_depend_on_which_rows_are_done_first(forward, scale):
    level = plan_drawing(draw_ornament(60, 40), "straight", scale)
    picture = level.plates.picture[: level.labels.shape[0] + PAD].copy()
    field, walk, prices = draw_field(level), Walk(8, forward, 3, -1), set_prices(level, seam=1)
    bands = [(0, 15), (15, 30), (30, len(field))]
    first, other = (search(level, picture, field, walk, bands=order, prices=prices) for order in (bands, bands[::-1]))
    assert np.array_equal(first[0], other[0])
    assert np.array_equal(first[1], other[1])
    assert not np.array_equal(first[0], field)


def test_the_cost_of_a_patch_is_the_number_of_its_unequal_knots():
    level, wanted = plan_drawing(draw_ornament(40, 36)), draw_ornament(40, 36, seed=5)
    field, cost = search(level, wanted, draw_field(level), Walk(16, True, 1, 0))
    for at, own, found in list_patches(level, field, wanted):
        assert cost[at] == np.count_nonzero(found != own)


def test_the_cost_of_a_patch_of_colours_is_its_squared_difference():
    level = plan_drawing(draw_ornament(40, 36), scale=0.6)
    grain = np.random.default_rng(0).integers(-9, 9, (*level.size, 4), np.int16)
    wanted = level.plates.picture[: level.size[0]] + grain * np.int16([1, 1, 1, 0])
    field, cost = search(level, wanted, draw_field(level), Walk(16, True, 1, 0))
    for at, own, found in list_patches(level, field, wanted):
        assert cost[at] == ((found.astype(int) - own) ** 2).sum()


def test_searching_finds_the_design_again():
    design = draw_ornament(48, 40, seed=2)
    level = plan_drawing(design)
    field, costs = draw_field(level), []
    for number in range(8):
        field, cost = search(level, design, field, Walk(48, number % 2 == 0, number, 0))
        costs.append(cost.mean())
    assert all(after <= before for before, after in pairwise(costs))
    assert costs[-1] < 0.02 * costs[0]


def test_patches_of_a_region_are_found_in_the_same_region_and_within_its_reach():
    design = draw_ornament(48, 40)
    regions = np.full(design.shape, FIELD, np.uint8)
    regions[:12] = LEVEL_BAND
    regions[:12, :12] = CORNER
    level = plan_drawing(design, regions=regions)
    wanted, begun, walk = design[::-1].copy(), draw_field(level), Walk(48, True, 1, -1)
    field, _ = search(level, wanted, begun, walk)
    assert np.array_equal(level.plates.labels.ravel()[field], level.labels)
    prices = set_prices(level)
    reach = prices.reach.copy()
    reach[CORNER] = 0
    held, _ = search(level, wanted, begun, walk, prices=prices._replace(reach=reach))
    corner = level.labels == CORNER
    assert corner.any()
    assert np.array_equal(held[corner], make_identity(level)[corner])


@pytest.mark.parametrize("repeat", ["none", "straight", "half-drop", "mirror"])
def test_the_designs_own_patches_make_the_design(repeat):
    design = draw_ornament(40, 36)
    level = plan_drawing(design, repeat)
    field = make_identity(level)
    assert np.array_equal(steps.vote(level, field, np.zeros(field.shape, np.int32), lambda: None), design)
    copied = steps.copy(level, field, lambda: None)
    assert np.array_equal(copied, design)
    coarse = plan_drawing(design, repeat, 0.5)
    top, left = coarse.origin
    own = coarse.plates.picture[top : top + coarse.size[0], left : left + coarse.size[1]]
    assert np.array_equal(steps.average(coarse, make_identity(coarse), lambda: None), own)
    assert np.array_equal(steps.enlarge(make_identity(coarse), coarse, level, lambda: None), field)


def test_patches_of_a_mirrored_plate_move_with_the_axis():
    """Left of the mirror image lies what is right of the part, PAD knots at each level."""
    design = draw_ornament(48, 80, vertical=0)
    domain = find_domain(design.shape, "none", 0, None)
    regions = np.full(domain.size, FIELD, np.uint8)
    motifs = [Motifs(domain, domain.cut(design), regions, (Orientation(), Orientation(across=True)), BARRED)]
    coarse, fine = (
        plan_level(scale, domain, regions, motifs, colours)
        for scale, colours in ((0.5, convert_colours(draw_colours(4))), (1.0, None))
    )
    assert coarse.plates.table[1, 8] == PAD and coarse.origin == (0, 0)
    mirrored = make_identity(coarse) + np.int32(coarse.plates.table[1, 6])
    larger = steps.enlarge(mirrored, coarse, fine, lambda: None)
    rows, columns = np.divmod(larger, fine.plates.labels.shape[1])
    ys, xs = np.indices(larger.shape)
    assert np.array_equal(rows - fine.plates.table[1, 0], ys)
    inner = (xs > PAD) & (xs < larger.shape[1] - PAD)
    assert np.array_equal(columns[inner], (xs - PAD)[inner])


def test_each_knot_takes_the_yarn_with_the_most_weight():
    level = plan_drawing(draw_ornament(24, 20, yarns=3))
    field = draw_field(level)
    cost = np.random.default_rng(1).integers(0, 6, field.shape, dtype=np.int32)
    votes = np.zeros((*level.size, 3), int)
    for (y, x), _, found in list_patches(level, field, level.plates.picture):
        weights = np.maximum(steps.WEIGHTS * steps.CONFIDENCE // (steps.CONFIDENCE + cost[y, x]), 1)
        for yarn in range(3):
            votes[y : y + PATCH, x : x + PATCH, yarn] += weights * (found == yarn)
    assert np.array_equal(steps.vote(level, field, cost, lambda: None), votes.argmax(axis=-1))


def test_a_knot_takes_the_yarn_of_the_better_patches():
    """One patch that fits wins over all others that fit badly; among equals the more frequent yarn wins."""
    design = np.zeros((40, 40), np.uint8)
    design[:, 20:] = 1
    level = plan_drawing(design)
    stride = level.plates.labels.shape[1]
    field = np.zeros(level.labels.shape, np.int32)  # ground
    field[10, 10] = 10 * stride + 30  # one patch of the other yarn
    cost = np.full(field.shape, 1000, np.int32)
    cost[10, 10] = 0
    knots = steps.vote(level, field, cost, lambda: None)
    expected = np.zeros_like(design)
    expected[10 : 10 + PATCH, 10 : 10 + PATCH] = 1
    assert np.array_equal(knots, expected)
    assert not steps.vote(level, field, np.zeros_like(cost), lambda: None).any()
