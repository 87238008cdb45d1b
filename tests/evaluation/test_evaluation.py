"""Colour conversions and differences, structure, off-palette share and the metrics of sets."""

import io
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image, ImageOps

from studio.designs.colours.colour_spaces import (
    convert_from_linear,
    convert_from_oklab,
    convert_to_lab,
    convert_to_lightness,
    convert_to_linear,
    convert_to_oklab,
    count_colours,
    measure_difference,
)
from studio.evaluation import (
    SET_METRICS,
    VARIATION_METRICS,
    correlate_edges,
    count_differing_bits,
    measure_diversity,
    measure_likeness,
    measure_off_palette_share,
    read_structure,
    score_variations,
)
from studio.evaluation.structure import blur, map_edges

# G. Sharma, W. Wu, E. N. Dalal 2005, table 1: L*, a*, b* of two colours, and CIEDE2000
SHARMA_PAIRS = np.loadtxt(
    io.StringIO("""
    50.0000   2.6772 -79.7751   50.0000   0.0000 -82.7485   2.0425
    50.0000   3.1571 -77.2803   50.0000   0.0000 -82.7485   2.8615
    50.0000   2.8361 -74.0200   50.0000   0.0000 -82.7485   3.4412
    50.0000  -1.3802 -84.2814   50.0000   0.0000 -82.7485   1.0000
    50.0000  -1.1848 -84.8006   50.0000   0.0000 -82.7485   1.0000
    50.0000  -0.9009 -85.5211   50.0000   0.0000 -82.7485   1.0000
    50.0000   0.0000   0.0000   50.0000  -1.0000   2.0000   2.3669
    50.0000  -1.0000   2.0000   50.0000   0.0000   0.0000   2.3669
    50.0000   2.4900  -0.0010   50.0000  -2.4900   0.0009   7.1792
    50.0000   2.4900  -0.0010   50.0000  -2.4900   0.0010   7.1792
    50.0000   2.4900  -0.0010   50.0000  -2.4900   0.0011   7.2195
    50.0000   2.4900  -0.0010   50.0000  -2.4900   0.0012   7.2195
    50.0000  -0.0010   2.4900   50.0000   0.0009  -2.4900   4.8045
    50.0000  -0.0010   2.4900   50.0000   0.0010  -2.4900   4.8045
    50.0000  -0.0010   2.4900   50.0000   0.0011  -2.4900   4.7461
    50.0000   2.5000   0.0000   50.0000   0.0000  -2.5000   4.3065
    50.0000   2.5000   0.0000   73.0000  25.0000 -18.0000  27.1492
    50.0000   2.5000   0.0000   61.0000  -5.0000  29.0000  22.8977
    50.0000   2.5000   0.0000   56.0000 -27.0000  -3.0000  31.9030
    50.0000   2.5000   0.0000   58.0000  24.0000  15.0000  19.4535
    50.0000   2.5000   0.0000   50.0000   3.1736   0.5854   1.0000
    50.0000   2.5000   0.0000   50.0000   3.2972   0.0000   1.0000
    50.0000   2.5000   0.0000   50.0000   1.8634   0.5757   1.0000
    50.0000   2.5000   0.0000   50.0000   3.2592   0.3350   1.0000
    60.2574 -34.0099  36.2677   60.4626 -34.1751  39.4387   1.2644
    63.0109 -31.0961  -5.8663   62.8187 -29.7946  -4.0864   1.2630
    61.2901   3.7196  -5.3901   61.4292   2.2480  -4.9620   1.8731
    35.0831 -44.1164   3.7933   35.0232 -40.0716   1.5901   1.8645
    22.7233  20.0904 -46.6940   23.0331  14.9730 -42.5619   2.0373
    36.4612  47.8580  18.3852   36.2715  50.5065  21.2231   1.4146
    90.8027  -2.0831   1.4410   91.1528  -1.6435   0.0447   1.4441
    90.9257  -0.5406  -0.9208   88.6381  -0.8985  -0.7239   1.5381
     6.7747  -0.2908  -2.4247    5.8714  -0.0985  -2.2286   0.6377
     2.0776   0.0795  -1.1350    0.9033  -0.0636  -0.5514   0.9082
    """)
)


def draw_blobs(seed: int, width: int = 180, height: int = 240) -> Image.Image:
    """Return an asymmetric picture of large patches in four colours."""
    rng = np.random.default_rng(seed)
    field = blur(rng.normal(size=(height, width)), 9)
    indices = np.digitize(field, np.quantile(field, (0.25, 0.5, 0.75)))
    return Image.fromarray(np.array([[20, 30, 60], [150, 40, 30], [90, 140, 90], [240, 230, 200]], np.uint8)[indices])


# Colours


def test_colour_difference_matches_the_published_test_pairs():
    difference = measure_difference(SHARMA_PAIRS[:, :3], SHARMA_PAIRS[:, 3:6])
    assert difference.shape == (34,)
    assert np.abs(difference - SHARMA_PAIRS[:, 6]).max() <= 1e-4
    assert np.abs(measure_difference(SHARMA_PAIRS[:, 3:6], SHARMA_PAIRS[:, :3]) - SHARMA_PAIRS[:, 6]).max() <= 1e-4


def test_colour_difference_broadcasts():
    table = measure_difference(SHARMA_PAIRS[:, None, :3], SHARMA_PAIRS[None, :, 3:6])
    assert table.shape == (34, 34)
    assert np.allclose(np.diag(table), SHARMA_PAIRS[:, 6], atol=1e-4)


LAB = arrays.arrays(float, (5, 3), elements=st.floats(-120, 120, width=32))


@given(LAB, LAB)
@settings(deadline=None)
def test_colour_difference_is_symmetric_and_never_negative(a, b):
    there, back = measure_difference(a, b), measure_difference(b, a)
    assert (there >= 0).all()
    # for opposite hues rounding decides on which side their mean lies
    opposite = np.abs(np.cos((np.arctan2(a[:, 2], a[:, 1]) - np.arctan2(b[:, 2], b[:, 1])) / 2)) < 1e-2
    assert np.allclose(there[~opposite], back[~opposite], atol=1e-6)
    assert (measure_difference(a, a) == 0).all()


@pytest.mark.parametrize(
    ("rgb", "lab", "oklab"),
    [
        ((255, 255, 255), (100, 0, 0), (1, 0, 0)),
        ((0, 0, 0), (0, 0, 0), (0, 0, 0)),
        ((255, 0, 0), (53.24, 80.09, 67.20), (0.6280, 0.2249, 0.1258)),
        ((0, 255, 0), (87.73, -86.18, 83.18), (0.8664, -0.2339, 0.1795)),
        ((0, 0, 255), (32.30, 79.19, -107.86), (0.4520, -0.0325, -0.3115)),
        ((128, 128, 128), (53.59, 0, 0), (0.5999, 0, 0)),
    ],
)
def test_conversion_of_known_colours(rgb, lab, oklab):
    for pixel in (np.array(rgb, np.uint8), np.array(rgb) / 255):
        assert np.allclose(convert_to_lab(pixel), lab, atol=0.01)
        assert np.allclose(convert_to_oklab(pixel), oklab, atol=1e-4)
        assert np.isclose(convert_to_lightness(pixel), lab[0], atol=0.01)


def test_oklab_and_linear_light_round_trip():
    levels = np.arange(0, 256, 15, dtype=np.uint8)
    colours = np.stack(np.meshgrid(levels, levels, levels), axis=-1)
    for pixels in (colours, colours / 255):
        assert np.array_equal(np.rint(convert_from_oklab(convert_to_oklab(pixels)) * 255), colours)
        assert np.array_equal(np.rint(convert_from_linear(convert_to_linear(pixels)) * 255), colours)


def test_out_of_gamut_colours_are_clipped():
    assert np.isfinite(convert_from_oklab([0.7, 0.4, -0.4])).all()
    assert convert_from_oklab([2.0, 0, 0]).tolist() == pytest.approx([1, 1, 1])
    assert convert_from_oklab([-1.0, 0, 0]).tolist() == pytest.approx([0, 0, 0])


def test_integers_other_than_uint8_are_refused():
    with pytest.raises(ValueError, match="int64"):
        convert_to_lab(np.array([255, 0, 0]))


# Structure


def test_the_edge_map_of_a_step_peaks_at_the_step():
    step = np.zeros((40, 60), np.float32)
    step[:, 30:] = 100
    edges = map_edges(step)
    assert edges.shape == step.shape
    assert set(edges.argmax(axis=1).tolist()) <= {29, 30}
    assert np.allclose(edges, edges[:, ::-1], atol=1e-3) and np.allclose(edges, map_edges(step.T).T, atol=1e-3)
    assert edges[:, :20].max() < 1e-3 * edges.max()
    # The Sobel weights of the rows sum to 4; the two columns lie 0.5 px and 1.5 px from the blurred step.
    steepest = 4 * 100 * (math.erf(0.5 / 2 / math.sqrt(2)) + math.erf(1.5 / 2 / math.sqrt(2))) / 2
    assert edges.max() == pytest.approx(steepest, rel=0.02)


def test_blur_preserves_constants_and_the_mean():
    assert np.allclose(blur(np.full((9, 7), 3.0), 2), 3)
    values = np.random.default_rng(0).normal(size=(40, 30))
    assert np.isclose(blur(values, 2).mean(), values.mean(), atol=1e-12)  # due to the mirrored border
    assert blur(values, 2).std() < 0.3 * values.std()


def test_edge_correlation_is_high_for_recolourings_and_low_for_other_designs():
    source = read_structure(draw_blobs(1))
    assert correlate_edges(source, source) == pytest.approx(1)
    assert correlate_edges(source, read_structure(ImageOps.invert(draw_blobs(1)))) > 0.7
    assert abs(correlate_edges(source, read_structure(draw_blobs(2)))) < 0.3


def test_likeness_falls_with_noise():
    picture = np.asarray(draw_blobs(1)).astype(int)
    noise = np.random.default_rng(0).normal(size=(240, 180, 1))
    noisy = [Image.fromarray(np.clip(picture + noise * level, 0, 255).astype(np.uint8)) for level in (0, 10, 40, 160)]
    likeness = [measure_likeness(read_structure(noisy[0]), read_structure(image)) for image in noisy]
    assert likeness[0] == pytest.approx(1)
    assert likeness == sorted(likeness, reverse=True) and likeness[-1] < 0.6


def test_plain_pictures_have_no_edge_correlation():
    plain = read_structure(Image.new("RGB", (180, 240), (90, 20, 20)))
    source = read_structure(draw_blobs(1))
    assert plain.plain and not source.plain
    assert correlate_edges(plain, source) is None
    assert measure_diversity([plain, plain]).edges_mean is None


def test_fingerprints_distinguish_small_changes_from_other_designs():
    picture = draw_blobs(1)
    source = read_structure(picture)
    brighter = Image.fromarray((np.asarray(picture) * 0.8 + 40).astype(np.uint8))
    assert count_differing_bits(source, read_structure(brighter)) <= 6
    assert count_differing_bits(source, read_structure(ImageOps.mirror(picture))) > 6
    assert count_differing_bits(source, read_structure(draw_blobs(2))) > 6
    rising = read_structure(Image.fromarray(np.tile(np.arange(0, 252, dtype=np.uint8), (224, 1))))
    assert rising.fingerprint == 2**64 - 1


def test_a_set_of_recolourings_has_low_diversity():
    picture = np.asarray(draw_blobs(1))
    recoloured = [read_structure(Image.fromarray(picture[..., order])) for order in ([0, 1, 2], [0, 2, 1], [1, 0, 2])]
    others = [read_structure(draw_blobs(seed)) for seed in range(3)]
    assert measure_diversity(recoloured).edges_mean < 0.25
    assert measure_diversity(others).edges_least > 0.7
    assert measure_diversity(others).edges_least <= measure_diversity(others).edges_mean
    assert measure_diversity(others).likeness_least <= measure_diversity(others).likeness_mean
    assert measure_diversity(others).near_duplicates == ()
    assert measure_diversity([others[0], others[1], others[0]]).near_duplicates == ((0, 2),)
    assert measure_diversity(others[:1]) is None


def test_structures_of_different_sizes_cannot_be_compared():
    tall, wide = draw_blobs(1), draw_blobs(1, 240, 180)
    source = read_structure(tall)
    assert source.lightness.shape == source.edges.shape == (256, 192)
    assert source.size_px == (192, 256)
    with pytest.raises(ValueError, match="size_px"):
        correlate_edges(source, read_structure(wide))
    assert correlate_edges(source, read_structure(wide, size_px=(192, 256))) is not None


# Palettes


def test_distinct_colours_are_counted():
    pixels = np.array([[[9, 8, 7], [0, 0, 1]], [[9, 8, 7], [255, 0, 0]]], np.uint8)
    colours, counts = count_colours(pixels)
    assert colours.tolist() == [[0, 0, 1], [9, 8, 7], [255, 0, 0]]
    assert counts.tolist() == [1, 2, 1]


def test_off_palette_share_counts_pixels_far_from_every_yarn():
    palette = np.array([[200, 30, 40], [20, 30, 90], [240, 235, 220]], np.uint8)
    pixels = palette[np.random.default_rng(0).integers(0, 3, (50, 40))]
    assert measure_off_palette_share(pixels, palette) == 0
    pixels[:5] = (30, 200, 60)
    pixels[5:10] = palette[0] + 1
    assert measure_off_palette_share(pixels, palette) == pytest.approx(0.1)


def test_off_palette_share_uses_ciede2000_not_the_distance_in_lab():
    violet, palette = np.array([[130, 21, 188]], np.uint8), np.array([[90, 5, 166], [111, 40, 172]], np.uint8)
    assert measure_off_palette_share(violet, palette[:1]) == 1  # 11 away in Lab, 7.6 by CIEDE2000
    assert measure_off_palette_share(violet, palette) == 0  # the other: 14 away in Lab, 3.7 by CIEDE2000


@given(arrays.arrays(np.uint8, (30, 3)), arrays.arrays(np.uint8, (4, 3)), st.floats(0.5, 40))
@settings(deadline=None, max_examples=60)
def test_off_palette_share_equals_the_full_comparison(pixels, palette, limit):
    nearest = measure_difference(convert_to_lab(pixels)[:, None], convert_to_lab(palette)).min(axis=1)
    assert measure_off_palette_share(pixels, palette, limit_delta_e=limit) == pytest.approx((nearest > limit).mean())


def test_off_palette_share_refuses_empty_input():
    palette = np.array([[255, 255, 255], [0, 0, 0]], np.uint8)
    for wrong in (palette[:0], palette.astype(float)):
        with pytest.raises(ValueError, match="give uint8"):
            measure_off_palette_share(palette, wrong)
    with pytest.raises(ValueError, match="no pixels"):
        measure_off_palette_share(np.zeros((0, 3), np.uint8), palette)


# Metrics


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_all_metrics_are_computed_for_sets_of_any_size(count):
    source = read_structure(draw_blobs(0))
    others = (read_structure(draw_blobs(seed, 90, 120), size_px=source.size_px) for seed in range(1, 5))
    score = score_variations(source, [source, *others][:count])
    assert len(score.each) == count
    for figures in score.each:
        assert set(figures) == set(VARIATION_METRICS)
        assert all(np.isfinite(value) for value in figures.values())
    assert set(score.whole) == set(SET_METRICS)
    assert all((value is None) == (count < 2) for value in score.whole.values())
    if count:
        assert score.each[0]["fidelity"] == score.each[0]["likeness"] == pytest.approx(1)
        assert score.each[0]["hash_distance"] == 0


def test_edge_metrics_do_not_apply_to_plain_pictures():
    plain = read_structure(Image.new("RGB", (90, 120), (200, 180, 150)))
    score = score_variations(plain, [plain, plain])
    assert score.each[0]["fidelity"] is None
    assert score.whole["diversity_edges_mean"] is None
    assert score.near_duplicates == ((0, 1),)
