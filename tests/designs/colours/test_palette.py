"""Palettes: quantisation, suggested palettes and pairs of near yarns."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from studio.designs import EXACT_LIMIT, SAMPLES, find_near_yarns, index_colours, open_design, snap, suggest_palette
from studio.designs.colours.colour_spaces import (
    convert_to_lab,
    convert_to_oklab,
    count_colours,
    measure_difference,
    spread_in_oklab,
)
from studio.designs.colours.palette import SERVED_OKLAB, _measure_steepness
from tests.support.knots import draw_colours, draw_knots


@given(st.integers(1, 256), st.integers(0, 999))
@settings(max_examples=20, deadline=None)
def test_snapping_exact_colours_gives_their_indices(count, seed):
    palette, knots = draw_colours(count, seed), draw_knots(count, seed=seed)
    assert np.array_equal(snap(palette[knots], palette), knots)


@given(st.integers(1, 40), st.integers(0, 999))
@settings(max_examples=20, deadline=None)
def test_snapping_takes_the_nearest_yarn_and_is_idempotent(count, seed):
    rng = np.random.default_rng(seed)
    palette = rng.integers(0, 256, (count, 3), dtype=np.uint8)
    palette[rng.integers(count)] = palette[0]
    pixels = rng.integers(0, 256, (30, 20, 3), dtype=np.uint8)
    snapped = snap(pixels, palette)
    assert snapped.dtype == np.uint8 and snapped.shape == (30, 20) and snapped.max() < count
    assert np.array_equal(snap(palette[snapped], palette), snapped)
    gaps = ((spread_in_oklab(pixels / 255)[..., None, :] - spread_in_oklab(palette / 255)) ** 2).sum(-1) ** 0.5
    assert (np.take_along_axis(gaps, snapped[..., None].astype(int), -1)[..., 0] <= gaps.min(-1) + 1e-5).all()
    # Of equal yarns only the first one is used.
    assert not {i for i in range(count) if (palette[:i] == palette[i]).all(1).any()} & set(snapped.ravel().tolist())


def test_snapping_refuses_other_shapes():
    with pytest.raises(ValueError, match="pixels of uint8"):
        snap(np.zeros((4, 3), np.uint8), draw_colours(2))
    with pytest.raises(ValueError, match="palette of"):
        snap(np.zeros((4, 4, 3), np.uint8), np.zeros((2, 4), np.uint8))


@given(st.integers(1, EXACT_LIMIT), st.integers(0, 999))
@settings(max_examples=15, deadline=None)
def test_suggested_yarns_of_a_drawn_design_are_its_own(count, seed):
    palette, knots = draw_colours(count, seed), draw_knots(count, seed=seed)
    suggested = suggest_palette(palette[knots])
    assert np.array_equal(suggested, index_colours(Image.fromarray(palette[knots])).palette)
    assert np.array_equal(suggest_palette(palette[knots], 256), suggested)


@pytest.mark.slow
@given(st.integers(1, 30), st.integers(0, 999))
@settings(max_examples=15, deadline=None)
def test_a_suggestion_has_the_given_number_of_colours_of_the_picture(count, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    suggested = suggest_palette(pixels, count)
    assert suggested.shape == (count, 3) and suggested.dtype == np.uint8
    colours = {tuple(colour) for colour in count_colours(pixels)[0].tolist()}
    assert {tuple(colour) for colour in suggested.tolist()} <= colours
    assert len(np.unique(suggested, axis=0)) == count
    assert np.array_equal(suggest_palette(pixels[::-1, ::-1], count), suggested)


@pytest.mark.slow
@given(st.integers(1, 30), st.integers(0, 30), st.sampled_from([2, 20, 1600]), st.integers(0, 999))
@settings(max_examples=30, deadline=None)
def test_fixed_yarns_come_first_and_get_no_near_copies(count, fixed, different, seed):
    pixels = draw_colours(different, seed)[draw_knots(different, 40, 40, seed) if different < 256 else np.s_[:]]
    pixels = pixels.reshape(40, 40, 3)
    held = draw_colours(fixed, seed + 1)
    held[: fixed // 2] = pixels[0, : fixed // 2]  # some of the picture's colours, possibly equal
    if fixed > count:
        with pytest.raises(ValueError, match=f"{count} yarns, {fixed} of them fixed"):
            suggest_palette(pixels, count, held)
        return
    suggested = suggest_palette(pixels, count, held)
    assert np.array_equal(suggested[:fixed], held) and len(suggested) <= count
    new = suggested[fixed:]
    colours = {tuple(colour) for colour in count_colours(pixels)[0].tolist()}
    assert {tuple(colour) for colour in new.tolist()} <= colours
    assert len(np.unique(new, axis=0)) == len(new)
    if fixed:
        gaps = ((convert_to_oklab(new / 255)[:, None] - convert_to_oklab(held / 255)) ** 2).sum(-1) ** 0.5
        assert (gaps > SERVED_OKLAB - 1e-5).all()
    assert np.array_equal(suggest_palette(pixels[::-1, ::-1], count, held), suggested)


def test_colours_near_a_fixed_yarn_get_no_new_one():
    """Most of the picture is close to the fixed red, which would otherwise be the first suggestion."""
    grain = np.random.default_rng(0).normal(0, 2, (90, 90, 3))
    pixels = np.full((90, 90, 3), (176, 34, 44), float)
    pixels[:8], pixels[8:12], pixels[12:16] = (20, 30, 80), (235, 225, 200), (60, 120, 60)
    pixels = (pixels + grain).clip(0, 255).astype(np.uint8)
    fixed = np.array([[180, 30, 40]], np.uint8)
    suggested = suggest_palette(pixels, 4, fixed)
    assert np.array_equal(suggested[:1], fixed)
    for colour in pixels[[0, 10, 13], 5]:
        assert np.abs(suggested[1:].astype(int) - colour).max(axis=1).min() < 12
    assert len(suggest_palette(np.full((9, 9, 3), 77, np.uint8), 4, np.full((1, 3), 78, np.uint8))) == 1
    assert len(suggest_palette(pixels, fixed=fixed)) == 4  # the fewest that suffice, with the fixed one


def test_small_borders_get_yarns_beside_a_field_of_many_shades():
    """The large field is a gradient: splitting it reduces the total distance more than a yarn for a border does."""
    fading = np.linspace(0, 1, 120)[:, None, None]
    pixels = (1 - fading) * (205, 90, 140) + fading * (250, 150, 180) + np.zeros((120, 160, 3))
    borders = [(165, 202, 192), (28, 150, 160), (13, 120, 83), (230, 120, 35), (45, 49, 60), (226, 20, 44)]
    for place, colour in enumerate(borders):
        pixels[:, 4 * place : 4 * place + 4] = colour
    soft = Image.fromarray(pixels.round().astype(np.uint8)).filter(ImageFilter.GaussianBlur(0.6))
    grainy = np.asarray(soft) + np.random.default_rng(0).normal(0, 3, pixels.shape)
    suggested = suggest_palette(grainy.clip(0, 255).astype(np.uint8), 12).astype(int)
    for colour in borders:
        assert np.abs(suggested - colour).max(axis=1).min() < 24, colour


@pytest.mark.slow
def test_up_to_256_yarns_are_suggested_and_none_look_alike():
    pixels = np.random.default_rng(3).integers(0, 256, (120, 120, 3), dtype=np.uint8)
    suggested = suggest_palette(pixels, 256)
    assert 240 < len(np.unique(suggested, axis=0)) == len(suggested) <= 256
    assert not find_near_yarns(suggested)


def draw_carpet_on_white(yarns):
    """Draw a photograph-like JPEG of a carpet on white: a field, a border, small motifs; return pixels and knots."""
    rng = np.random.default_rng(1)
    knots = np.full((240, 320), 255, np.uint8)
    knots[48:192, 70:250] = 0
    knots[54:186, 76:244] = 1
    knots[72:168, 94:226] = 0
    for number in range(48):
        y, x, radius = rng.integers(80, 160), rng.integers(102, 218), rng.integers(4, 8)
        rows, columns = np.ogrid[:240, :320]
        knots[abs(rows - y) + abs(columns - x) <= radius] = 2 + number % (len(yarns) - 2)
    shade = np.linspace(0, 9, 320)[None, :, None]
    pixels = np.full((240, 320, 3), 255.0) - shade
    drawn = knots < 255
    pixels[drawn] = np.array(yarns)[knots[drawn]]
    file = io.BytesIO()
    Image.fromarray(pixels.round().astype(np.uint8)).save(file, "JPEG", quality=85)
    return np.asarray(Image.open(file).convert("RGB")), knots


@pytest.mark.slow
@pytest.mark.parametrize(
    "yarns",
    [
        [(24, 32, 72), (200, 182, 150), (165, 20, 45), (140, 122, 110)],
        [(205, 190, 165), (140, 30, 50), (150, 130, 115), (70, 60, 55)],
        [(120, 124, 130), (40, 50, 60), (190, 30, 50), (225, 215, 195), (60, 90, 60)],
    ],
    ids=["navy", "beige", "grey"],
)
@pytest.mark.parametrize("count", [None, 10])
def test_the_yarns_of_a_carpet_on_white_are_found_and_the_ground_gets_no_more_than_it_needs(yarns, count):
    pixels, knots = draw_carpet_on_white(yarns)
    suggested = suggest_palette(pixels, count)
    true, own = (convert_to_lab(np.array(part, np.uint8) / 255) for part in (yarns, suggested))
    assert (measure_difference(true[:, None], own).min(axis=1) < 3).all()
    assert not find_near_yarns(suggested)
    lab = convert_to_lab(pixels[knots < 255] / 255)
    assert (measure_difference(lab[:, None], own).min(axis=1) > 15).mean() < 0.02
    assert len(suggested) <= 12


def test_steepness_of_each_third_pixel_is_that_of_its_own_neighbours():
    pixels = np.random.default_rng(5).integers(0, 256, (61, 47, 3), dtype=np.uint8)
    whole = np.zeros((61, 47), int)
    for y, x in np.ndindex(61, 47):
        for j, i in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            if 0 <= j < 61 and 0 <= i < 47:
                whole[y, x] = max(whole[y, x], np.abs(pixels[y, x].astype(int) - pixels[j, i]).max())
    for step in (1, 2, 3):
        assert np.array_equal(_measure_steepness(pixels, step), whole[::step, ::step])


@pytest.mark.slow
def test_yarns_of_a_large_picture_are_those_of_the_small_one():
    """A scan of 14 megapixels, of which every second row and column is measured."""
    small = np.asarray(open_design(SAMPLES[1].path.read_bytes()).image.convert("RGB"))
    grain = np.random.default_rng(0).integers(-3, 4, (3600, 4000, 1))
    large = np.asarray(Image.fromarray(small).resize((4000, 3600), Image.Resampling.BICUBIC))
    found = suggest_palette((large + grain).clip(0, 255).astype(np.uint8))
    yarns = np.unique(small.reshape(-1, 3), axis=0)
    gaps = measure_difference(convert_to_lab(yarns / 255)[:, None], convert_to_lab(found / 255))
    assert gaps.min(axis=1).max() < 3


def test_plain_picture_has_one_yarn():
    assert suggest_palette(np.full((50, 40, 3), 77, np.uint8)).tolist() == [[77, 77, 77]]
    grain = np.random.default_rng(0).normal([150, 60, 40], 2, (200, 200, 3))
    assert len(suggest_palette(grain.clip(0, 255).astype(np.uint8))) == 1


@pytest.mark.slow
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.id)
@pytest.mark.parametrize("blur_px", [0, 0.6])
def test_yarns_are_recovered_under_grain_and_blur(sample, blur_px):
    design = open_design(sample.path.read_bytes())
    soft = np.asarray(design.image.filter(ImageFilter.GaussianBlur(blur_px)))
    grain = np.random.default_rng(1).normal(0, 3, soft.shape)
    pixels = (soft + grain).clip(0, 255).astype(np.uint8)
    true = design.index_map
    suggested = suggest_palette(pixels)
    gap = measure_difference(convert_to_lab(true.palette / 255)[:, None], convert_to_lab(suggested / 255)).min(axis=1)
    assert len(suggested) <= 24
    assert true.shares()[gap > 5].sum() <= 0.05  # the lost ones are lines that the blur nearly removed
    if not blur_px:
        yarns = suggest_palette(pixels, len(true.palette))
        kept = yarns[snap(pixels, yarns)]
        assert (np.abs(kept.astype(int) - true.pixels()).max(axis=-1) <= 8).mean() > 0.97


@pytest.mark.parametrize("count", [0, -1, 257])
def test_suggestion_refuses_impossible_numbers(count):
    with pytest.raises(ValueError, match="give 1 to 256"):
        suggest_palette(np.zeros((4, 4, 3), np.uint8), count)


def test_near_yarns_are_listed_with_their_difference():
    palette = np.array([[200, 30, 30], [20, 20, 80], [201, 30, 31], [200, 30, 30], [240, 240, 230]], np.uint8)
    near = find_near_yarns(palette)
    assert [pair[:2] for pair in near] == [(0, 3), (0, 2), (2, 3)]
    assert near[0][2] == 0 and 0 < near[1][2] < 1
    assert find_near_yarns(palette[:1]) == () and len(find_near_yarns(palette, 1000)) == 10
