"""Yarns: every design read by numbers, suggested and snapped palettes, and stray knots cleaned."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageFilter

from studio.designs import (
    EXACT_LIMIT,
    SAMPLES,
    IndexMap,
    clean_orphans,
    find_near_yarns,
    index_colours,
    measure_orphan_share,
    open_design,
    read_index_map,
    snap,
    suggest_palette,
)
from studio.designs.colour import convert_to_lab, convert_to_oklab, count_colours, measure_difference, spread_in_oklab
from studio.designs.orphans import find_orphans
from studio.designs.palette import SERVED_OKLAB

EXIF_ORIENTATION = 0x0112


def encode(image, format="PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def draw_colours(count, seed=0) -> np.ndarray:
    """Colours that are all different, in no order."""
    rng = np.random.default_rng(seed)
    packed = rng.choice(1 << 24, count, replace=False)
    return np.stack([packed >> 16, packed >> 8 & 255, packed & 255], -1).astype(np.uint8)


def draw_knots(count, width=40, height=48, seed=0) -> np.ndarray:
    """Knots that have every number below count."""
    rng = np.random.default_rng(seed)
    knots = np.concatenate([np.arange(count), rng.integers(0, count, width * height - count)])
    return rng.permutation(knots).reshape(height, width).astype(np.uint8)


def draw_indexed(count=6, seed=0, **size) -> Image.Image:
    image = Image.fromarray(draw_knots(count, seed=seed, **size))
    image.putpalette(draw_colours(count, seed).tobytes())
    return image


def open_indexed(data: bytes):
    """The design and its index map, which always shows what the design shows."""
    design = open_design(data)
    index_map = design.index_map
    assert np.array_equal(index_map.pixels(), np.asarray(design.image))
    assert (index_map.width_px, index_map.height_px) == design.image.size
    assert read_index_map(design) is index_map
    return design, index_map


# Index maps


@given(st.integers(1, EXACT_LIMIT), st.integers(0, 999))
@settings(max_examples=40, deadline=None)
def test_drawn_design_gives_back_its_palette_and_knots(count, seed):
    palette, knots = draw_colours(count, seed), draw_knots(count, seed=seed)
    _, read = open_indexed(encode(Image.fromarray(palette[knots])))
    assert {tuple(colour) for colour in read.palette} == {tuple(colour) for colour in palette}
    assert len(read.palette) == count
    shares = read.shares()
    order = [(-share, tuple(colour)) for share, colour in zip(shares, read.palette.tolist(), strict=True)]
    assert order == sorted(order)
    # The order of first appearance plays no part.
    turned = index_colours(Image.fromarray(palette[knots[::-1, ::-1]]))
    assert np.array_equal(turned.palette, read.palette) and np.array_equal(turned.indices[::-1, ::-1], read.indices)


def test_picture_of_more_colours_than_yarns_has_no_index_map():
    knots = draw_knots(EXACT_LIMIT + 1)
    picture = Image.fromarray(draw_colours(EXACT_LIMIT + 1)[knots])
    design = open_design(encode(picture))
    assert design.index_map is None and read_index_map(design) is None
    assert len(index_colours(picture, most=256).palette) == EXACT_LIMIT + 1
    for image, most in ((picture, 0), (picture, 257), (picture.convert("L"), 9)):
        with pytest.raises(ValueError, match="give 1 to 256 and mode RGB"):
            index_colours(image, most)


@pytest.mark.parametrize("count", [1, 2, 3, 16, 17, 200, 256])
@pytest.mark.parametrize("format", ["PNG", "BMP", "GIF", "TIFF", "PCX", "TGA"])
def test_indexed_file_keeps_its_numbers_and_order(format, count):
    image = draw_indexed(count, seed=1)
    _, read = open_indexed(encode(image, format, **({"optimize": False} if format == "GIF" else {})))
    assert np.array_equal(read.indices, np.asarray(image))
    assert read.palette.tobytes() == bytes(image.getpalette()[: 3 * count])


def test_equal_and_unused_entries_stay_and_unused_ones_at_the_end_go():
    image = Image.fromarray(np.repeat([0, 2, 4, 2], 400).reshape(40, 40).astype(np.uint8))
    palette = [10, 20, 30, 1, 1, 1, 200, 0, 0, 2, 2, 2, 10, 20, 30, 3, 3, 3, 4, 4, 4]
    image.putpalette(palette)
    _, read = open_indexed(encode(image))
    assert read.palette.ravel().tolist() == palette[:15]
    assert read.used().tolist() == [0, 2, 4]
    assert read.shares().tolist() == [0.25, 0, 0.5, 0, 0.25]
    assert np.array_equal(read.indices, np.asarray(image))


@pytest.mark.parametrize(
    ("transparency", "third", "notes"),
    [
        (2, (255, 255, 255), 1),
        (b"\xff\xff\x00", (255, 255, 255), 1),
        (b"\xff\xff\x80\x40", (255 - 128, 255 - 128, 255), 1),
        (b"\xff\xff\xff\x00", (0, 0, 255), 0),  # the see-through entry is not in use
    ],
)
def test_see_through_entries_become_what_the_picture_shows(transparency, third, notes):
    image = Image.fromarray(draw_knots(3))
    image.putpalette([200, 0, 0, 0, 100, 0, 0, 0, 255, 7, 7, 7])
    design, read = open_indexed(encode(image, transparency=transparency))
    assert read.palette[:2].tolist() == [[200, 0, 0], [0, 100, 0]]
    assert np.abs(read.palette[2].astype(int) - third).max() <= 1
    assert len(read.palette) == 3 and len(design.notes) == notes
    # Pixel by pixel, Pillow sees the same.
    white = Image.new("RGBA", image.size, "white")
    with Image.open(io.BytesIO(encode(image, transparency=transparency))) as again:
        white.alpha_composite(again.convert("RGBA"))
    assert np.abs(np.asarray(white.convert("RGB")).astype(int) - read.pixels()).max() <= 1


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["PNG", "TIFF"])
@pytest.mark.parametrize("mode", ["P", "RGB"])
def test_turned_pictures_turn_their_index_map(mode, format, orientation):
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    image = draw_indexed(5)
    design, read = open_indexed(encode(image.convert(mode), format, exif=exif))
    plain = open_design(encode(image)).index_map
    assert (design.width_px > design.height_px) == (orientation >= 5)
    assert sorted(read.shares()) == sorted(plain.shares())
    if mode == "P":
        assert np.array_equal(read.palette, plain.palette)


def test_colour_profile_turns_the_palette():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profile = profile.replace(b"rXYZ", b"????").replace(b"gXYZ", b"rXYZ").replace(b"????", b"gXYZ")
    image = draw_indexed(4)
    design, read = open_indexed(encode(image, icc_profile=profile))
    assert np.array_equal(read.indices, np.asarray(image)) and len(design.notes) == 1
    swapped = np.asarray(image.getpalette()[:12]).reshape(4, 3)[:, [1, 0, 2]]
    assert np.abs(read.palette - swapped).max() <= 2


@pytest.mark.parametrize("format", ["PNG", "BMP", "TIFF", "PCX"])
def test_one_bit_pictures_are_two_yarns(format):
    knots = draw_knots(2)
    _, read = open_indexed(encode(Image.fromarray(knots.astype(bool)), format))
    assert read.palette.tolist() == [[0, 0, 0], [255, 255, 255]]
    assert np.array_equal(read.indices, knots)


def test_grey_pictures():
    grey = Image.fromarray((draw_knots(3) * 100).astype(np.uint8))
    _, read = open_indexed(encode(grey))  # a PNG of greys is no indexed one
    assert sorted(read.palette[:, 0].tolist()) == [0, 100, 200] and read.shares().argmax() == 0
    _, read = open_indexed(encode(grey, "BMP"))  # a BMP always is
    assert np.array_equal(read.indices, np.asarray(grey)) and len(read.palette) == 201
    deep = Image.fromarray(draw_knots(3).astype(np.uint16) * 30_000)
    _, read = open_indexed(encode(deep))
    assert sorted(read.palette[:, 0].tolist()) == [0, 117, 233]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.id)
def test_samples_have_index_maps_without_stray_knots(sample):
    _, read = open_indexed(sample.path.read_bytes())
    assert 4 <= len(read.used()) == len(read.palette) <= 16
    assert measure_orphan_share(read.indices) <= 0.02


def test_index_map_holds_what_it_was_given():
    knots, palette = draw_knots(3), draw_colours(4)
    index_map = IndexMap(knots, palette)
    assert index_map.shares().sum() == pytest.approx(1) and index_map.used().tolist() == [0, 1, 2]
    before = index_map.pixels()
    knots[:] = 0
    palette[:] = 0
    assert np.array_equal(index_map.pixels(), before)
    assert not index_map.indices.flags.writeable and not index_map.palette.flags.writeable
    image = index_map.image()
    assert image.mode == "P" and bytes(image.getpalette()) == index_map.palette.tobytes()
    other = index_map.with_palette(draw_colours(9, seed=1))
    assert other.indices is index_map.indices and len(other.palette) == 9
    assert index_map.with_indices(index_map.indices[:5, ::2]).pixels().shape == (5, 20, 3)


@pytest.mark.parametrize(
    ("indices", "palette", "message"),
    [
        (np.zeros((2, 2), int), np.zeros((1, 3), np.uint8), "index map of int64"),
        (np.zeros((2, 2, 1), np.uint8), np.zeros((1, 3), np.uint8), r"index map of uint8 \(2, 2, 1\)"),
        (np.zeros((0, 2), np.uint8), np.zeros((1, 3), np.uint8), "index map of"),
        (np.full((2, 2), 3, np.uint8), np.zeros((3, 3), np.uint8), "index 3 in a palette of 3; the highest would be 2"),
        (np.zeros((2, 2), np.uint8), np.zeros((0, 3), np.uint8), "palette of 0 colours; give 1 to 256"),
        (np.zeros((2, 2), np.uint8), np.zeros((257, 3), np.uint8), "palette of 257 colours"),
        (np.zeros((2, 2), np.uint8), np.zeros((2, 4), np.uint8), "palette of uint8"),
        (np.zeros((2, 2), np.uint8), np.zeros((2, 3)), "palette of float64"),
    ],
)
def test_index_map_refuses_what_does_not_fit(indices, palette, message):
    with pytest.raises(ValueError, match=message):
        IndexMap(indices, palette)


# Snapping


@given(st.integers(1, 256), st.integers(0, 999))
@settings(max_examples=20, deadline=None)
def test_snapping_drawn_pixels_loses_nothing(count, seed):
    palette, knots = draw_colours(count, seed), draw_knots(count, seed=seed)
    assert np.array_equal(snap(palette[knots], palette), knots)


@given(st.integers(1, 40), st.integers(0, 999))
@settings(max_examples=20, deadline=None)
def test_snapping_takes_the_nearest_yarn_and_settles_at_once(count, seed):
    rng = np.random.default_rng(seed)
    palette = rng.integers(0, 256, (count, 3), dtype=np.uint8)
    palette[rng.integers(count)] = palette[0]
    pixels = rng.integers(0, 256, (30, 20, 3), dtype=np.uint8)
    snapped = snap(pixels, palette)
    assert snapped.dtype == np.uint8 and snapped.shape == (30, 20) and snapped.max() < count
    assert np.array_equal(snap(palette[snapped], palette), snapped)
    gaps = ((spread_in_oklab(pixels / 255)[..., None, :] - spread_in_oklab(palette / 255)) ** 2).sum(-1) ** 0.5
    assert (np.take_along_axis(gaps, snapped[..., None].astype(int), -1)[..., 0] <= gaps.min(-1) + 1e-5).all()
    # Of equal yarns the first one.
    assert not {i for i in range(count) if (palette[:i] == palette[i]).all(1).any()} & set(snapped.ravel().tolist())


def test_snapping_refuses_other_shapes():
    with pytest.raises(ValueError, match="pixels of uint8"):
        snap(np.zeros((4, 3), np.uint8), draw_colours(2))
    with pytest.raises(ValueError, match="palette of"):
        snap(np.zeros((4, 4, 3), np.uint8), np.zeros((2, 4), np.uint8))


# Suggestions


@given(st.integers(1, EXACT_LIMIT), st.integers(0, 999))
@settings(max_examples=15, deadline=None)
def test_suggested_yarns_of_a_drawn_design_are_its_own(count, seed):
    palette, knots = draw_colours(count, seed), draw_knots(count, seed=seed)
    suggested = suggest_palette(palette[knots])
    assert np.array_equal(suggested, index_colours(Image.fromarray(palette[knots])).palette)
    assert np.array_equal(suggest_palette(palette[knots], 256), suggested)


@given(st.integers(1, 30), st.integers(0, 999))
@settings(max_examples=15, deadline=None)
def test_suggestion_has_the_number_asked_for_from_the_colours_there_are(count, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    suggested = suggest_palette(pixels, count)
    assert suggested.shape == (count, 3) and suggested.dtype == np.uint8
    colours = {tuple(colour) for colour in count_colours(pixels)[0].tolist()}
    assert {tuple(colour) for colour in suggested.tolist()} <= colours
    assert len(np.unique(suggested, axis=0)) == count
    assert np.array_equal(suggest_palette(pixels[::-1, ::-1], count), suggested)


@given(st.integers(1, 30), st.integers(0, 30), st.sampled_from([2, 20, 1600]), st.integers(0, 999))
@settings(max_examples=30, deadline=None)
def test_fixed_yarns_come_first_and_get_no_near_copies(count, fixed, different, seed):
    pixels = draw_colours(different, seed)[draw_knots(different, 40, 40, seed) if different < 256 else np.s_[:]]
    pixels = pixels.reshape(40, 40, 3)
    held = draw_colours(fixed, seed + 1)
    held[: fixed // 2] = pixels[0, : fixed // 2]  # some of its own, which may be equal to one another
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


def test_what_a_fixed_yarn_serves_asks_for_no_other():
    """Most of the picture is nearly the fixed red: without it that red would be the first yarn to be suggested."""
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
    assert len(suggest_palette(pixels, fixed=fixed)) == 4  # as many as are needed, the fixed one among them


def test_many_yarns_are_suggested_too():
    pixels = np.random.default_rng(3).integers(0, 256, (120, 120, 3), dtype=np.uint8)
    assert len(np.unique(suggest_palette(pixels, 256), axis=0)) == 256


def test_plain_picture_has_one_yarn():
    assert suggest_palette(np.full((50, 40, 3), 77, np.uint8)).tolist() == [[77, 77, 77]]
    grain = np.random.default_rng(0).normal([150, 60, 40], 2, (200, 200, 3))
    assert len(suggest_palette(grain.clip(0, 255).astype(np.uint8))) == 1


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.id)
@pytest.mark.parametrize("blur_px", [0, 0.6])
def test_yarns_are_found_again_under_grain_and_blur(sample, blur_px):
    design = open_design(sample.path.read_bytes())
    soft = np.asarray(design.image.filter(ImageFilter.GaussianBlur(blur_px)))
    grain = np.random.default_rng(1).normal(0, 3, soft.shape)
    pixels = (soft + grain).clip(0, 255).astype(np.uint8)
    true = design.index_map
    suggested = suggest_palette(pixels)
    gap = measure_difference(convert_to_lab(true.palette / 255)[:, None], convert_to_lab(suggested / 255)).min(axis=1)
    assert len(suggested) <= 24
    assert true.shares()[gap > 5].sum() <= 0.05  # what is lost are lines that the blur has nearly dissolved
    if not blur_px:
        yarns = suggest_palette(pixels, len(true.palette))
        kept = yarns[snap(pixels, yarns)]
        assert (np.abs(kept.astype(int) - true.pixels()).max(axis=-1) <= 8).mean() > 0.97


@pytest.mark.parametrize("count", [0, -1, 257])
def test_suggestion_refuses_numbers_that_no_palette_has(count):
    with pytest.raises(ValueError, match="give 1 to 256"):
        suggest_palette(np.zeros((4, 4, 3), np.uint8), count)


def test_near_yarns_are_named_with_their_difference():
    palette = np.array([[200, 30, 30], [20, 20, 80], [201, 30, 31], [200, 30, 30], [240, 240, 230]], np.uint8)
    near = find_near_yarns(palette)
    assert [pair[:2] for pair in near] == [(0, 3), (0, 2), (2, 3)]
    assert near[0][2] == 0 and 0 < near[1][2] < 1
    assert find_near_yarns(palette[:1]) == () and len(find_near_yarns(palette, 1000)) == 10


# Stray knots


def scan_orphans(knots) -> np.ndarray:
    """The definition, knot by knot."""
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
def test_cleaning_never_raises_the_share_and_spares_all_others(drawn, most_share, guarded):
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
    # What is left has no settled neighbour: no pass could change it.
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


def test_stray_knot_takes_the_number_of_most_neighbours_and_the_lower_of_equals():
    knots = np.array([[1, 1, 1], [1, 9, 4], [4, 4, 4]], np.uint8)
    assert clean_orphans(knots, 0)[0][1, 1] == 1
    knots[0, 0] = 4
    assert clean_orphans(knots, 0)[0][1, 1] == 4


def test_pattern_of_single_knots_is_left():
    pattern = np.tile(np.array([[0, 1], [2, 3]], np.uint8), (8, 8))
    cleaned, changed = clean_orphans(pattern)
    assert measure_orphan_share(pattern) == 1 and changed == 0 and np.array_equal(cleaned, pattern)


def test_cleaning_leaves_at_most_the_share_asked_for():
    rng = np.random.default_rng(0)
    knots = np.kron(rng.integers(0, 8, (12, 12)), np.ones((12, 12), int))
    knots = np.where(rng.random(knots.shape) < 0.05, rng.integers(0, 8, knots.shape), knots).astype(np.uint8)
    assert measure_orphan_share(knots) > 0.02
    cleaned, changed = clean_orphans(knots)
    assert measure_orphan_share(cleaned) <= 0.002 and 0 < changed < 0.06 * knots.size


def test_orphans_refuse_other_shapes():
    for knots in (np.zeros(4, np.uint8), np.zeros((0, 4), np.uint8)):
        with pytest.raises(ValueError, match="knots of shape"):
            measure_orphan_share(knots)
    with pytest.raises(ValueError, match="a mask of"):
        clean_orphans(np.zeros((4, 4), np.uint8), protected=np.zeros((4, 5), bool))


def test_snapped_picture_is_cleaned_into_its_design():
    palette, tile = draw_colours(5, seed=4), np.random.default_rng(4).integers(0, 5, (9, 9))
    knots = np.kron(tile, np.ones((8, 8), int)).astype(np.uint8)
    pixels = palette[knots]
    pixels[::11, ::13] = 255 - pixels[::11, ::13]
    cleaned, _ = clean_orphans(snap(pixels, palette), 0)
    assert (cleaned == knots).mean() > 0.998
