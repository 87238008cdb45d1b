"""Index maps: indices and palettes equal those in their files."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from studio.designs import (
    EXACT_LIMIT,
    SAMPLES,
    IndexMap,
    index_colours,
    measure_orphan_share,
    open_design,
    read_index_map,
)
from tests.support.design_files import EXIF_ORIENTATION, write_profile
from tests.support.knots import draw_colours, draw_knots
from tests.support.pictures import encode_picture


def draw_indexed(count=6, seed=0, **size) -> Image.Image:
    image = Image.fromarray(draw_knots(count, seed=seed, **size))
    image.putpalette(draw_colours(count, seed).tobytes())
    return image


def open_indexed(data: bytes):
    """Open a design and return it with its index map, which has to show the same pixels."""
    design = open_design(data)
    index_map = design.index_map
    assert np.array_equal(index_map.pixels(), np.asarray(design.image))
    assert (index_map.width_px, index_map.height_px) == design.image.size
    assert read_index_map(design) is index_map
    return design, index_map


@given(st.integers(1, EXACT_LIMIT), st.integers(0, 999))
@settings(max_examples=40, deadline=None)
def test_a_drawn_design_is_read_with_its_palette_and_knots(count, seed):
    palette, knots = draw_colours(count, seed), draw_knots(count, seed=seed)
    _, read = open_indexed(encode_picture(Image.fromarray(palette[knots])))
    assert {tuple(colour) for colour in read.palette} == {tuple(colour) for colour in palette}
    assert len(read.palette) == count
    shares = read.shares()
    order = [(-share, tuple(colour)) for share, colour in zip(shares, read.palette.tolist(), strict=True)]
    assert order == sorted(order)
    # The order does not depend on where a colour appears first.
    turned = index_colours(Image.fromarray(palette[knots[::-1, ::-1]]))
    assert np.array_equal(turned.palette, read.palette) and np.array_equal(turned.indices[::-1, ::-1], read.indices)


def test_a_picture_of_more_than_64_colours_has_no_index_map():
    knots = draw_knots(EXACT_LIMIT + 1)
    picture = Image.fromarray(draw_colours(EXACT_LIMIT + 1)[knots])
    design = open_design(encode_picture(picture))
    assert design.index_map is None and read_index_map(design) is None
    assert len(index_colours(picture, most=256).palette) == EXACT_LIMIT + 1
    for image, most in ((picture, 0), (picture, 257), (picture.convert("L"), 9)):
        with pytest.raises(ValueError, match="give 1 to 256 and mode RGB"):
            index_colours(image, most)


@pytest.mark.parametrize("count", [1, 2, 3, 16, 17, 200, 256])
@pytest.mark.parametrize("format", ["PNG", "BMP", "GIF", "TIFF", "PCX", "TGA"])
def test_an_indexed_file_keeps_its_indices_and_palette_order(format, count):
    image = draw_indexed(count, seed=1)
    _, read = open_indexed(encode_picture(image, format, **({"optimize": False} if format == "GIF" else {})))
    assert np.array_equal(read.indices, np.asarray(image))
    assert read.palette.tobytes() == bytes(image.getpalette()[: 3 * count])


def test_equal_and_unused_entries_stay_and_unused_ones_at_the_end_are_cut():
    image = Image.fromarray(np.repeat([0, 2, 4, 2], 400).reshape(40, 40).astype(np.uint8))
    palette = [10, 20, 30, 1, 1, 1, 200, 0, 0, 2, 2, 2, 10, 20, 30, 3, 3, 3, 4, 4, 4]
    image.putpalette(palette)
    _, read = open_indexed(encode_picture(image))
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
        (b"\xff\xff\xff\x00", (0, 0, 255), 0),  # the transparent entry is not used
    ],
)
def test_transparent_entries_are_blended_with_white(transparency, third, notes):
    image = Image.fromarray(draw_knots(3))
    image.putpalette([200, 0, 0, 0, 100, 0, 0, 0, 255, 7, 7, 7])
    design, read = open_indexed(encode_picture(image, transparency=transparency))
    assert read.palette[:2].tolist() == [[200, 0, 0], [0, 100, 0]]
    assert np.abs(read.palette[2].astype(int) - third).max() <= 1
    assert len(read.palette) == 3 and len(design.notes) == notes
    # Pillow gives the same pixels.
    white = Image.new("RGBA", image.size, "white")
    with Image.open(io.BytesIO(encode_picture(image, transparency=transparency))) as again:
        white.alpha_composite(again.convert("RGBA"))
    assert np.abs(np.asarray(white.convert("RGB")).astype(int) - read.pixels()).max() <= 1


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["PNG", "TIFF"])
@pytest.mark.parametrize("mode", ["P", "RGB"])
def test_index_maps_are_rotated_with_their_pictures(mode, format, orientation):
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    image = draw_indexed(5)
    design, read = open_indexed(encode_picture(image.convert(mode), format, exif=exif))
    plain = open_design(encode_picture(image)).index_map
    assert (design.width_px > design.height_px) == (orientation >= 5)
    assert sorted(read.shares()) == sorted(plain.shares())
    if mode == "P":
        assert np.array_equal(read.palette, plain.palette)


def test_a_colour_profile_converts_the_palette():
    image = draw_indexed(4)
    design, read = open_indexed(encode_picture(image, icc_profile=write_profile()))
    assert np.array_equal(read.indices, np.asarray(image)) and len(design.notes) == 1
    swapped = np.asarray(image.getpalette()[:12]).reshape(4, 3)[:, [1, 0, 2]]
    assert np.abs(read.palette - swapped).max() <= 2


@pytest.mark.parametrize("format", ["PNG", "BMP", "TIFF", "PCX"])
def test_one_bit_pictures_have_two_yarns(format):
    knots = draw_knots(2)
    _, read = open_indexed(encode_picture(Image.fromarray(knots.astype(bool)), format))
    assert read.palette.tolist() == [[0, 0, 0], [255, 255, 255]]
    assert np.array_equal(read.indices, knots)


def test_grey_pictures_have_index_maps():
    grey = Image.fromarray((draw_knots(3) * 100).astype(np.uint8))
    _, read = open_indexed(encode_picture(grey))  # a grey PNG is not indexed
    assert sorted(read.palette[:, 0].tolist()) == [0, 100, 200] and read.shares().argmax() == 0
    _, read = open_indexed(encode_picture(grey, "BMP"))  # a grey BMP always is
    assert np.array_equal(read.indices, np.asarray(grey)) and len(read.palette) == 201
    deep = Image.fromarray(draw_knots(3).astype(np.uint16) * 30_000)
    _, read = open_indexed(encode_picture(deep))
    assert sorted(read.palette[:, 0].tolist()) == [0, 117, 233]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.id)
def test_samples_have_index_maps_without_stray_knots(sample):
    _, read = open_indexed(sample.path.read_bytes())
    assert 4 <= len(read.used()) == len(read.palette) <= 16
    assert measure_orphan_share(read.indices) <= 0.02


def test_an_index_map_copies_its_arrays_and_is_read_only():
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
def test_arrays_that_do_not_fit_are_refused(indices, palette, message):
    with pytest.raises(ValueError, match=message):
        IndexMap(indices, palette)
