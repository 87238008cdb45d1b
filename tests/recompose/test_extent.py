"""How far a drawing departs from its design, and that it loses no yarn."""

from __future__ import annotations

import numpy as np
import pytest

from studio.designs import SAMPLES, open_design
from studio.recompose.recomposer import MEDIUM, STRONG, SUBTLE, Recomposer, read_carpet
from tests.recompose.small_designs import draw_ornament, make_carpet

SEEDS = 2


def measure_shares(knots) -> np.ndarray:
    return np.bincount(knots.ravel(), minlength=256) / knots.size


@pytest.mark.slow
def test_a_sample_changes_as_much_as_is_wanted_and_loses_no_yarn():
    sample = next(one for one in SAMPLES if one.id == "kilim")
    index_map = open_design(sample.path.read_bytes()).index_map
    design = index_map.indices
    recomposer = Recomposer(read_carpet(index_map, "none", 0, 0))
    before = measure_shares(design)
    means = []
    for change in (SUBTLE, MEDIUM, STRONG):
        drawn = [recomposer.draw(change, seed) for seed in range(SEEDS)]
        changed = [float((knots != design).mean()) for knots in drawn]
        assert np.allclose(changed, change, rtol=0.5)
        means.append(np.mean(changed))
        for knots in drawn:
            left = measure_shares(knots)[before >= 0.005] / before[before >= 0.005]
            assert left.min() > 0.4
            assert left.max() < 2
        assert (drawn[0] != drawn[1]).mean() > 0.3 * change
    assert means[0] < means[1] < means[2]
    assert np.allclose(means, (SUBTLE, MEDIUM, STRONG), rtol=0.25)


@pytest.mark.slow
@pytest.mark.parametrize("repeat", ["none", "straight"])
@pytest.mark.parametrize("size", [(24, 24), (48, 40), (64, 80)])
def test_even_a_subtle_variation_of_a_small_design_is_not_the_design(size, repeat):
    design = draw_ornament(*size, repeat=None if repeat == "none" else repeat)
    recomposer = Recomposer(make_carpet(design, repeat))
    assert all(not np.array_equal(recomposer.draw(SUBTLE, seed), design) for seed in range(4))


@pytest.mark.slow
@pytest.mark.parametrize("size", [(64, 60), (96, 80)])
def test_a_small_design_keeps_its_yarns_though_one_motif_may_be_all_of_a_yarn(size):
    design = draw_ornament(*size, yarns=6, vertical=0, horizontal=0)
    recomposer = Recomposer(make_carpet(design, "none", 0, 0))
    before = measure_shares(design)
    for seed in range(4):
        after = measure_shares(recomposer.draw(STRONG, seed))
        assert (after[before >= 0.005] >= 0.25 * before[before >= 0.005]).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "axes"),
    [
        ((24, 24), (None, None)),
        ((48, 40), (None, None)),
        ((160, 120), (None, None)),
        ((60, 400), (None, None)),
        ((200, 160), (0, 0)),
    ],
)
def test_designs_of_any_size_change_as_much_as_is_wanted(size, axes):
    design = draw_ornament(*size, vertical=axes[0], horizontal=axes[1])
    recomposer = Recomposer(make_carpet(design, "none", *axes))
    for change in (SUBTLE, MEDIUM, STRONG):
        changed = [(recomposer.draw(change, seed) != design).mean() for seed in range(4)]
        assert np.isclose(np.mean(changed), change, rtol=0.25)
        assert np.allclose(changed, change, rtol=0.6)


@pytest.mark.slow
def test_the_smallest_designs_change_more_where_more_is_wanted():
    """Their coarsest level is nearly as fine as the design itself."""
    design = draw_ornament(13, 26, yarns=3, seed=1)
    recomposer = Recomposer(make_carpet(design))
    subtle, strong = (
        np.mean([(recomposer.draw(change, seed) != design).mean() for seed in range(8)]) for change in (SUBTLE, STRONG)
    )
    assert subtle < 0.2 < strong
