"""Mirror axes: found with their offset under noise, measured as defined, and made exact."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.carpets.generator import FAMILIES, draw_layout
from studio.designs.structure.symmetry import (
    SEARCHED_LEAST_PX,
    SEARCHED_SHARE,
    Axis,
    find_axis,
    is_symmetric,
    measure_agreement,
    mirror,
    source_of,
)

DIRECTIONS = ("vertical", "horizontal")
BOTH_WAYS = pytest.mark.parametrize("direction", DIRECTIONS)
NOISES = (0.0, 0.01, 0.02, 0.05)
FOUND_LEAST = 0.99


def draw_blobs(rng, height, width, colours=6) -> np.ndarray:
    """Draw coarse random patches that agree with themselves at no shift."""
    coarse = rng.integers(0, colours, (-(-height // 4), -(-width // 4)), dtype=np.uint8)
    return np.kron(coarse, np.ones((4, 4), np.uint8))[:height, :width]


def add_noise(indices, share, rng) -> np.ndarray:
    others = rng.integers(0, int(indices.max()) + 1, indices.shape, dtype=np.uint8)
    return np.where(rng.random(indices.shape) < share, others, indices)


def cut_off_centre(indices, offset, direction) -> np.ndarray:
    """Cut lines off one end of a centred design, so that its axis has this offset."""
    lines = indices.T if direction == "vertical" else indices
    lines = lines[: len(lines) - offset] if offset > 0 else lines[-offset:]
    return np.ascontiguousarray(lines.T if direction == "vertical" else lines)


def agree_slowly(indices, direction, offset) -> float:
    """Return the agreement as defined, knot by knot."""
    lines = indices.T if direction == "vertical" else indices
    met = [
        lines[at] == lines[partner]
        for at in range(len(lines))
        if 0 <= (partner := len(lines) - 1 + offset - at) < len(lines)
    ]
    return float(np.mean(met))


def choose_offsets(side, rng) -> list[int]:
    """Choose an offset for each noise level, one of them the largest that is searched after cutting."""
    most = max(
        offset for offset in range(side // 2) if offset <= max(SEARCHED_LEAST_PX, SEARCHED_SHARE * (side - offset))
    )
    offsets = rng.integers(-most, most + 1, len(NOISES))
    offsets[rng.integers(len(NOISES))] = rng.choice([-most, most])
    return offsets.tolist()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "seeds", "least"),
    [((128, 160), 4, 300), ((900, 1200), 2, 150)],
    ids=["small", "large"],
)
def test_the_axis_and_its_offset_are_found_under_noise(size, seeds, least):
    """Some designs have many exact axes (stripes): one nearer the middle than the drawn one is correct too."""
    tried, missed = 0, []
    for number, family in enumerate(FAMILIES):
        for seed in range(seeds):
            layout = draw_layout(seed, *size, family)
            rng = np.random.default_rng([seed, number])
            for direction, side in zip(DIRECTIONS, size, strict=True):
                if layout.symmetry not in (direction, "quarter"):
                    continue
                for noise, offset in zip(NOISES, choose_offsets(side, rng), strict=True):
                    clean = cut_off_centre(layout.indices, offset, direction)
                    found = find_axis(add_noise(clean, noise, rng), direction).offset
                    tried += 1
                    nearer = abs(found) < abs(offset) and measure_agreement(clean, direction, found) == 1
                    if found != offset and not nearer:
                        missed.append((family, seed, direction, noise, offset, found))
    assert tried > least
    assert len(missed) <= (1 - FOUND_LEAST) * tried, f"{1 - len(missed) / tried:.4f} found; missed {missed}"


def test_the_only_axis_of_a_random_design_is_found():
    missed = []
    seeds = range(150)
    for seed in seeds:
        rng = np.random.default_rng(seed)
        direction, offset, noise = DIRECTIONS[seed % 2], int(rng.integers(-6, 7)), NOISES[seed % 4]
        offsets = {"vertical": None, "horizontal": None, direction: offset}
        height, width = (int(side) for side in rng.integers(60, 200, 2))
        design = mirror(draw_blobs(rng, height, width), **offsets)
        found = find_axis(add_noise(design, noise, rng), direction)
        if found.offset != offset or (noise == 0 and found.agreement != 1):
            missed.append((seed, offset, found))
    assert len(missed) <= (1 - FOUND_LEAST) * len(seeds), f"{1 - len(missed) / len(seeds):.4f} found; missed {missed}"


@BOTH_WAYS
def test_agreement_and_kappa_are_as_defined(direction):
    rng = np.random.default_rng(3)
    design = add_noise(mirror(draw_blobs(rng, 61, 48), 3, -2), 0.1, rng)
    chance = float(((np.bincount(design.ravel()) / design.size) ** 2).sum())
    axis = find_axis(design, direction)
    assert axis.kappa == pytest.approx((axis.agreement - chance) / (1 - chance))
    for offset in range(-9, 10):
        agreement = measure_agreement(design, direction, offset)
        assert agreement == pytest.approx(agree_slowly(design, direction, offset))
        assert axis.agreement >= agreement


def test_the_offset_counts_to_the_right_and_downwards():
    design = np.array([[1, 2, 3, 2, 1, 0]] * 3, np.uint8)
    assert find_axis(design, "vertical") == Axis("vertical", -1, 1.0, 1.0)
    assert find_axis(design[:, ::-1], "vertical").offset == 1
    assert find_axis(np.ascontiguousarray(design.T), "horizontal").offset == -1


@BOTH_WAYS
def test_the_mirror_image_of_a_design_has_the_opposite_offset(direction):
    rng = np.random.default_rng(8)
    design = mirror(draw_blobs(rng, 90, 110), 4, -5)
    there, back = find_axis(design, direction), find_axis(design[::-1, ::-1], direction)
    assert back.offset == -there.offset
    assert back.agreement == there.agreement == 1


def test_a_plain_design_agrees_and_is_not_symmetric():
    for direction in DIRECTIONS:
        axis = find_axis(np.full((40, 30), 3, np.uint8), direction)
        assert axis == Axis(direction, 0, 1.0, 0.0)
        assert not is_symmetric(axis)


def test_of_equal_axes_the_one_nearest_the_middle_wins():
    stripes = np.tile(np.array([0, 1, 1, 0], np.uint8), (50, 40))
    assert find_axis(stripes, "horizontal").offset == 0
    noisy = add_noise(stripes, 0.05, np.random.default_rng(1))
    assert find_axis(noisy, "horizontal").offset == 0
    assert find_axis(noisy, "vertical").offset == 0


def test_unrelated_halves_have_a_kappa_of_about_zero():
    axis = find_axis(np.random.default_rng(0).integers(0, 8, (200, 150), dtype=np.uint8), "vertical")
    assert abs(axis.kappa) < 0.02
    assert not is_symmetric(axis)


@pytest.mark.parametrize(
    ("agreement", "kappa", "symmetric"),
    [(1.0, 1.0, True), (0.98, 0.9, True), (0.979, 0.95, False), (0.99, 0.89, False), (1.0, 0.0, False)],
)
def test_symmetric_needs_agreement_beyond_chance(agreement, kappa, symmetric):
    assert is_symmetric(Axis("vertical", 0, agreement, kappa)) is symmetric


def test_offsets_are_searched_up_to_the_given_one():
    design = mirror(draw_blobs(np.random.default_rng(2), 60, 400), 30, None)
    assert find_axis(design, "vertical").offset != 30  # 5 % of 400 is 20
    assert find_axis(design, "vertical", 30) == find_axis(design, "vertical", 10_000)
    assert find_axis(design, "vertical", 30).agreement == 1
    assert find_axis(design, "vertical", 0).offset == 0


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (2, 2), (3, 2)])
def test_tiny_designs_have_axes_too(shape):
    design = np.arange(shape[0] * shape[1], dtype=np.uint8).reshape(shape)
    for direction in DIRECTIONS:
        assert 0 <= find_axis(design, direction).agreement <= 1
    assert mirror(design, 0, 0).shape == shape


def test_bad_input_is_refused_with_its_value():
    design = np.zeros((20, 30), np.uint8)
    with pytest.raises(ValueError, match="diagonal"):
        find_axis(design, "diagonal")
    with pytest.raises(ValueError, match="most_offset is -1"):
        find_axis(design, "vertical", -1)
    with pytest.raises(ValueError, match=r"\(20, 30, 3\)"):
        find_axis(np.zeros((20, 30, 3), np.uint8), "vertical")
    with pytest.raises(ValueError, match="offset of 30"):
        mirror(design, 30, None)
    with pytest.raises(ValueError, match="offset of -20"):
        measure_agreement(design, "horizontal", -20)


# Mirroring


SIDES = st.integers(1, 40)


@st.composite
def designs_and_offsets(draw):
    height, width = draw(SIDES), draw(SIDES)
    seed = draw(st.integers(0, 10_000))
    design = np.random.default_rng(seed).integers(0, 5, (height, width), dtype=np.uint8)
    vertical = draw(st.none() | st.integers(-width + 1, width - 1))
    horizontal = draw(st.none() | st.integers(-height + 1, height - 1))
    return design, vertical, horizontal


@settings(max_examples=40, deadline=None)
@given(designs_and_offsets())
def test_mirroring_is_exact_about_both_axes_at_once(given_design):
    design, vertical, horizontal = given_design
    result = mirror(design, vertical, horizontal)
    assert result.shape == design.shape and result.dtype == design.dtype
    for direction, offset in (("vertical", vertical), ("horizontal", horizontal)):
        if offset is not None:
            assert measure_agreement(result, direction, offset) == 1
            assert agree_slowly(result, direction, offset) == 1
    assert np.array_equal(mirror(result, vertical, horizontal), result)
    assert set(np.unique(result)) <= set(np.unique(design))


@settings(max_examples=40, deadline=None)
@given(designs_and_offsets())
def test_the_larger_half_and_knots_without_a_partner_stay(given_design):
    design, vertical, _ = given_design
    height, width = design.shape
    rows, columns = source_of((height, width), vertical, None)
    assert np.array_equal(rows, np.arange(height))
    if vertical is None:
        assert np.array_equal(columns, np.arange(width))
        return
    axis = (width - 1 + vertical) / 2
    for x in range(width):
        partner = width - 1 + vertical - x
        smaller_half = x > axis if vertical >= 0 else x < axis
        assert columns[x] == (partner if smaller_half and 0 <= partner < width else x)


def test_pictures_and_masks_are_mirrored_by_the_same_rows_and_columns():
    rng = np.random.default_rng(4)
    design, palette = draw_blobs(rng, 50, 70), rng.integers(0, 256, (6, 3), dtype=np.uint8)
    rows, columns = source_of(design.shape, 1, -4)
    mirrored = mirror(design, 1, -4)
    assert np.array_equal(palette[design][rows][:, columns], palette[mirrored])
    assert np.array_equal((design == 2)[rows][:, columns], mirrored == 2)


def test_mirroring_a_symmetric_design_changes_nothing():
    layout = draw_layout(1, 160, 208, "medallion")
    assert layout.symmetry in ("vertical", "quarter")
    assert np.array_equal(mirror(layout.indices, 0, None), layout.indices)


def test_without_axes_a_copy_is_returned_and_the_original_never_changes():
    design = draw_blobs(np.random.default_rng(5), 30, 30)
    before = design.copy()
    result = mirror(design, None, None)
    assert np.array_equal(result, design)
    result[:] = 0
    mirror(design, 1, 1)
    assert np.array_equal(design, before)
