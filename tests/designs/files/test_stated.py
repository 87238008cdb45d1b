"""What files state beside their pixels: density, palettes and transparency are kept, and wrong headers are refused."""

import io
import json
import os
import struct
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from studio.commands import main
from studio.commands.arguments import read_design
from studio.commands.file_forms.other_forms import repeat_scan, write_jpeg, write_pcx
from studio.commands.file_forms.png_forms import write_chunk, write_png
from studio.commands.file_forms.tiff_forms import write_tiff
from studio.designs import Density, browser_ready, open_design
from studio.errors import DesignError
from studio.workspace import PROJECT
from tests.support.design_files import EXIF_ORIENTATION, draw_noise
from tests.support.pictures import draw_picture, encode_picture

KNOTS = np.random.default_rng(3).integers(0, 4, (40, 48), dtype=np.uint8)


def write_indexed(entries: int, *chunks: bytes) -> bytes:
    palette = np.random.default_rng(4).integers(0, 256, (entries, 3), dtype=np.uint8)
    return write_png(3, 8, KNOTS, write_chunk(b"PLTE", palette.tobytes()), *chunks)


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "JPEG"])
def test_the_density_of_a_file_is_read(form):
    density = Density(1000 / 25.4 * 25.4, 2000)
    data = encode_picture(draw_noise(), form, dpi=density.dpi)
    read = open_design(data).density
    # JPEG stores whole dots per inch.
    assert read.reeds_per_metre == pytest.approx(1000, rel=0.02 if form == "JPEG" else 1e-5)
    assert read.picks_per_metre == pytest.approx(2000, rel=0.02 if form == "JPEG" else 1e-5)


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "JPEG", "GIF"])
def test_no_density_is_read_where_none_is_stated(form):
    assert open_design(encode_picture(draw_noise(), form, **({"dpi": (0, 0)} if form == "BMP" else {}))).density is None


def test_the_density_is_turned_with_its_picture():
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = 6
    data = encode_picture(draw_noise(), "PNG", dpi=Density(700, 800).dpi, exif=exif)
    assert open_design(data).density == Density(800, 700)


@pytest.mark.parametrize("kind", ["png-indexed", "bmp-indexed"])
def test_export_keeps_density_and_unused_yarns(kind, tmp_path, capsys):
    density = write_chunk(b"pHYs", struct.pack(">IIB", 700, 800, 1))
    (tmp_path / "design.png").write_bytes(write_indexed(9, density))
    target = tmp_path / f"loom.{kind[:3]}"
    arguments = ["export", str(tmp_path / "design.png"), "--format", kind, "--output", str(target)]
    assert main(arguments) == 0
    assert "4 yarns of a palette of 9, 700 x 800 knots per metre" in capsys.readouterr().out
    written = open_design(target.read_bytes())
    own = open_design((tmp_path / "design.png").read_bytes())
    assert written.density == Density(700, 800)
    assert np.array_equal(written.index_map.indices, KNOTS) and np.array_equal(written.palette, own.palette)
    assert main([*arguments, "--force", "--reeds", "500", "--picks", "600"]) == 0
    assert open_design(target.read_bytes()).density == Density(500, 600)


def test_inspect_shows_density_and_unused_yarns(tmp_path, capsys):
    density = write_chunk(b"pHYs", struct.pack(">IIB", 700, 800, 1))
    (tmp_path / "design.png").write_bytes(write_indexed(6, density))
    assert main(["inspect", str(tmp_path / "design.png")]) == 0
    said = capsys.readouterr().out
    assert "700 x 800 knots per metre" in said and "2 behind the last yarn in use" in said


@pytest.mark.parametrize(("dots", "words"), [(72, "72 x 72"), (96, "96 x 96"), (300, "300 x 300")])
def test_the_dots_of_a_screen_or_a_print_are_no_density_of_a_cloth(dots, words, tmp_path, capsys):
    (tmp_path / "design.png").write_bytes(encode_picture(draw_picture(40, 48), "PNG", dpi=(dots, dots)))
    assert main(["inspect", str(tmp_path / "design.png")]) == 0
    said = capsys.readouterr().out
    assert f"{words} dots per inch, of a screen or a print" in said and "knots per metre" not in said
    target = tmp_path / "loom.png"
    assert main(["export", str(tmp_path / "design.png"), "--format", "png-indexed", "--output", str(target)]) == 0
    answer = capsys.readouterr()
    assert f"{words} dots per inch" in answer.out and "For the loom give --reeds and --picks." in answer.err
    assert open_design(target.read_bytes()).density == open_design((tmp_path / "design.png").read_bytes()).density
    assert main(["inspect", "--json", str(target)]) == 0
    assert json.loads(capsys.readouterr().out)["density"]["of_cloth"] is False


@pytest.mark.parametrize("size", [(24, 24), (60, 1440), (1440, 60)])
def test_small_repeats_and_runners_are_inspected_and_exported(size, tmp_path, capsys):
    knots = np.random.default_rng(1).integers(0, 4, size[::-1], dtype=np.uint8)
    picture = Image.fromarray(knots)
    picture.putpalette([9, 9, 9, 200, 0, 0, 0, 200, 0, 0, 0, 200])
    picture.save(tmp_path / "design.png")
    assert main(["inspect", str(tmp_path / "design.png")]) == 0
    assert f"{size[0]} x {size[1]} knots" in capsys.readouterr().out
    target = tmp_path / "loom.bmp"
    assert main(["export", str(tmp_path / "design.png"), "--format", "bmp-indexed", "--output", str(target)]) == 0
    assert np.array_equal(np.asarray(Image.open(target)), knots)


def test_filling_at_the_end_of_a_table_is_no_yarn():
    picture = draw_picture(40, 48)
    for form in ("GIF", "TIFF", "PCX", "TGA"):
        options = {"optimize": False} if form == "GIF" else {}
        assert len(open_design(encode_picture(picture, form, **options)).palette) == 4, form


def test_half_transparent_numbers_are_said_to_be_lost():
    alpha = np.where(KNOTS == 1, 128, 255).astype(np.uint8)
    table = (np.random.default_rng(4).integers(0, 256, 768) * 257).tolist()
    data = write_tiff((np.stack([KNOTS, alpha], -1), {262: [3], 320: table, 338: [2]}))
    assert any("new numbers" in note for note in open_design(data).notes)


def test_a_filler_of_alpha_is_not_shown_by_the_browser_itself():
    pixels = np.dstack([np.asarray(draw_noise()), np.zeros((64, 48), np.uint8)])
    design = open_design(encode_picture(Image.fromarray(pixels), "TGA"))
    assert np.array_equal(np.asarray(design.image), pixels[..., :3])
    assert not browser_ready(design) and "filler" in design.notes[0]


@pytest.mark.parametrize("cut", range(1, 2000, 37))
def test_a_cut_pcx_is_refused(cut):
    with pytest.raises(DesignError, match="cut short"):
        open_design(write_pcx()[:-cut])


def test_a_grey_pcx_needs_no_colours():
    grey = bytearray(write_pcx()[:-769])
    grey[68] = 2
    assert open_design(bytes(grey)).mode == "L"


def test_a_jpeg_of_many_scans_is_refused_before_it_is_decoded():
    large = write_jpeg(np.zeros((64, 64, 3), np.uint8), progressive=True)
    assert open_design(repeat_scan(large, 40)).width_px == 64
    with pytest.raises(DesignError, match="more than 64 scans"):
        open_design(repeat_scan(large, 65))


@pytest.mark.parametrize("lost", [2, 3, 5, 40, 400])
def test_a_jpeg_without_end_is_read_only_if_it_is_whole(lost):
    whole = write_jpeg(np.asarray(draw_noise(64, 64)))
    if lost == 2:
        design = open_design(whole[:-lost])
        assert np.array_equal(np.asarray(design.image), np.asarray(open_design(whole).image))
        assert "end marker is missing" in design.notes[0]
    else:
        with pytest.raises(DesignError, match="cut short"):
            open_design(whole[:-lost])


def test_devices_pipes_and_huge_files_are_refused_before_they_are_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "huge.png").open("wb") as huge:
        huge.truncate(12 << 30)  # a file of holes takes no space
    for path, says in (("/dev/zero", "device or a pipe"), ("pipe", "device or a pipe"), ("huge.png", "12288 MB")):
        with pytest.raises(DesignError, match=says):
            read_design(tmp_path / path)


@pytest.mark.slow
@pytest.mark.parametrize(("start", "end"), [(20, 400), (-60, None)])
def test_nothing_of_libtiff_reaches_the_terminal(start, end, tmp_path):
    data = bytearray(encode_picture(draw_noise(), "TIFF", compression="tiff_lzw"))
    data[start:end] = b"\xff" * 380 if end else b""
    (tmp_path / "bad.tif").write_bytes(data)
    command = [sys.executable, "-m", "studio", "inspect", str(tmp_path / "bad.tif")]
    answer = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert answer.returncode == 2
    assert len(answer.stderr.splitlines()) == 1, answer.stderr


def test_random_damage_of_pixels_in_a_png_is_noticed():
    data = encode_picture(draw_picture(64, 64))
    start = data.index(b"IDAT") + 4
    for place in range(start, start + int.from_bytes(data[start - 8 : start - 4])):
        damaged = bytearray(data)
        damaged[place] ^= 0x10
        with pytest.raises(DesignError, match="checksum of its pixels"):
            open_design(bytes(damaged))
    with Image.open(io.BytesIO(data)) as picture:
        assert np.array_equal(np.asarray(open_design(data).image), np.asarray(picture.convert("RGB")))
