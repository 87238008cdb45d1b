"""Designs: every file that can be opened, every one that cannot, and the canvas there and back."""

import hashlib
import io
import itertools
import struct
import warnings
import zlib

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from studio.designs import FORMATS, SAMPLES, Canvas, browser_ready, fit, open_design, plan_canvas, unfit
from studio.errors import DesignError

EXIF_ORIENTATION = 0x0112


def encode(image: Image.Image, format: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def draw_noise(width=48, height=64, seed=0) -> Image.Image:
    """A picture that is symmetrical in nothing, so that no turn of it goes unseen."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def draw_ramp(width=256, height=64) -> np.ndarray:
    return np.tile(np.linspace(0, 1, width), (height, 1))


def see(data: bytes) -> np.ndarray:
    return np.asarray(open_design(data).image).astype(int)


def write_png_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def write_png(width: int, height: int, *chunks: bytes) -> bytes:
    header = write_png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    pixels = write_png_chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + pixels + write_png_chunk(b"IEND", b"")


# Files that open


def write_two_tone_bmp(knots: np.ndarray, *, top_first: bool = False) -> bytes:
    """Write a BMP of 8 bits a knot with a table of black and white, as other programs do."""
    height, width = knots.shape
    stride = -(-width // 4) * 4
    rows = np.zeros((height, stride), np.uint8)
    rows[:, :width] = knots if top_first else knots[::-1]
    header = struct.pack("<IiiHHIIiiII", 40, width, -height if top_first else height, 1, 8, 0, rows.size, 0, 0, 2, 2)
    table = bytes((0, 0, 0, 0, 255, 255, 255, 0))
    start = 14 + len(header) + len(table)
    return b"BM" + struct.pack("<IHHI", start + rows.size, 0, 0, start) + header + table + rows.tobytes()


@pytest.mark.parametrize("top_first", [False, True])
def test_a_bmp_of_black_and_white_yarns_is_read_by_bytes_and_not_by_bits(top_first):
    knots = np.random.default_rng(1).integers(0, 2, (40, 33), dtype=np.uint8)
    data = write_two_tone_bmp(knots, top_first=top_first)
    design = open_design(data)
    assert np.array_equal(design.index_map.indices, knots)
    assert design.index_map.palette.tolist() == [[0, 0, 0], [255, 255, 255]]
    assert not design.notes
    with pytest.raises(DesignError, match="cut short"):
        open_design(data[:-400])


@pytest.mark.parametrize(
    ("mode", "format", "options"),
    [
        *((mode, "PNG", {}) for mode in ("1", "L", "LA", "P", "RGB", "RGBA")),
        *(
            (mode, "TIFF", {"compression": how})
            for mode in ("1", "L", "P", "RGB", "CMYK")
            for how in (None, "tiff_lzw")
        ),
        *((mode, "BMP", {}) for mode in ("1", "L", "P", "RGB")),
        *((mode, "TGA", {"compression": how}) for mode in ("L", "P", "RGB", "RGBA") for how in (None, "tga_rle")),
        *((mode, "PCX", {}) for mode in ("1", "L", "P", "RGB")),
        ("YCbCr", "TIFF", {}),
        ("P", "GIF", {}),
        ("RGBA", "WEBP", {"lossless": True, "exact": True}),
        ("RGB", "WEBP", {"lossless": True}),
    ],
)
def test_lossless_files_open_in_their_own_colours(mode, format, options):
    image = draw_noise().convert(mode)
    design = open_design(encode(image, format, **options))
    assert (design.width_px, design.height_px) == design.image.size == (48, 64)
    assert design.image.mode == "RGB"
    assert design.format == format
    # YCbCr is rounded twice on its way
    assert np.abs(np.asarray(design.image).astype(int) - np.asarray(image.convert("RGB")).astype(int)).max() <= (
        2 if mode == "YCbCr" else 0
    )


@pytest.mark.parametrize(
    ("format", "options"),
    [("JPEG", {}), ("JPEG", {"progressive": True}), ("WEBP", {}), ("AVIF", {}), ("TIFF", {"compression": "jpeg"})],
)
def test_lossy_files_open_near_their_colours(format, options):
    image = Image.fromarray((draw_ramp()[..., None] * np.array([255, 180, 90])).astype(np.uint8))
    design = open_design(encode(image, format, quality=90, **options))
    assert design.notes == ()
    assert np.abs(np.asarray(design.image).astype(int) - np.asarray(image).astype(int)).mean() < 4


def test_describes_the_file_as_it_was():
    data = encode(draw_noise().quantize(8))
    design = open_design(data)
    assert (design.format, design.mode, design.notes) == ("PNG", "P", ())
    assert design.sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_sixteen_bit_grey_is_scaled_by_its_full_range(format):
    ramp = (draw_ramp() * 30_000).astype(np.uint16)  # dark: stretching would brighten it
    design = open_design(encode(Image.fromarray(ramp), format))
    assert np.asarray(design.image)[..., 1].tolist() == np.rint(ramp / 257).astype(int).tolist()
    assert design.notes == ("Its 16 bits per colour were reduced to 8.",)


def write_deep_png(*chunks: bytes) -> bytes:
    rows = b"".join(b"\0" + struct.pack(">HHH", 65535, 32896, 1) * 40 for _ in range(40))
    header = write_png_chunk(b"IHDR", struct.pack(">IIBBBBB", 40, 40, 16, 2, 0, 0, 0))
    pixels = write_png_chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + pixels + write_png_chunk(b"IEND", b"")


def test_sixteen_bit_colours_are_reduced_and_noted():
    # The see-through colour differs from the pixels only in the half that is dropped.
    for data in (write_deep_png(), write_deep_png(write_png_chunk(b"tRNS", struct.pack(">HHH", 255, 128, 0)))):
        design = open_design(data)
        assert design.image.getpixel((5, 5)) == (255, 128, 0)
        assert design.notes == ("Its 16 bits per colour were reduced to 8.",)


def test_grey_whose_zero_is_white_is_turned_round():
    ramp = (draw_ramp() * 65535).astype(np.uint16)
    design = open_design(encode(Image.fromarray(ramp), "TIFF", tiffinfo={262: 0}))
    assert np.asarray(design.image)[0, [0, -1], 0].tolist() == [255, 0]


def test_twelve_bit_grey_is_scaled_by_its_own_range():
    values = np.tile(np.linspace(0, 4095, 64).astype(int), (40, 1))
    first, second = values[:, ::2], values[:, 1::2]
    packed = np.stack([first >> 4, (first & 15) << 4 | second >> 8, second & 255], -1).astype(np.uint8).tobytes()
    tags = {256: 64, 257: 40, 258: 12, 259: 1, 262: 1, 273: 8, 277: 1, 278: 40, 279: len(packed)}
    folder = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", tag, 4, 1, tags[tag]) for tag in tags)
    data = struct.pack("<2sHI", b"II", 42, 8 + len(packed)) + packed + folder + b"\0\0\0\0"
    assert see(data)[0, :, 0].tolist() == np.rint(values[0] * (255 / 4095)).astype(int).tolist()


@pytest.mark.parametrize(
    ("pixels", "white"),
    [
        (draw_ramp().astype(np.float32), 1),
        ((draw_ramp() * 255).astype(np.float32), 255),
        ((draw_ramp() * 255).astype(np.int32), 255),
        ((draw_ramp() * 65535).astype(np.int32), 65535),
        ((draw_ramp() * (2**31 - 1)).astype(np.int32), 2**31 - 1),
    ],
)
def test_grey_without_a_range_takes_the_smallest_usual_one_and_says_so(pixels, white):
    design = open_design(encode(Image.fromarray(pixels), "TIFF"))
    assert np.abs(np.asarray(design.image)[0, :, 0].astype(float) - pixels[0] * (255 / white)).max() <= 0.51
    assert f"0 (black) to {white} (white)" in design.notes[0]


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf, 1e30])
def test_grey_that_stands_for_nothing_is_refused(bad):
    pixels = draw_ramp().astype(np.float32)
    pixels[3, 3] = bad
    with pytest.raises(DesignError, match="8 bits per colour"):
        open_design(encode(Image.fromarray(pixels), "TIFF"))


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_comes_out_upright(format, orientation):
    upright = Image.fromarray(np.kron(np.arange(6).reshape(3, 2) * 50, np.ones((20, 20))).astype(np.uint8)).convert(
        "RGB"
    )
    stored = {
        1: upright,
        2: upright.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        3: upright.transpose(Image.Transpose.ROTATE_180),
        4: upright.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
        5: upright.transpose(Image.Transpose.TRANSPOSE),
        6: upright.transpose(Image.Transpose.ROTATE_90),
        7: upright.transpose(Image.Transpose.TRANSVERSE),
        8: upright.transpose(Image.Transpose.ROTATE_270),
    }[orientation]
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    design = open_design(encode(stored, format, exif=exif, quality=95))
    assert (design.width_px, design.height_px) == design.image.size == (40, 60)
    assert np.abs(np.asarray(design.image).astype(int) - np.asarray(upright).astype(int)).mean() < 3
    assert design.notes == (("The picture was turned upright, as its file asks.",) if orientation > 1 else ())


@pytest.mark.parametrize("format", ["JPEG", "TIFF"])
def test_printing_inks_become_screen_colours(format):
    inks = Image.merge("CMYK", [Image.new("L", (40, 40), value) for value in (0, 255, 255, 0)])
    design = open_design(encode(inks, format))
    red, green, blue = design.image.getpixel((20, 20))
    assert red > 200 and green < 60 and blue < 60  # the JPEG stores its inks inverted, as Adobe does
    assert design.mode == "CMYK"
    assert design.notes == ("Its printing inks (CMYK) were turned into screen colours.",)


def test_lab_colours_become_screen_colours():
    lab = Image.merge("LAB", [Image.new("L", (40, 40), value) for value in (255, 128, 128)])
    design = open_design(encode(lab, "TIFF"))
    assert min(design.image.getpixel((20, 20))) >= 253
    assert len(design.notes) == 1


def write_profile() -> bytes:
    """sRGB with red and green exchanged: a profile whose effect cannot be missed."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile.replace(b"rXYZ", b"????").replace(b"gXYZ", b"rXYZ").replace(b"????", b"gXYZ")


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_colour_profile_is_applied(mode):
    image = Image.new("RGB", (40, 40), (250, 20, 60))
    image = image.quantize(4) if mode == "P" else image.convert(mode)
    design = open_design(encode(image, icc_profile=write_profile()))
    assert np.abs(np.array(design.image.getpixel((9, 9))) - (20, 250, 60)).max() <= 2
    assert len(design.notes) == 1 and "colour profile" in design.notes[0]


def test_srgb_profile_changes_nothing_and_is_not_noted():
    image = draw_noise()
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    design = open_design(encode(image, icc_profile=profile))
    assert design.notes == ()
    assert np.array_equal(np.asarray(design.image), np.asarray(image))


@pytest.mark.parametrize("profile", [b"no profile at all", write_profile()[:300]])
def test_broken_colour_profile_is_left_aside(profile):
    image = draw_noise()
    design = open_design(encode(image, icc_profile=profile))
    assert design.notes == ("Its colour profile could not be read and was left aside.",)
    assert np.array_equal(np.asarray(design.image), np.asarray(image))


def draw_see_through() -> dict[str, bytes]:
    """One picture five ways: its left half red, its right half see-through."""
    indices = np.zeros((40, 40), np.uint8)
    indices[:, 20:] = 1
    indexed = Image.fromarray(indices)
    indexed.putpalette([200, 0, 0, 0, 0, 200])
    alpha = Image.fromarray((255 - indices * 255).astype(np.uint8))
    full = indexed.convert("RGB")
    full.putalpha(alpha)
    grey = Image.fromarray((indices * 255).astype(np.uint8))
    return {
        "P, one index": encode(indexed, transparency=1),
        "P, alpha per index": encode(indexed, transparency=b"\xff\x00"),
        "RGBA": encode(full),
        "RGB, one colour": encode(indexed.convert("RGB"), transparency=(0, 0, 200)),
        "LA": encode(Image.merge("LA", [grey, alpha])),
        "I;16, one grey": encode(Image.fromarray(indices.astype(np.uint16) * 40_000), transparency=40_000),
        "GIF": encode(indexed, "GIF", transparency=1),
        "WEBP": encode(full, "WEBP", lossless=True),
        "TGA": encode(full, "TGA"),
        "TIFF": encode(full, "TIFF"),
    }


@pytest.mark.parametrize("name", draw_see_through())
def test_transparency_is_filled_with_white_and_noted(name):
    design = open_design(draw_see_through()[name])
    assert design.image.getpixel((30, 20)) == (255, 255, 255)
    assert design.image.getpixel((5, 20)) == ((0, 0, 0) if name in ("LA", "I;16, one grey") else (200, 0, 0))
    assert design.notes[-1] == "Transparent parts were filled with white."


def test_half_transparency_is_blended_and_full_opacity_not_noted():
    assert open_design(encode(Image.new("RGBA", (40, 40), (0, 0, 0, 128)))).image.getpixel((1, 1)) == (127, 127, 127)
    assert open_design(encode(Image.new("RGBA", (40, 40), (9, 8, 7, 255)))).notes == ()


def test_photo_with_further_pictures_is_taken_by_its_first():
    first = draw_noise()
    design = open_design(encode(first, "MPO", save_all=True, append_images=[draw_noise(seed=1)]))
    assert (design.format, design.notes) == ("JPEG", ("The file holds further pictures; the first one was taken.",))
    assert np.array_equal(np.asarray(design.image), see(encode(first, "JPEG")))


def test_browser_shows_what_needed_no_change():
    plain = draw_noise()
    assert browser_ready(open_design(encode(plain)))
    assert browser_ready(open_design(encode(plain.quantize(8), "GIF")))
    assert not browser_ready(open_design(encode(plain, "TIFF")))
    assert not browser_ready(open_design(encode(plain.convert("CMYK"), "JPEG")))
    assert not browser_ready(open_design(draw_see_through()["RGBA"]))


# Files that do not


def write_bad_files() -> dict[str, tuple[bytes, str]]:
    """Each hostile or useless file, and what its refusal has to say."""
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
        "half a PNG": (encode(draw_noise())[:5000], r"PNG file is cut short or damaged"),
        "half a JPEG": (encode(draw_noise(), "JPEG")[:2000], r"JPEG file is cut short or damaged"),
        "too many bytes": (b"\0" * (50 * 2**20 + 1), r"has 50 MB; at most 50 MB"),
        "PNG bomb": (write_png(50_000, 50_000), r"claims to have 2500 megapixels; at most 64"),
        "PNG bomb below Pillow's limit": (write_png(16_000, 5_000), r"16000 x 5000 pixels, 80 megapixels; at most 64"),
        "PNG bomb at Pillow's warning": (
            write_png(10_000, 10_000),
            r"10000 x 10000 pixels, 100 megapixels; at most 64",
        ),
        "PNG text bomb": (write_png(64, 64, text_bomb), r"damaged"),
        "PNG profile bomb": (write_png(64, 64, profile_bomb), r"damaged"),
        "1 x 1": (encode(Image.new("RGB", (1, 1))), r"only 1 x 1 pixels; each side needs at least 32"),
        "3 px": (encode(Image.new("RGB", (3, 90))), r"only 3 x 90 pixels; each side needs at least 32"),
        "31 px": (encode(Image.new("RGB", (31, 40))), r"only 31 x 40"),
        "strip": (encode(Image.new("RGB", (30_000, 40))), r"30000 x 40 pixels; at most 16384"),
        "long": (encode(Image.new("RGB", (401, 100))), r"401 x 100 .* such as 400 x 100 pixels"),
        "tall": (encode(Image.new("RGB", (100, 401))), r"100 x 401 .* such as 100 x 400 pixels"),
        "GIF animation": (encode(frames[0], "GIF", **several), r"GIF file holds 3 pictures"),
        "WebP animation": (encode(frames[0], "WEBP", **several), r"WEBP file holds 3 pictures"),
        "PNG animation": (encode(frames[0], "PNG", **several), r"PNG file holds 3 pictures"),
        "AVIF animation": (encode(frames[0].convert("RGB"), "AVIF", **several), r"AVIF file holds 3 pictures"),
        "TIFF pages": (encode(frames[0], "TIFF", **several), r"TIFF file holds 3 pages"),
    }


BAD_FILES = write_bad_files()


@pytest.mark.parametrize("name", BAD_FILES)
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_bad_file_is_refused_in_plain_words(name):
    data, message = BAD_FILES[name]
    with pytest.raises(DesignError, match=message) as refusal:
        open_design(data)
    text = str(refusal.value)
    assert text.endswith(".") and "\n" not in text and "0x" not in text and "PIL" not in text


def test_aspect_of_four_is_still_fine():
    assert open_design(encode(Image.new("L", (128, 32)))).width_px == 128


def test_bomb_is_refused_alike_when_warnings_are_errors():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        before = list(warnings.filters)
        with pytest.raises(DesignError, match="100 megapixels; at most 64"):
            open_design(write_png(10_000, 10_000))
        assert warnings.filters == before


def test_no_format_that_starts_another_program_is_tried():
    assert {"EPS", "WMF", "FITS", "HDF5", "BUFR", "GRIB"}.isdisjoint(FORMATS)


VALID_FILES = {
    **{f"PNG {mode}": encode(draw_noise().convert(mode)) for mode in ("1", "L", "P", "RGB", "RGBA")},
    **{f"TIFF {how}": encode(draw_noise(), "TIFF", compression=how) for how in (None, "tiff_lzw", "jpeg", "packbits")},
    **{format: encode(draw_noise(), format) for format in ("JPEG", "WEBP", "BMP", "GIF", "AVIF", "PCX", "TGA", "MPO")},
    "TGA packed": encode(draw_noise(), "TGA", compression="tga_rle"),
    "GIF animation": BAD_FILES["GIF animation"][0],
    "PNG profile": encode(draw_noise(), icc_profile=write_profile()),
}


def open_or_refuse(data: bytes) -> np.ndarray | None:
    """The picture, or None where it was refused; every other error goes through."""
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
    if whole is not None and seen is not None:  # what is left of a cut animation may be one whole picture
        assert np.array_equal(seen, whole)


# The canvas

SIDES = st.integers(1, 1500)
AREAS = st.integers(1024, 400_000)
MULTIPLES = st.sampled_from([1, 8, 16, 32, 64])
SMALLEST = st.sampled_from([1, 16, 192, 250])


@given(SIDES, SIDES, AREAS, MULTIPLES, SMALLEST)
@settings(max_examples=300, deadline=None)
def test_canvas_keeps_its_promises(width, height, area, multiple, smallest):
    canvas = plan_canvas(width, height, working_pixels=area, multiple_px=multiple, smallest_px=smallest)
    working = canvas.working_width_px, canvas.working_height_px
    assert working[0] * working[1] <= area
    assert canvas.scaled == (width * height > area)
    if not canvas.scaled:
        assert working == (width, height)
    for side, padded, offset in (
        (working[0], canvas.padded_width_px, canvas.left_px),
        (working[1], canvas.padded_height_px, canvas.top_px),
    ):
        assert padded % multiple == 0 and padded >= max(side, smallest)
        assert padded - max(side, smallest) < multiple
        assert offset == (padded - side) // 2


@given(st.integers(32, 4000), st.floats(0.25, 4), st.sampled_from([110_592, 262_144, 1_048_576]))
@settings(max_examples=300, deadline=None)
def test_scaled_canvas_keeps_the_aspect_and_most_of_the_area(width, aspect, area):
    height = max(round(width * aspect), 32)
    canvas = plan_canvas(width, height, working_pixels=area, multiple_px=16, smallest_px=192)
    scale_x, scale_y = canvas.working_width_px / width, canvas.working_height_px / height
    # at most one pixel of the side that was rounded
    assert (
        abs(scale_x * height - canvas.working_height_px) <= 1.01
        or abs(scale_y * width - canvas.working_width_px) <= 1.01
    )
    if canvas.scaled:
        assert canvas.working_width_px * canvas.working_height_px >= 0.78 * area


@given(SIDES.filter(lambda n: n < 200), SIDES.filter(lambda n: n < 200), MULTIPLES, SMALLEST, st.integers(0, 99))
@settings(max_examples=100, deadline=None)
def test_fitting_and_unfitting_gives_the_design_back(width, height, multiple, smallest, seed):
    canvas = plan_canvas(width, height, working_pixels=40_000, multiple_px=multiple, smallest_px=smallest)
    image = draw_noise(width, height, seed)
    fitted = fit(image, canvas)
    assert fitted.mode == "RGB" and fitted.size == (canvas.padded_width_px, canvas.padded_height_px)
    assert np.array_equal(np.asarray(unfit(fitted, canvas)), np.asarray(image))


def test_padding_mirrors_the_design_edge_included():
    row = np.arange(32, dtype=np.uint8) * 5
    canvas = plan_canvas(32, 32, working_pixels=4096, multiple_px=100, smallest_px=1)
    fitted = np.asarray(fit(Image.fromarray(np.tile(row, (32, 1))), canvas))
    assert (canvas.left_px, canvas.top_px) == (34, 34)
    assert fitted[50, :, 0].tolist() == [*row[-2:], *row[::-1], *row, *row[::-1], *row[:2]]


@given(st.integers(1, 90), st.integers(1, 90), MULTIPLES, SMALLEST)
@settings(max_examples=100, deadline=None)
def test_symmetric_designs_stay_symmetric_where_the_padding_is_even(half, height, multiple, smallest):
    canvas = plan_canvas(2 * half, height, working_pixels=40_000, multiple_px=multiple, smallest_px=smallest)
    pixels = np.asarray(draw_noise(half, height))
    fitted = np.asarray(fit(Image.fromarray(np.concatenate([pixels, pixels[:, ::-1]], 1)), canvas))
    if (canvas.padded_width_px - canvas.working_width_px) % 2 == 0:
        assert np.array_equal(fitted, fitted[:, ::-1])
    else:  # the axis lies half a pixel left of the middle
        assert np.array_equal(fitted[:, :-1], fitted[:, -2::-1])


@pytest.mark.parametrize(
    ("size", "area", "working", "padded"),
    [
        ((900, 1200), 2_000_000, (900, 1200), (912, 1200)),
        ((900, 1200), 110_592, (288, 384), (288, 384)),
        ((1200, 900), 110_592, (384, 288), (384, 288)),
        ((2400, 3600), 1_048_576, (832, 1248), (832, 1248)),
        ((300, 1200), 110_592, (166, 664), (192, 672)),
        ((40, 50), 110_592, (40, 50), (192, 192)),
        # a little smaller, so that the aspect is nearer: 318 x 814 rather than 319 x 816
        ((555, 1421), 262_144, (318, 814), (320, 816)),
        # a little smaller, so that the padding is even: 398 x 276 rather than 399 x 277
        ((1525, 1057), 110_592, (398, 276), (400, 288)),
    ],
)
def test_canvas_of_usual_sizes(size, area, working, padded):
    canvas = plan_canvas(*size, working_pixels=area, multiple_px=16, smallest_px=192 if area < 10**6 else 16)
    assert (canvas.working_width_px, canvas.working_height_px) == working
    assert (canvas.padded_width_px, canvas.padded_height_px) == padded


@pytest.mark.parametrize("size", [(900, 1200), (300, 1200), (1200, 300), (1201, 901)])
def test_scaled_design_comes_back_at_its_own_size_and_place(size):
    canvas = plan_canvas(*size, working_pixels=110_592, multiple_px=16, smallest_px=192)
    x, y = np.meshgrid(np.linspace(0, 255, size[0]), np.linspace(0, 255, size[1]))
    image = Image.fromarray(np.stack([x, y, x / 2 + y / 2], -1).astype(np.uint8))
    back = unfit(fit(image, canvas), canvas)
    assert canvas.scaled and back.size == size
    assert np.abs(np.asarray(back).astype(int) - np.asarray(image).astype(int)).max() <= 3


def test_canvas_refuses_nonsense():
    for width, height, area, multiple, smallest in itertools.chain(
        [(0, 10, 4096, 16, 16), (10, 0, 4096, 16, 16), (10, 10, 1023, 16, 16), (10, 10, 4096, 0, 16)],
        [(10, 10, 4096, 16, 0)],
    ):
        with pytest.raises(ValueError, match="cannot plan"):
            plan_canvas(width, height, working_pixels=area, multiple_px=multiple, smallest_px=smallest)
    with pytest.raises(ValueError, match="no canvas"):
        Canvas(10, 10, 10, 10, 16, 16, 7, 3)
    canvas = plan_canvas(40, 50, working_pixels=4096, multiple_px=16, smallest_px=16)
    with pytest.raises(ValueError, match="41 x 50"):
        fit(draw_noise(41, 50), canvas)
    with pytest.raises(ValueError, match="40 x 50"):
        unfit(draw_noise(40, 50), canvas)


# The samples


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.id)
def test_sample_opens_as_the_indexed_design_it_claims_to_be(sample):
    design = open_design(sample.path.read_bytes())
    assert (design.format, design.mode, design.notes) == ("PNG", "P", ())
    assert (design.width_px, design.height_px) == (900, 1200)
    assert browser_ready(design)
    assert 4 <= len(design.image.getcolors(256)) <= 16
    assert sample.title and 0 < len(sample.prompt) < 200


def test_every_sample_file_is_listed_once():
    assert 2 <= len(SAMPLES) <= 6
    assert {sample.path for sample in SAMPLES} == set(SAMPLES[0].path.parent.iterdir())
    assert len({sample.id for sample in SAMPLES}) == len({sample.title for sample in SAMPLES}) == len(SAMPLES)


def test_the_library_does_by_one_import_what_its_docstring_shows() -> None:
    import doctest

    import studio.designs

    assert doctest.testmod(studio.designs) == doctest.TestResults(failed=0, attempted=7)
    assert all(hasattr(studio.designs, name) for name in studio.designs.__all__)
