"""Sets of pictures against an archive: distance and floor, known patterns, line widths, memorised motifs, intervals."""

from __future__ import annotations

import numpy as np
import pytest

from studio.evaluation.archive_distance import (
    Archive,
    compare,
    measure_distance,
    measure_distance_difference,
    measure_floor,
    read_archive,
)
from studio.evaluation.patches import KINDS, PatchSpace, average, fit_patch_space, measure_gaps, project
from tests.support.held_out import draw_stripes


def fit(pictures: list[np.ndarray], kind: str) -> tuple[PatchSpace, Archive]:
    space, described = fit_patch_space(pictures)
    return space, read_archive([one[kind] for one in described], space.weights(kind))


def measure(archive: Archive, space: PatchSpace, kind: str, pictures: list[np.ndarray]):
    described = [space.describe(one, 1000 + key)[kind] for key, one in enumerate(pictures)]
    return measure_distance(compare(archive, described, [None] * len(pictures)))


def test_the_product_of_distribution_functions_is_the_mean_distance_of_patches() -> None:
    """Against the definition, over all pairs of patches: levels make it coarser by a few per cent."""
    pictures = [draw_stripes(0, 3), draw_stripes(1, 5)]
    space, described = fit_patch_space(pictures)
    one, other = (project(picture, space.seed, key)["patches"] for key, picture in enumerate(pictures))
    plain = np.mean([np.abs(a[:, None] - b[None]).mean() for a, b in zip(one, other, strict=True)])
    features = [np.stack([entry["patches"]]) for entry in described]
    assert measure_gaps(space.weights("patches"), *features)[0, 0] == pytest.approx(plain, rel=0.03)


@pytest.mark.slow
@pytest.mark.parametrize("count", [4, 12])
@pytest.mark.parametrize("kind", KINDS)
def test_a_set_like_the_archive_has_a_distance_about_zero_however_small_it_is(kind: str, count: int) -> None:
    space, archive = fit([draw_stripes(seed) for seed in range(16)], kind)
    values = [
        measure(archive, space, kind, [draw_stripes(first + seed) for seed in range(count)]).value
        for first in range(100, 100 + 10 * count, count)
    ]
    assert abs(np.mean(values)) < 0.15
    assert min(values) < 0 < max(values)  # a biased distance never falls below 0


@pytest.mark.slow
def test_the_drawing_tells_stripes_from_other_stripes_and_the_palette_does_not() -> None:
    archive = [draw_stripes(seed) for seed in range(12)]
    others = [draw_stripes(seed, 6) for seed in range(100, 112)]
    found = {}
    for kind in KINDS:
        space, read = fit(archive, kind)
        found[kind] = measure(read, space, kind, others)
        floor = measure_floor(read)
        assert floor is not None and floor.low < 0 < floor.high
        if kind == "drawing":
            assert found[kind].value > floor.high
    assert found["drawing"].above_zero
    assert not found["palette"].above_zero


def test_a_variation_is_not_compared_with_its_own_source() -> None:
    pictures = [draw_stripes(seed, width) for seed, width in enumerate((3, 3, 3, 9))]
    space, described = fit_patch_space(pictures)
    features = [one["drawing"] for one in described]
    archive = read_archive(features, space.weights("drawing"))
    left_out = compare(archive, features, [0, 1, 2, 3]).to_archive
    compared = compare(archive, features, [None] * 4).to_archive
    assert (left_out > compared).all()  # a picture is nearest to itself
    expected = (archive.gaps.sum(axis=1) - np.diag(archive.gaps)) / 3
    assert left_out == pytest.approx(expected)


def test_the_same_seed_gives_the_same_figures_and_a_picture_too_small_for_patches_is_read_too() -> None:
    pictures = [draw_stripes(seed, shape=(12, 14)) for seed in range(4)]
    first, again = fit(pictures, "patches"), fit(pictures, "patches")
    assert np.array_equal(first[1].features, again[1].features)
    assert np.isfinite(first[1].gaps).all()


def test_an_archive_of_one_drawing_has_no_distance_and_few_designs_no_floor() -> None:
    space, archive = fit([np.full((20, 20, 3), 90, np.uint8)] * 4, "palette")
    assert measure(archive, space, "palette", [draw_stripes(1), draw_stripes(2)]) is None
    assert measure_floor(archive) is None
    assert measure_floor(fit([draw_stripes(seed) for seed in range(3)], "palette")[1]) is None
    with pytest.raises(ValueError, match="give at least 2"):
        read_archive([space.describe(draw_stripes(1), 0)["palette"]], space.weights("palette"))


def test_differences_are_paired_by_design() -> None:
    space, archive = fit([draw_stripes(seed) for seed in range(6)], "drawing")
    near = [space.describe(draw_stripes(50 + key), key)["drawing"] for key in range(6)]
    far = [space.describe(draw_stripes(50 + key, 9), key)["drawing"] for key in range(6)]
    one, other = (compare(archive, features, [None] * 6) for features in (near, far))
    difference = measure_distance_difference(one, other)
    assert difference.value == pytest.approx(measure_distance(one).value - measure_distance(other).value)
    assert difference.below_zero
    same = measure_distance_difference(one, one)
    assert (same.value, same.low, same.high) == (0, 0, 0)
    with pytest.raises(ValueError, match="the same designs"):
        measure_distance_difference(one, compare(archive, far[:3], [None] * 3))


def test_the_variations_of_a_design_are_taken_together() -> None:
    space, _ = fit_patch_space([draw_stripes(seed) for seed in range(2)])
    one, other = space.describe(draw_stripes(3), 7), space.describe(draw_stripes(4), 7)
    assert average([one, other])["palette"] == pytest.approx((one["palette"] + other["palette"]) / 2)
    with pytest.raises(ValueError, match="at least one"):
        average([])
