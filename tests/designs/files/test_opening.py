"""Opening design files: formats, bit depths, orientations, colour modes and profiles give the right colours."""

import hashlib
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from studio.designs import browser_ready, open_design
from studio.errors import DesignError
from tests.support.design_files import EXIF_ORIENTATION, draw_noise, write_png_chunk, write_profile
from tests.support.pictures import encode_picture


def draw_ramp(width=256, height=64) -> np.ndarray:
    return np.tile(np.linspace(0, 1, width), (height, 1))


def see(data: bytes) -> np.ndarray:
    return np.asarray(open_design(data).image).astype(int)


def write_two_tone_bmp(knots: np.ndarray, *, top_first: bool = False) -> bytes:
    """Write a BMP of 8 bits per knot with a black and white colour table, as other programs do."""
    height, width = knots.shape
    stride = -(-width // 4) * 4
    rows = np.zeros((height, stride), np.uint8)
    rows[:, :width] = knots if top_first else knots[::-1]
    header = struct.pack("<IiiHHIIiiII", 40, width, -height if top_first else height, 1, 8, 0, rows.size, 0, 0, 2, 2)
    table = bytes((0, 0, 0, 0, 255, 255, 255, 0))
    start = 14 + len(header) + len(table)
    return b"BM" + struct.pack("<IHHI", start + rows.size, 0, 0, start) + header + table + rows.tobytes()


@pytest.mark.parametrize("top_first", [False, True])
def test_an_8_bit_bmp_of_black_and_white_is_read_by_bytes(top_first):
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
    design = open_design(encode_picture(image, format, **options))
    assert (design.width_px, design.height_px) == design.image.size == (48, 64)
    assert design.image.mode == "RGB"
    assert design.format == format
    # YCbCr is rounded twice.
    assert np.abs(np.asarray(design.image).astype(int) - np.asarray(image.convert("RGB")).astype(int)).max() <= (
        2 if mode == "YCbCr" else 0
    )


@pytest.mark.parametrize(
    ("format", "options"),
    [("JPEG", {}), ("JPEG", {"progressive": True}), ("WEBP", {}), ("AVIF", {}), ("TIFF", {"compression": "jpeg"})],
)
def test_lossy_files_open_near_their_colours(format, options):
    image = Image.fromarray((draw_ramp()[..., None] * np.array([255, 180, 90])).astype(np.uint8))
    design = open_design(encode_picture(image, format, quality=90, **options))
    assert design.notes == ()
    assert np.abs(np.asarray(design.image).astype(int) - np.asarray(image).astype(int)).mean() < 4


def test_a_design_has_the_format_mode_and_hash_of_its_file():
    data = encode_picture(draw_noise().quantize(8))
    design = open_design(data)
    assert (design.format, design.mode, design.notes) == ("PNG", "P", ())
    assert design.sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_sixteen_bit_grey_is_scaled_by_its_full_range(format):
    ramp = (draw_ramp() * 30_000).astype(np.uint16)  # dark: stretching would brighten it
    design = open_design(encode_picture(Image.fromarray(ramp), format))
    assert np.asarray(design.image)[..., 1].tolist() == np.rint(ramp / 257).astype(int).tolist()
    assert design.notes == ("Its 16 bits per colour were reduced to 8.",)


def write_deep_png(*chunks: bytes) -> bytes:
    rows = b"".join(b"\0" + struct.pack(">HHH", 65535, 32896, 1) * 40 for _ in range(40))
    header = write_png_chunk(b"IHDR", struct.pack(">IIBBBBB", 40, 40, 16, 2, 0, 0, 0))
    pixels = write_png_chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + pixels + write_png_chunk(b"IEND", b"")


def test_sixteen_bit_colours_are_reduced_and_noted():
    # The transparent colour differs from the pixels only in the lower 8 bits, which are dropped.
    for data in (write_deep_png(), write_deep_png(write_png_chunk(b"tRNS", struct.pack(">HHH", 255, 128, 0)))):
        design = open_design(data)
        assert design.image.getpixel((5, 5)) == (255, 128, 0)
        assert design.notes == ("Its 16 bits per colour were reduced to 8.",)


def test_grey_with_white_as_zero_is_inverted():
    ramp = (draw_ramp() * 65535).astype(np.uint16)
    design = open_design(encode_picture(Image.fromarray(ramp), "TIFF", tiffinfo={262: 0}))
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
def test_grey_without_a_stated_range_takes_the_smallest_usual_one_with_a_note(pixels, white):
    design = open_design(encode_picture(Image.fromarray(pixels), "TIFF"))
    assert np.abs(np.asarray(design.image)[0, :, 0].astype(float) - pixels[0] * (255 / white)).max() <= 0.51
    assert f"0 (black) to {white} (white)" in design.notes[0]


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf, 1e30])
def test_grey_of_unknown_range_is_refused(bad):
    pixels = draw_ramp().astype(np.float32)
    pixels[3, 3] = bad
    with pytest.raises(DesignError, match="8 bits per colour"):
        open_design(encode_picture(Image.fromarray(pixels), "TIFF"))


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
    design = open_design(encode_picture(stored, format, exif=exif, quality=95))
    assert (design.width_px, design.height_px) == design.image.size == (40, 60)
    assert np.abs(np.asarray(design.image).astype(int) - np.asarray(upright).astype(int)).mean() < 3
    assert design.notes == (("The picture was rotated upright, as its file specifies.",) if orientation > 1 else ())


@pytest.mark.parametrize("format", ["JPEG", "TIFF"])
def test_cmyk_is_converted_to_srgb(format):
    inks = Image.merge("CMYK", [Image.new("L", (40, 40), value) for value in (0, 255, 255, 0)])
    design = open_design(encode_picture(inks, format))
    red, green, blue = design.image.getpixel((20, 20))
    assert red > 200 and green < 60 and blue < 60  # the JPEG stores CMYK inverted, as Adobe does
    assert design.mode == "CMYK"
    assert design.notes == ("Its printing inks (CMYK) were converted to screen colours.",)


def test_lab_is_converted_to_srgb():
    lab = Image.merge("LAB", [Image.new("L", (40, 40), value) for value in (255, 128, 128)])
    design = open_design(encode_picture(lab, "TIFF"))
    assert min(design.image.getpixel((20, 20))) >= 253
    assert len(design.notes) == 1


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_colour_profile_is_applied(mode):
    image = Image.new("RGB", (40, 40), (250, 20, 60))
    image = image.quantize(4) if mode == "P" else image.convert(mode)
    design = open_design(encode_picture(image, icc_profile=write_profile()))
    assert np.abs(np.array(design.image.getpixel((9, 9))) - (20, 250, 60)).max() <= 2
    assert len(design.notes) == 1 and "colour profile" in design.notes[0]


def test_srgb_profile_changes_nothing_and_is_not_noted():
    image = draw_noise()
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    design = open_design(encode_picture(image, icc_profile=profile))
    assert design.notes == ()
    assert np.array_equal(np.asarray(design.image), np.asarray(image))


@pytest.mark.parametrize("profile", [b"no profile at all", write_profile()[:300]])
def test_a_broken_colour_profile_is_ignored(profile):
    image = draw_noise()
    design = open_design(encode_picture(image, icc_profile=profile))
    assert design.notes == ("Its colour profile could not be read and was ignored.",)
    assert np.array_equal(np.asarray(design.image), np.asarray(image))


def draw_transparent() -> dict[str, bytes]:
    """Draw one picture in many formats: its left half red (black in grey modes), its right half transparent."""
    indices = np.zeros((40, 40), np.uint8)
    indices[:, 20:] = 1
    indexed = Image.fromarray(indices)
    indexed.putpalette([200, 0, 0, 0, 0, 200])
    alpha = Image.fromarray((255 - indices * 255).astype(np.uint8))
    full = indexed.convert("RGB")
    full.putalpha(alpha)
    grey = Image.fromarray((indices * 255).astype(np.uint8))
    return {
        "P, one index": encode_picture(indexed, transparency=1),
        "P, alpha per index": encode_picture(indexed, transparency=b"\xff\x00"),
        "RGBA": encode_picture(full),
        "RGB, one colour": encode_picture(indexed.convert("RGB"), transparency=(0, 0, 200)),
        "LA": encode_picture(Image.merge("LA", [grey, alpha])),
        "I;16, one grey": encode_picture(Image.fromarray(indices.astype(np.uint16) * 40_000), transparency=40_000),
        "GIF": encode_picture(indexed, "GIF", transparency=1),
        "WEBP": encode_picture(full, "WEBP", lossless=True),
        "TGA": encode_picture(full, "TGA"),
        "TIFF": encode_picture(full, "TIFF"),
    }


@pytest.mark.parametrize("name", draw_transparent())
def test_transparency_is_filled_with_white_and_noted(name):
    design = open_design(draw_transparent()[name])
    assert design.image.getpixel((30, 20)) == (255, 255, 255)
    assert design.image.getpixel((5, 20)) == ((0, 0, 0) if name in ("LA", "I;16, one grey") else (200, 0, 0))
    assert design.notes[-1] == "Transparent parts were filled with white."


def test_half_transparency_is_blended_and_full_opacity_not_noted():
    half = open_design(encode_picture(Image.new("RGBA", (40, 40), (0, 0, 0, 128))))
    assert half.image.getpixel((1, 1)) == (127, 127, 127)
    assert open_design(encode_picture(Image.new("RGBA", (40, 40), (9, 8, 7, 255)))).notes == ()


def test_the_first_picture_of_an_mpo_photo_is_taken():
    first = draw_noise()
    design = open_design(encode_picture(first, "MPO", save_all=True, append_images=[draw_noise(seed=1)]))
    assert (design.format, design.notes) == ("JPEG", ("The file holds further pictures; the first one was taken.",))
    assert np.array_equal(np.asarray(design.image), see(encode_picture(first, "JPEG")))


def test_unaltered_files_of_browser_formats_are_browser_ready():
    plain = draw_noise()
    assert browser_ready(open_design(encode_picture(plain)))
    assert browser_ready(open_design(encode_picture(plain.quantize(8), "GIF")))
    assert not browser_ready(open_design(encode_picture(plain, "TIFF")))
    assert not browser_ready(open_design(encode_picture(plain.convert("CMYK"), "JPEG")))
    assert not browser_ready(open_design(draw_transparent()["RGBA"]))
