"""Design files that cannot be opened: each is refused with a clear message and no other error."""

import struct
import warnings
import zlib

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from studio.designs import FORMATS, open_design
from studio.errors import DesignError
from tests.support.design_files import draw_noise, write_png_chunk, write_profile
from tests.support.pictures import encode_picture


def write_png(width: int, height: int, *chunks: bytes) -> bytes:
    header = write_png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    pixels = write_png_chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + pixels + write_png_chunk(b"IEND", b"")


def write_bad_files() -> dict[str, tuple[bytes, str]]:
    """Return hostile and unusable files by name, each with a pattern of the expected message."""
    frames = [draw_noise(seed=seed).quantize(16) for seed in range(3)]
    several = {"save_all": True, "append_images": frames[1:]}
    text_bomb = write_png_chunk(b"zTXt", b"a\0\0" + zlib.compress(b"\0" * 80_000_000))
    profile_bomb = write_png_chunk(b"iCCP", b"a\0\0" + zlib.compress(b"\0" * 80_000_000))
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 90 90\n%%EndComments\nshowpage\n"
    return {
        "empty": (b"", r"empty"),
        "text": (b"red and ivory diamonds" * 99, r"not a picture"),
        "zeros": (b"\0" * 5000, r"not a picture"),
        "PDF": (b"%PDF-1.7\n" * 99, r"a PDF document"),
        "EPS": (eps, r"PostScript"),
        "SVG": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", r"an SVG drawing"),
        "HEIC": (b"\0\0\0\x18ftypheic" + b"\0" * 99, r"a HEIC photo"),
        "signature only": (b"\x89PNG\r\n\x1a\n", r"cut short or damaged"),
        "half a PNG": (encode_picture(draw_noise())[:5000], r"PNG file is cut short or damaged"),
        "half a JPEG": (encode_picture(draw_noise(), "JPEG")[:2000], r"JPEG file is cut short or damaged"),
        "too many bytes": (b"\0" * (50 * 2**20 + 1), r"has 50 MB; at most 50 MB"),
        "PNG bomb": (write_png(50_000, 50_000), r"claims to have 2500 megapixels; at most 64"),
        "PNG bomb below Pillow's limit": (write_png(16_000, 5_000), r"16000 x 5000 pixels, 80 megapixels; at most 64"),
        "PNG bomb at Pillow's warning": (
            write_png(10_000, 10_000),
            r"10000 x 10000 pixels, 100 megapixels; at most 64",
        ),
        "PNG text bomb": (write_png(64, 64, text_bomb), r"damaged"),
        "PNG profile bomb": (write_png(64, 64, profile_bomb), r"damaged"),
        "1 x 1": (encode_picture(Image.new("RGB", (1, 1))), r"only 1 x 1 pixels; each side needs at least 12"),
        "3 px": (encode_picture(Image.new("RGB", (3, 90))), r"only 3 x 90 pixels; each side needs at least 12"),
        "11 px": (encode_picture(Image.new("RGB", (11, 40))), r"only 11 x 40"),
        "strip": (encode_picture(Image.new("RGB", (30_000, 40))), r"30000 x 40 pixels; at most 16384"),
        "long": (encode_picture(Image.new("RGB", (401, 100))), r"401 x 100 .* such as 400 x 100 pixels"),
        "tall": (encode_picture(Image.new("RGB", (100, 401))), r"100 x 401 .* such as 100 x 400 pixels"),
        "GIF animation": (encode_picture(frames[0], "GIF", **several), r"GIF file holds 3 pictures"),
        "WebP animation": (encode_picture(frames[0], "WEBP", **several), r"WEBP file holds 3 pictures"),
        "PNG animation": (encode_picture(frames[0], "PNG", **several), r"PNG file holds 3 pictures"),
        "AVIF animation": (encode_picture(frames[0].convert("RGB"), "AVIF", **several), r"AVIF file holds 3 pictures"),
        "TIFF pages": (encode_picture(frames[0], "TIFF", **several), r"TIFF file holds 3 pages"),
    }


BAD_FILES = write_bad_files()


@pytest.mark.parametrize("name", BAD_FILES)
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_bad_file_is_refused_with_a_clear_message(name):
    data, message = BAD_FILES[name]
    with pytest.raises(DesignError, match=message) as refusal:
        open_design(data)
    text = str(refusal.value)
    assert text.endswith(".") and "\n" not in text and "0x" not in text and "PIL" not in text


def test_an_aspect_ratio_of_four_is_accepted():
    assert open_design(encode_picture(Image.new("L", (128, 32)))).width_px == 128


def test_a_bomb_is_refused_alike_when_warnings_are_errors():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        before = list(warnings.filters)
        with pytest.raises(DesignError, match="100 megapixels; at most 64"):
            open_design(write_png(10_000, 10_000))
        assert warnings.filters == before


def test_no_format_that_starts_an_external_program_is_allowed():
    assert {"EPS", "WMF", "FITS", "HDF5", "BUFR", "GRIB"}.isdisjoint(FORMATS)


VALID_FILES = {
    **{f"PNG {mode}": encode_picture(draw_noise().convert(mode)) for mode in ("1", "L", "P", "RGB", "RGBA")},
    **{
        f"TIFF {how}": encode_picture(draw_noise(), "TIFF", compression=how)
        for how in (None, "tiff_lzw", "jpeg", "packbits")
    },
    **{
        format: encode_picture(draw_noise(), format)
        for format in ("JPEG", "WEBP", "BMP", "GIF", "AVIF", "PCX", "TGA", "MPO")
    },
    "TGA packed": encode_picture(draw_noise(), "TGA", compression="tga_rle"),
    "GIF animation": BAD_FILES["GIF animation"][0],
    "PNG profile": encode_picture(draw_noise(), icc_profile=write_profile()),
}


def open_or_refuse(data: bytes) -> np.ndarray | None:
    """Return the pixels, or None for a refused file; every other error is raised."""
    try:
        design = open_design(data)
    except DesignError:
        return None
    assert design.image.mode == "RGB" and design.image.size == (design.width_px, design.height_px)
    return np.asarray(design.image)


@given(st.binary(max_size=400))
@example(b"\x00\x00\x02" + b"\0" * 400)
@settings(max_examples=200, deadline=None)
def test_random_bytes_raise_nothing_but_design_errors(data):
    open_or_refuse(data)


@given(st.sampled_from(sorted(FORMATS)), st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::RuntimeWarning")
def test_random_bytes_behind_a_true_signature_raise_nothing_but_design_errors(format, data):
    start = next(file for name, file in VALID_FILES.items() if name.startswith(format))[:24]
    open_or_refuse(start + data)


@pytest.mark.slow
@given(
    st.sampled_from(sorted(VALID_FILES)),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=12),
    st.booleans(),
)
@settings(max_examples=400, deadline=None)
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::RuntimeWarning")
def test_damaged_files_raise_nothing_but_design_errors(name, changes, in_header):
    data = bytearray(VALID_FILES[name])
    for place, value in changes:
        data[int(place * (min(len(data), 120) if in_header else len(data)))] = value
    open_or_refuse(bytes(data))


@given(st.sampled_from(sorted(VALID_FILES)), st.floats(0, 1))
@settings(max_examples=200, deadline=None)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_cut_files_are_refused_or_whole(name, share):
    whole = open_or_refuse(VALID_FILES[name])
    seen = open_or_refuse(VALID_FILES[name][: int(share * len(VALID_FILES[name]))])
    if whole is not None and seen is not None:  # a cut animation can be one whole picture
        assert np.array_equal(seen, whole)
