"""Exports: other programs read back the same knots, palette and density."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from studio.catalogue import Catalogue
from studio.catalogue.identifiers import new_id
from studio.commands import main
from studio.designs import open_design
from studio.designs.files.export import EXPORTERS, Density
from studio.designs.files.opening import SMALLEST_SIDE_PX
from studio.designs.index_map import IndexMap
from studio.schema import Weaving
from tests.support.catalogue_records import make_record
from tests.support.command_line import check_refused, run_studio
from tests.support.pictures import draw_picture, encode_picture


def draw_index_map(yarns: int, *, used: int | None = None, seed: int = 0, size=(40, 56)) -> IndexMap:
    """Draw random knots in which every yarn below `used` occurs."""
    rng = np.random.default_rng(seed)
    used = yarns if used is None else used
    indices = rng.integers(0, used, size[::-1], dtype=np.uint8)
    indices.flat[:used] = np.arange(used)
    return IndexMap(indices, rng.integers(0, 256, (yarns, 3), dtype=np.uint8))


def reopen(data: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Return indices and palette as read without the studio's code."""
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.mode == "P"
        return np.asarray(picture), np.array(picture.getpalette(), np.uint8).reshape(-1, 3)


def read_pixels_per_metre(data: bytes) -> tuple[int, int] | None:
    """Return the pixels per metre in the header, across and down, or None."""
    if data.startswith(b"BM"):
        across, down = struct.unpack_from("<ii", data, 38)
        return (across, down) if across or down else None
    place = data.find(b"pHYs")
    if place < 0:
        return None
    across, down, unit = struct.unpack_from(">IIB", data, place + 4)
    assert unit == 1  # metres
    return across, down


@pytest.mark.parametrize("kind", EXPORTERS)
@pytest.mark.parametrize("yarns", [1, 2, 3, 4, 5, 16, 17, 64, 255, 256])
def test_knots_palette_and_density_are_read_back(kind: str, yarns: int):
    index_map = draw_index_map(yarns)
    data = EXPORTERS[kind].encode(index_map, Density(700, 1240))
    indices, palette = reopen(data)
    assert np.array_equal(indices, index_map.indices)
    assert np.array_equal(palette, index_map.palette)
    assert read_pixels_per_metre(data) == (700, 1240)
    again = open_design(data).index_map
    assert np.array_equal(again.indices, index_map.indices)
    assert np.array_equal(again.palette, index_map.palette)


@pytest.mark.parametrize("kind", EXPORTERS)
@pytest.mark.parametrize(("yarns", "used"), [(16, 3), (17, 1), (256, 200), (5, 4)])
def test_unused_yarns_are_kept(kind: str, yarns: int, used: int):
    index_map = draw_index_map(yarns, used=used)
    indices, palette = reopen(EXPORTERS[kind].encode(index_map, None))
    assert np.array_equal(indices, index_map.indices)
    assert np.array_equal(palette, index_map.palette)


@pytest.mark.parametrize("kind", EXPORTERS)
def test_equal_yarns_stay_separate(kind: str):
    palette = np.array([[9, 9, 9], [200, 0, 0], [9, 9, 9], [200, 0, 0]], np.uint8)
    index_map = draw_index_map(4).with_palette(palette)
    indices, seen = reopen(EXPORTERS[kind].encode(index_map, None))
    assert np.array_equal(indices, index_map.indices)
    assert np.array_equal(seen, palette)


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from(sorted(EXPORTERS)),
    yarns=st.integers(1, 256),
    size=st.tuples(st.integers(1, 41), st.integers(1, 9)),
    density=st.tuples(st.integers(1, 20_000), st.integers(1, 20_000)),
    seed=st.integers(0, 99),
)
def test_any_size_palette_and_density_is_read_back(kind, yarns, size, density, seed):
    used = min(yarns, size[0] * size[1])
    index_map = draw_index_map(yarns, used=used, seed=seed, size=size)
    data = EXPORTERS[kind].encode(index_map, Density(*density))
    indices, palette = reopen(data)
    assert np.array_equal(indices, index_map.indices)
    assert np.array_equal(palette, index_map.palette)
    assert read_pixels_per_metre(data) == density


@pytest.mark.parametrize("kind", EXPORTERS)
def test_whole_densities_are_exact(kind: str):
    index_map = draw_index_map(2, size=(4, 4))
    for reeds in [*range(1, 3000), 99_999, 100_000]:
        data = EXPORTERS[kind].encode(index_map, Density(reeds, reeds / 2 + 1))
        assert read_pixels_per_metre(data)[0] == reeds


@pytest.mark.parametrize("kind", EXPORTERS)
def test_no_density_is_written_without_one(kind: str):
    assert read_pixels_per_metre(EXPORTERS[kind].encode(draw_index_map(3), None)) is None


@pytest.mark.parametrize("kind", EXPORTERS)
def test_equal_designs_give_equal_files(kind: str):
    encode = EXPORTERS[kind].encode
    assert encode(draw_index_map(9), Density(700, 800)) == encode(draw_index_map(9), Density(700, 800))


@pytest.mark.parametrize("reeds", [0, -700, 0.5, 100_001, float("nan"), float("inf")])
def test_an_impossible_density_is_refused(reeds: float):
    with pytest.raises(ValueError, match="per metre"):
        Density(reeds, 700)
    with pytest.raises(ValueError, match="per metre"):
        Density(700, reeds)


def test_density_in_knots_per_inch():
    assert Density(1000, 500).dpi == pytest.approx((25.4, 12.7))
    assert Density(700, 800).whole
    assert not Density(393.7, 800).whole


# The command


@pytest.fixture
def design(tmp_path: Path) -> Path:
    path = tmp_path / "design.png"
    draw_picture(130, 150).save(path)
    return path


def draw_ramp() -> Image.Image:
    """Draw a picture with far more colours than a loom has yarns."""
    y, x = np.mgrid[0:64, 0:96]
    return Image.fromarray(np.stack([x * 2, y * 3, (x + y) % 251], -1).astype(np.uint8))


@pytest.mark.parametrize("kind", EXPORTERS)
def test_command_writes_an_indexed_design_unchanged(kind: str, design: Path, tmp_path: Path, capsys):
    target = tmp_path / f"loom{EXPORTERS[kind].suffix}"
    given_arguments = ["export", str(design), "--format", kind, "--reeds", "700", "--picks", "1240"]
    assert main([*given_arguments, "--output", str(target)]) == 0
    with Image.open(design) as picture:
        wanted, colours = np.asarray(picture), np.array(picture.getpalette(), np.uint8).reshape(-1, 3)
    indices, palette = reopen(target.read_bytes())
    assert np.array_equal(indices, wanted)
    assert np.array_equal(palette, colours[: len(palette)])
    assert read_pixels_per_metre(target.read_bytes()) == (700, 1240)
    said = capsys.readouterr()
    assert said.out.count("\n") == 1
    assert all(word in said.out for word in (str(target), "130 x 150", "4 yarns", "700 x 1240"))
    assert said.err == ""


def test_command_reduces_to_the_requested_number_of_yarns(tmp_path: Path, capsys):
    draw_ramp().save(tmp_path / "ramp.png")
    target = tmp_path / "loom.png"
    arguments = ["export", str(tmp_path / "ramp.png"), "--format", "png-indexed", "--output", str(target)]
    assert main([*arguments, "--colours", "6"]) == 0
    assert len(reopen(target.read_bytes())[1]) == 6
    assert main([*arguments, "--force"]) == 0  # without a number, one is suggested and reported
    assert f"{len(reopen(target.read_bytes())[1])} yarns" in capsys.readouterr().err


def test_command_reports_fewer_colours_than_requested(design: Path, tmp_path: Path, capsys):
    target = tmp_path / "loom.bmp"
    arguments = ["export", str(design), "--format", "bmp-indexed", "--colours", "40", "--output", str(target)]
    assert main(arguments) == 0
    assert "only 4 colours" in capsys.readouterr().err
    assert np.array_equal(reopen(target.read_bytes())[0], np.asarray(Image.open(design)))


def test_command_takes_the_yarns_of_another_design(design: Path, tmp_path: Path):
    (tmp_path / "other.png").write_bytes(encode_picture(draw_picture(64, 64, seed=5)))
    target = tmp_path / "loom.png"
    arguments = ["export", str(design), "--format", "png-indexed", "--palette-of", str(tmp_path / "other.png")]
    assert main([*arguments, "--output", str(target)]) == 0
    other = open_design((tmp_path / "other.png").read_bytes()).index_map
    assert np.array_equal(reopen(target.read_bytes())[1], other.palette)


def test_command_takes_an_id_of_the_catalogue(tmp_path: Path):
    with Catalogue(tmp_path / "made here") as catalogue:
        source = catalogue.add_source(encode_picture(draw_picture(64, 64), dpi=(17.78, 20.32)))
        picture = draw_picture(64, 64, seed=3)
        record = make_record(id=new_id(), source=source.sha256, width_px=64, height_px=64)
        catalogue.save_variation(picture, record)
    target = tmp_path / "loom.png"
    arguments = ["export", record.id, "--format", "png-indexed", "--outputs", str(tmp_path / "made here")]
    assert main([*arguments, "--output", str(target)]) == 0
    assert np.array_equal(reopen(target.read_bytes())[0], np.asarray(picture))
    assert read_pixels_per_metre(target.read_bytes()) == (700, 800)  # the design's own


def test_command_overwrites_a_file_only_with_force(design: Path, tmp_path: Path, capsys):
    target = tmp_path / "loom.png"
    target.write_text("mine")
    arguments = ["export", str(design), "--format", "png-indexed", "--output", str(target)]
    assert main(arguments) == 2
    assert target.read_text() == "mine"
    assert "--force" in capsys.readouterr().err
    assert main([*arguments, "--force"]) == 0
    assert reopen(target.read_bytes())[0].shape == (150, 130)


def test_command_reports_a_rounded_density(design: Path, tmp_path: Path, capsys):
    target = tmp_path / "loom.png"
    arguments = ["export", str(design), "--format", "png-indexed", "--output", str(target)]
    assert main([*arguments, "--reeds", "393.7", "--picks", "400"]) == 0
    assert read_pixels_per_metre(target.read_bytes()) == (394, 400)
    assert "394" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nowhere.png"], "nowhere.png"),
        (["20261122-203605-123-ab12cd"], "20261122-203605-123-ab12cd"),
        (["README.md"], "picture"),
        (["DESIGN", "--colours", "0"], "--colours 0"),
        (["DESIGN", "--colours", "257"], "--colours 257"),
        (["DESIGN", "--colours", "many"], "many"),
        (["DESIGN", "--reeds", "700"], "--picks"),
        (["DESIGN", "--picks", "700"], "--reeds"),
        (["DESIGN", "--reeds", "0", "--picks", "700"], "0 reeds"),
        (["DESIGN", "--reeds", "nan", "--picks", "700"], "nan"),
        (["DESIGN", "--palette-of", "nowhere.png"], "nowhere.png"),
        (["DESIGN", "--palette-of", "README.md"], "README.md"),
        (["DESIGN", "--palette-of", "DESIGN", "--colours", "4"], "--colours"),
        (["DESIGN", "--output", "OUT.bmp"], ".png"),
        (["DESIGN", "--output", "no/such/folder/x.png"], "folder"),
        (["DESIGN", "--output", "x" * 300 + ".png"], "name"),
        (["y" * 300], "yyy"),
        (["DESIGN", "--format", "tiff"], "tiff"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_two(design: Path, tmp_path: Path, arguments: list[str], says: str):
    places = {"DESIGN": str(design), "OUT.bmp": str(tmp_path / "loom.bmp")}
    line = ["--format", "png-indexed", "--output", str(tmp_path / "loom.png"), "--outputs", str(tmp_path / "none")]
    answer = run_studio("export", *line, *(places.get(one, one) for one in arguments))
    check_refused(answer, says)
    assert not (tmp_path / "loom.png").exists()
    assert not (tmp_path / "none").exists()


def test_command_takes_only_yarns_that_the_other_design_uses(design: Path, tmp_path: Path, capsys):
    palette = np.concatenate([np.asarray(open_design(design.read_bytes()).index_map.palette), [[250, 0, 250]]])
    other = draw_index_map(4, size=(64, 64)).with_palette(np.array([[9, 9, 9], [99, 9, 9], *palette[:2]], np.uint8))
    other = other.with_indices(np.where(other.indices == 3, np.uint8(3), np.uint8(1)))  # 0 and 2 are unused
    (tmp_path / "other.png").write_bytes(encode_picture(other.image()))
    target = tmp_path / "loom.png"
    arguments = ["export", str(design), "--format", "png-indexed", "--palette-of", str(tmp_path / "other.png")]
    assert main([*arguments, "--output", str(target)]) == 0
    indices, written = reopen(target.read_bytes())
    assert np.array_equal(written, other.palette)
    assert set(np.unique(indices).tolist()) <= {1, 3}
    assert "2 yarns of a palette of 4" in capsys.readouterr().out


def test_command_writes_all_yarns_that_a_variation_was_woven_in(tmp_path: Path):
    woven = draw_index_map(6, used=4)
    with Catalogue(tmp_path / "made here") as catalogue:
        source = catalogue.add_source(encode_picture(draw_picture(64, 64)))
        yarns = tuple("#{:02x}{:02x}{:02x}".format(*colour) for colour in woven.palette.tolist())
        size = {"width_px": woven.width_px, "height_px": woven.height_px}
        record = make_record(id=new_id(), source=source.sha256, weaving=Weaving(yarns=yarns), **size)
        catalogue.save_variation(woven.image(), record)
    target = tmp_path / "loom.png"
    arguments = ["export", record.id, "--format", "png-indexed", "--outputs", str(tmp_path / "made here")]
    assert main([*arguments, "--output", str(target)]) == 0
    indices, palette = reopen(target.read_bytes())
    assert np.array_equal(indices, woven.indices)
    assert np.array_equal(palette, woven.palette)  # with the last two, which no knot has


# Any design, re-opened


@st.composite
def draw_any_index_map(draw) -> IndexMap:
    """Draw random knots in 1 to 256 yarns, some unused; palettes are random, grey, or black and white."""
    sides = st.one_of(st.integers(1, 60), st.integers(SMALLEST_SIDE_PX, 60))
    width, height = draw(sides), draw(sides)
    rng = np.random.default_rng(draw(st.integers(0, 9999)))
    yarns = draw(st.one_of(st.integers(1, 256), st.integers(1, 4)))
    kind = draw(st.sampled_from(["chance", "greys", "black and white", "white and black"]))
    palette = rng.integers(0, 256, (yarns, 3), dtype=np.uint8)
    if kind == "greys":
        palette = np.arange(yarns, dtype=np.uint8)[:, None].repeat(3, axis=1)
    elif kind != "chance":
        palette = np.array([[0] * 3, [255] * 3][:: 1 if kind == "black and white" else -1], np.uint8)
    used = rng.permutation(len(palette))[: draw(st.integers(1, len(palette)))]
    return IndexMap(rng.choice(used, (height, width)).astype(np.uint8), palette)


def read_bmp(data: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Return indices and colour table by the headers (BITMAPINFOHEADER, Microsoft), without a library."""
    start, header, width, height, _, bits, compression = struct.unpack_from("<IIiiHHI", data, 10)
    (colours,) = struct.unpack_from("<I", data, 46)
    assert compression == 0
    stride = (width * bits + 31) // 32 * 4
    rows = np.frombuffer(data, np.uint8, stride * height, start).reshape(height, stride)[::-1]
    table = np.frombuffer(data, np.uint8, 4 * (colours or 2**bits), 14 + header).reshape(-1, 4)
    return {1: np.unpackbits(rows, axis=1), 8: rows}[bits][:, :width], table[:, 2::-1]


@settings(max_examples=60, deadline=None)
@given(draw_any_index_map(), st.integers(1, 20_000), st.integers(1, 20_000))
def test_every_reader_gets_the_same_knots_palette_and_density(index_map: IndexMap, reeds: int, picks: int):
    for kind, exporter in EXPORTERS.items():
        data = exporter.encode(index_map, Density(reeds, picks))
        indices, palette = read_bmp(data) if data.startswith(b"BM") else reopen(data)
        assert np.array_equal(indices, index_map.indices), kind
        assert np.array_equal(palette, index_map.palette), kind
        assert read_pixels_per_metre(data) == (reeds, picks)
        with Image.open(io.BytesIO(data)) as picture:
            assert picture.info["dpi"] == pytest.approx(Density(reeds, picks).dpi, rel=1e-4)
            assert np.array_equal(np.asarray(picture.convert("RGB")), index_map.pixels()), kind
        narrow, wide = sorted((index_map.width_px, index_map.height_px))
        if narrow >= SMALLEST_SIDE_PX and wide <= 4 * narrow:
            again = open_design(data).index_map
            assert np.array_equal(again.indices, index_map.indices), kind
            assert np.array_equal(again.palette, index_map.palette[: index_map.indices.max() + 1]), kind


def test_yarns_that_look_alike_are_merged_into_the_larger_and_keep_their_numbers(tmp_path, capsys):
    palette = np.array([(20, 30, 90), (200, 30, 40), (198, 31, 41), (240, 235, 220), (202, 30, 40)], np.uint8)
    knots = np.repeat(np.array([0, 1, 2, 2, 2, 3, 3, 4], np.uint8), 8)[:, None] + np.zeros((1, 40), np.uint8)
    (tmp_path / "reds.png").write_bytes(EXPORTERS["png-indexed"].encode(IndexMap(knots, palette), None))
    target = tmp_path / "merged.png"
    arguments = ["export", str(tmp_path / "reds.png"), "--format", "png-indexed", "--output", str(target)]
    assert main([*arguments, "--merge-alike"]) == 0
    assert "2 yarns merged" in capsys.readouterr().err
    indices, colours = reopen(target.read_bytes())
    assert np.array_equal(indices, np.array([0, 1, 2, 3, 2], np.uint8)[np.where(knots == 1, 2, knots)])
    assert np.array_equal(colours, palette)
    assert main([*arguments, "--force"]) == 0
    assert np.array_equal(reopen(target.read_bytes())[0], knots)
