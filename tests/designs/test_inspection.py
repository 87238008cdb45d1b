"""Inspection: the figures of a design, their description in words, and the command."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from studio.carpets.generator import draw_carpet
from studio.commands import main
from studio.designs import Design, IndexMap, open_design
from studio.designs.colours.colour_spaces import convert_to_lab, measure_difference
from studio.designs.inspection import describe, describe_place, describe_share, inspect_design
from studio.designs.structure.symmetry import Axis, mirror
from tests.support.command_line import check_refused, run_studio
from tests.support.pictures import encode_picture

KEYS = {
    "width", "height", "mode", "colours", "indexed", "suggested", "palette", "shares", "symmetry", "orphan_share",
    "seam_ratio", "border", "repeat", "near_yarns", "worst_served_tenth", "density", "unused_at_end",
}  # fmt: skip
YARNS = np.array([[150, 30, 30], [240, 230, 200], [20, 30, 80], [60, 120, 60], [200, 160, 40], [0, 0, 0]], np.uint8)


def draw_cells(width: int, height: int, yarns: int = 6, seed: int = 0, cell: int = 4) -> np.ndarray:
    """Draw random blocks of yarns: no symmetry, no border, no repeat, no stray knot."""
    rng = np.random.default_rng(seed)
    cells = rng.integers(0, yarns, (height // cell + 1, width // cell + 1), dtype=np.uint8)
    return np.kron(cells, np.ones((cell, cell), np.uint8))[:height, :width].copy()


def open_indices(indices: np.ndarray, palette: np.ndarray = YARNS, form: str = "PNG") -> Design:
    picture = Image.fromarray(indices)
    picture.putpalette(palette.tobytes())
    return open_design(encode_picture(picture, form))


def draw_photo(width: int = 96, height: int = 64) -> Design:
    y, x = np.mgrid[0:height, 0:width]
    pixels = np.stack([x * 255 // width, y * 255 // height, (x + 2 * y) % 251], -1)
    return open_design(encode_picture(Image.fromarray(pixels.astype(np.uint8))))


def test_yarns_are_the_palette_of_the_file():
    indices = draw_cells(80, 60)
    inspection = inspect_design(open_indices(indices))
    assert (inspection.width_px, inspection.height_px, inspection.mode) == (80, 60, "P")
    assert (inspection.colours, inspection.indexed, inspection.suggested) == (6, True, None)
    assert np.array_equal(np.array(inspection.palette), YARNS)
    assert inspection.shares == pytest.approx(np.bincount(indices.ravel()) / indices.size)


def test_unused_yarns_are_listed_but_not_counted():
    indices = draw_cells(80, 60, yarns=5)
    indices[indices == 2] = 5  # yarn 2 is in the palette, but no knot has it
    inspection = inspect_design(open_indices(indices))
    assert inspection.colours == 5
    assert len(inspection.palette) == 6
    assert inspection.shares[2] == 0


def test_a_picture_in_full_colour_is_quantised_to_suggested_yarns():
    design = draw_photo()
    inspection = inspect_design(design)
    assert not inspection.indexed
    assert inspection.colours == len(np.unique(np.asarray(design.image).reshape(-1, 3), axis=0))
    assert inspection.suggested == len(inspection.palette) == len(inspection.shares)
    assert 2 <= inspection.suggested <= 24
    assert sum(inspection.shares) == pytest.approx(1)
    assert f"{inspection.suggested} yarns" in describe(inspection)[0]


@pytest.mark.parametrize(("vertical", "horizontal"), [(0, None), (None, 0), (3, None), (None, -2), (2, -1)])
def test_symmetry_is_found_with_its_offset(vertical: int | None, horizontal: int | None):
    inspection = inspect_design(open_indices(mirror(draw_cells(120, 150), vertical, horizontal)))
    words = describe(inspection)
    for axis, offset, said in (
        (inspection.vertical, vertical, "left to right"),
        (inspection.horizontal, horizontal, "top to bottom"),
    ):
        assert any(said in word for word in words) == (offset is not None)
        if offset is not None:
            assert (axis.offset, axis.agreement) == (offset, 1.0)


def test_stray_knots_are_counted():
    indices = draw_cells(80, 60, yarns=5)
    indices[20:40:4, 10:70:4] = 5
    inspection = inspect_design(open_indices(indices))
    assert inspection.orphan_share == pytest.approx(75 / 4800)
    assert "1.6 % stray knots" in describe(inspection)


def test_a_design_with_a_border_has_no_seam_figures():
    indices = draw_cells(160, 200, yarns=4)
    for reach, yarn in ((24, 4), (20, 5), (6, 4), (3, 5)):
        frame = np.ones(indices.shape, bool)
        frame[reach:-reach, reach:-reach] = False
        indices[frame] = yarn
    inspection = inspect_design(open_indices(indices))
    assert inspection.border is not None
    assert inspection.seams is None
    assert inspection.to_json()["seam_ratio"] == {"horizontal": None, "vertical": None}
    assert "bordered" in describe(inspection)


def test_a_repeat_is_found():
    indices = np.tile(draw_cells(40, 32), (4, 3))
    inspection = inspect_design(open_indices(indices))
    assert (inspection.repeat.px_across, inspection.repeat.px_down) == (40, 32)
    assert "repeats every 40 x 32 knots" in describe(inspection)


def test_stripes_repeat_in_one_direction():
    indices = np.repeat((np.arange(120) // 5 % 4).astype(np.uint8)[None], 90, axis=0)
    inspection = inspect_design(open_indices(indices))
    assert "repeats every 20 knots across" in describe(inspection)


def test_near_yarns_are_listed_only_where_both_occur():
    palette = YARNS.copy()
    palette[1] = palette[0] + 1
    both = inspect_design(open_indices(draw_cells(80, 60), palette))
    assert [pair[:2] for pair in both.near_yarns] == [(0, 1)]
    assert "two yarns nearly alike" in describe(both)
    indices = draw_cells(80, 60)
    indices[indices == 1] = 2
    assert inspect_design(open_indices(indices, palette)).near_yarns == ()


def test_a_plain_design_can_be_inspected():
    inspection = inspect_design(open_indices(np.zeros((40, 50), np.uint8), YARNS[:1]))
    assert describe(inspection) == ("1 yarn",)
    assert (inspection.vertical.kappa, inspection.orphan_share, inspection.repeat) == (0, 0, None)
    json.dumps(inspection.to_json(), allow_nan=False)


@settings(max_examples=25, deadline=None)
@given(
    size=st.integers(12, 40).flatmap(lambda least: st.tuples(*[st.integers(least, 3 * least)] * 2)),
    yarns=st.integers(1, 6), cell=st.integers(1, 9), seed=st.integers(0, 999),
)  # fmt: skip
def test_every_design_can_be_inspected(size: tuple[int, int], yarns: int, cell: int, seed: int):
    design = open_indices(draw_cells(*size, yarns, seed, cell))
    inspection = inspect_design(design)
    figures = json.loads(json.dumps(inspection.to_json(), allow_nan=False))
    assert set(figures) == KEYS
    assert (figures["width"], figures["height"]) == size
    assert len(figures["palette"]) == len(figures["shares"])
    assert sum(figures["shares"]) == pytest.approx(1, abs=1e-9)
    assert inspect_design(design) == inspection  # deterministic
    assert all(describe(inspection))


@pytest.mark.parametrize(
    ("direction", "offset", "words"),
    [
        ("vertical", 0, "axis in the middle"),
        ("vertical", 1, "axis half a knot right of the middle"),
        ("vertical", 2, "axis 1 knot right of the middle"),
        ("vertical", -3, "axis 1.5 knots left of the middle"),
        ("horizontal", -2, "axis 1 knot above the middle"),
        ("horizontal", 8, "axis 4 knots below the middle"),
    ],
)
def test_place_of_an_axis_in_words(direction, offset: int, words: str):
    assert describe_place(Axis(direction, offset, 1.0, 1.0)) == words


@pytest.mark.parametrize(
    ("share", "words"),
    [(0, "0 %"), (1e-6, "less than 0.1 %"), (0.003, "0.3 %"), (0.0996, "10 %"), (0.42, "42 %"), (0.9949, "99 %"),
     (0.998, "99.8 %"), (0.99999, "over 99.9 %"), (1, "100 %")],
)  # fmt: skip
def test_shares_in_words(share: float, words: str):
    assert describe_share(share) == words


def test_both_central_axes_are_described_together():
    inspection = inspect_design(open_indices(mirror(draw_cells(120, 150), 0, 0)))
    assert "symmetric left to right and top to bottom" in describe(inspection)
    aside = replace(inspection, vertical=replace(inspection.vertical, offset=2))
    assert "symmetric left to right, axis 1 knot right of the middle" in describe(aside)


# The command


@pytest.fixture
def design(tmp_path: Path) -> Path:
    path = tmp_path / "design.bmp"
    picture = Image.fromarray(mirror(draw_cells(120, 150), 2, None))
    picture.putpalette(YARNS.tobytes())
    picture.save(path)
    return path


def test_command_prints_json(design: Path, capsys):
    assert main(["inspect", str(design), "--json"]) == 0
    said = capsys.readouterr()
    figures = json.loads(said.out)
    assert said.err == ""
    assert set(figures) == KEYS
    assert (figures["width"], figures["height"], figures["mode"], figures["colours"]) == (120, 150, "P", 6)
    assert figures["palette"][0] == "#961e1e"
    assert figures["symmetry"]["vertical"] == {"offset": 2, "agreement": 1.0, "kappa": 1.0}
    assert set(figures["symmetry"]["horizontal"]) == {"offset", "agreement", "kappa"}
    assert set(figures["seam_ratio"]) == {"horizontal", "vertical"}


def test_command_prints_a_short_list(design: Path, capsys):
    assert main(["inspect", str(design)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "6 yarns" in lines[0]
    assert "axis 1 knot right of the middle" in lines[0]
    assert all(line.startswith("  ") for line in lines[1:])
    assert len(lines) < 20


def test_command_keeps_the_list_short_for_many_yarns(tmp_path: Path, capsys):
    indices = np.arange(250 * 40, dtype=np.int64).reshape(100, 100) // 40
    picture = Image.fromarray(indices.astype(np.uint8))
    picture.putpalette(np.stack([np.arange(256)] * 3, -1).astype(np.uint8).tobytes())
    picture.save(tmp_path / "many.png")
    assert main(["inspect", str(tmp_path / "many.png")]) == 0
    out = capsys.readouterr().out
    assert len(out.splitlines()) < 45
    assert "226 yarns of smaller shares" in out
    assert "250, exact; could be woven in 9 yarns" in out


def test_the_worst_served_tenth_of_a_picture_in_full_colour_is_reported(tmp_path: Path, capsys):
    """Nine tenths are two yarns, a tenth is spread over many colours."""
    rng = np.random.default_rng(0)
    pixels = np.full((100, 100, 3), (240, 235, 220), np.uint8)
    pixels[:50] = (30, 40, 90)
    assert inspect_design(open_design(encode_picture(Image.fromarray(pixels)))).worst_served is None
    pixels[90:] = rng.integers(0, 256, (10, 100, 3))
    figures = inspect_design(open_design(encode_picture(Image.fromarray(pixels))))
    speckled = convert_to_lab(pixels[90:].reshape(-1, 1, 3) / 255)
    gaps = measure_difference(speckled, convert_to_lab(np.array(figures.palette) / 255)).min(axis=1)
    assert figures.worst_served == pytest.approx(gaps.mean(), rel=0.1)  # knots take the nearest yarn by another measure
    assert f"the worst-served tenth of the knots ΔE {figures.worst_served:.1f} from its yarn" in describe(figures)
    Image.fromarray(pixels).save(tmp_path / "grain.png")
    assert main(["inspect", str(tmp_path / "grain.png")]) == 0
    assert f"CIEDE2000 {figures.worst_served:.1f} from its yarn" in capsys.readouterr().out


@pytest.mark.slow
def test_more_than_64_used_colours_come_with_a_suggested_number_of_yarns():
    """Only used entries of the palette count: up to 64 are yarns, more are colours."""
    palette = np.random.default_rng(3).integers(0, 256, (256, 3), dtype=np.uint8)
    for used, suggested in ((56, None), (64, None), (65, 24)):
        entries = np.linspace(0, 255, used).astype(np.uint8)
        knots = entries[np.arange(96 * 96).reshape(96, 96) // 16 % used]
        figures = inspect_design(open_indices(knots, palette))
        assert (figures.indexed, figures.colours, figures.suggested) == (True, used, suggested)
        assert len(figures.palette) == len(figures.shares) == 256
        assert sum(share > 0 for share in figures.shares) == used
        assert describe(figures)[0] == (
            f"{used} yarns" if suggested is None else "65 colours, could be woven in 24 yarns"
        )


def test_command_gives_the_seams_of_a_tile_and_none_for_a_bordered_design(tmp_path: Path, capsys):
    """A ramp from left to right has a step only at its upright seam."""
    ramp = np.tile(np.arange(0, 240, 2, dtype=np.uint8), (96, 1))
    noise = np.random.default_rng(0).integers(0, 8, ramp.shape, dtype=np.uint8)
    Image.fromarray(np.stack([ramp + noise] * 3, axis=-1)).save(tmp_path / "ramp.png")
    assert main(["inspect", str(tmp_path / "ramp.png"), "--json"]) == 0
    ratios = json.loads(capsys.readouterr().out)["seam_ratio"]
    assert ratios["vertical"] > 10
    assert 0.5 < ratios["horizontal"] < 1.3
    bordered = draw_carpet(4, 144, 192, "medallion")
    IndexMap(bordered.indices, bordered.palette).image().save(tmp_path / "bordered.png")
    assert main(["inspect", str(tmp_path / "bordered.png")]) == 0
    said = [line.split(maxsplit=2) for line in capsys.readouterr().out.splitlines()]
    assert [words[2] for words in said if words[1:2] == ["seam"]] == ["not applicable"] * 2


def test_command_reports_alterations_on_opening(tmp_path: Path, capsys):
    Image.new("CMYK", (64, 64), (0, 255, 255, 0)).save(tmp_path / "inks.tif")
    assert main(["inspect", str(tmp_path / "inks.tif"), "--json"]) == 0
    said = capsys.readouterr()
    assert "CMYK" in said.err
    assert json.loads(said.out)["mode"] == "CMYK"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "says"),
    [(["nowhere.png"], "nowhere.png"), (["README.md"], "picture"), ([], "FILE"), (["x.png", "--xml"], "--xml")],
)
def test_bad_input_is_one_line_and_exit_code_two(arguments: list[str], says: str):
    check_refused(run_studio("inspect", *arguments), says)
