"""Stray knots: found by their definition, and cleaned without changing other knots."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.designs import clean_orphans, measure_orphan_share, snap
from studio.designs.weaving.orphans import find_orphans
from tests.support.knots import draw_colours


def scan_orphans(knots) -> np.ndarray:
    """Return the stray knots as defined, knot by knot."""
    height, width = knots.shape
    return np.array(
        [
            [
                not any(
                    knots[y + v, x + u] == knots[y, x]
                    for v in (-1, 0, 1)
                    for u in (-1, 0, 1)
                    if (u or v) and 0 <= y + v < height and 0 <= x + u < width
                )
                for x in range(width)
            ]
            for y in range(height)
        ]
    )


DRAWN = st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 2, 3, 5, 256]), st.integers(0, 9999))


def draw_small(drawn) -> np.ndarray:
    width, height, count, seed = drawn
    return np.random.default_rng(seed).integers(0, count, (height, width), dtype=np.uint8)


@given(DRAWN)
@settings(max_examples=40, deadline=None)
def test_orphans_are_found_by_their_definition(drawn):
    knots = draw_small(drawn)
    assert np.array_equal(find_orphans(knots), scan_orphans(knots))
    assert measure_orphan_share(knots) == scan_orphans(knots).mean()


@given(DRAWN, st.sampled_from([0, 0.002, 0.2]), st.booleans())
@settings(max_examples=40, deadline=None)
def test_cleaning_never_raises_the_share_and_changes_stray_knots_alone(drawn, most_share, guarded):
    knots = draw_small(drawn)
    protected = np.random.default_rng(drawn[-1]).random(knots.shape) < 0.3 if guarded else None
    cleaned, changed = clean_orphans(knots, most_share, protected)
    before, after = measure_orphan_share(knots), measure_orphan_share(cleaned)
    assert after <= before
    assert changed == np.count_nonzero(cleaned != knots) and (after < before) == (changed > 0)
    spared = ~find_orphans(knots) if protected is None else ~find_orphans(knots) | protected
    assert np.array_equal(cleaned[spared], knots[spared])
    if before <= most_share:
        assert changed == 0
    assert set(cleaned.ravel().tolist()) <= set(knots.ravel().tolist())
    # Remaining stray knots have no stable neighbour.
    if after > most_share and protected is None:
        assert find_orphans(cleaned).all()
    assert clean_orphans(cleaned, most_share, protected)[1] == 0


@given(DRAWN, st.sampled_from([0, 0.2]), st.booleans())
@settings(max_examples=40, deadline=None)
def test_cleaning_a_mirror_image_gives_the_mirror_image(drawn, most_share, guarded):
    knots = draw_small(drawn)
    protected = np.random.default_rng(drawn[-1]).random(knots.shape) < 0.3 if guarded else np.zeros(knots.shape, bool)
    cleaned, changed = clean_orphans(knots, most_share, protected)
    for turn in (np.s_[:, ::-1], np.s_[::-1], np.s_[::-1, ::-1]):
        turned, turned_changed = clean_orphans(knots[turn], most_share, protected[turn])
        assert np.array_equal(turned, cleaned[turn]) and turned_changed == changed


def test_a_stray_knot_takes_the_most_frequent_neighbour_and_the_lower_of_equals():
    knots = np.array([[1, 1, 1], [1, 9, 4], [4, 4, 4]], np.uint8)
    assert clean_orphans(knots, 0)[0][1, 1] == 1
    knots[0, 0] = 4
    assert clean_orphans(knots, 0)[0][1, 1] == 4


def test_a_pattern_of_single_knots_is_unchanged():
    pattern = np.tile(np.array([[0, 1], [2, 3]], np.uint8), (8, 8))
    cleaned, changed = clean_orphans(pattern)
    assert measure_orphan_share(pattern) == 1 and changed == 0 and np.array_equal(cleaned, pattern)


def test_cleaning_leaves_at_most_the_given_share():
    rng = np.random.default_rng(0)
    knots = np.kron(rng.integers(0, 8, (12, 12)), np.ones((12, 12), int))
    knots = np.where(rng.random(knots.shape) < 0.05, rng.integers(0, 8, knots.shape), knots).astype(np.uint8)
    assert measure_orphan_share(knots) > 0.02
    cleaned, changed = clean_orphans(knots)
    assert measure_orphan_share(cleaned) <= 0.002 and 0 < changed < 0.06 * knots.size


def test_other_shapes_are_refused():
    for knots in (np.zeros(4, np.uint8), np.zeros((0, 4), np.uint8)):
        with pytest.raises(ValueError, match="knots of shape"):
            measure_orphan_share(knots)
    with pytest.raises(ValueError, match="a mask of"):
        clean_orphans(np.zeros((4, 4), np.uint8), protected=np.zeros((4, 5), bool))


def test_a_snapped_picture_with_specks_is_cleaned_into_its_design():
    palette, tile = draw_colours(5, seed=4), np.random.default_rng(4).integers(0, 5, (9, 9))
    knots = np.kron(tile, np.ones((8, 8), int)).astype(np.uint8)
    pixels = palette[knots]
    pixels[::11, ::13] = 255 - pixels[::11, ::13]
    cleaned, _ = clean_orphans(snap(pixels, palette), 0)
    assert (cleaned == knots).mean() > 0.998
