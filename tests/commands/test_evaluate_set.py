"""`evaluate set`: the table of variations against their design, its file of figures, and what it refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from studio.commands import main
from studio.designs import IndexMap
from studio.workspace import PROJECT
from tests.support.knots import YARNS, draw_knots

HEAVY = {"torch", "diffusers", "transformers", "numba", "streamlit"}


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """The files of a design of 40 x 48 knots and of two variations: 2 other columns, and 4 others in RGB."""
    design = draw_knots(4)
    few, many = design.copy(), design.copy()
    few[:, :2] = (few[:, :2] + 1) % 4
    many[:, 4:8] = (many[:, 4:8] + 1) % 4
    pictures = {"design": design, "few": few, "many": many}
    for name, knots in pictures.items():
        image = IndexMap(knots, YARNS).image()
        (image.convert("RGB") if name == "many" else image).save(tmp_path / f"{name}.png")
    return [str(tmp_path / f"{name}.png") for name in pictures]


def evaluate(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[list[list[str]], str]:
    """Return the cells of each row of the printed table, and what was printed on stderr."""
    assert main(["evaluate", "set", *arguments]) == 0
    captured = capsys.readouterr()
    table = [line for line in captured.out.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table], captured.err


def test_each_variation_and_the_set_have_a_row(files: list[str], capsys) -> None:
    (titles, rule, *rows), notes = evaluate(capsys, *files)
    assert notes == ""
    assert {len(row) for row in (titles, rule, *rows)} == {len(titles)}
    assert [row[0] for row in rows] == ["few.png", "many.png", "the set of 2, means"]
    few, many, whole = (dict(zip(titles, row, strict=True)) for row in rows)
    assert (few["changed"], many["changed"], whole["changed"]) == ("0.050", "0.100", "0.075")
    assert (whole["pair ratio"], whole["near-duplicates"]) == ("2.00", "none")
    assert few["pair ratio"] == few["seam"] == few["symmetry"] == "–"


def test_the_legend_explains_every_column_in_order(files: list[str], capsys) -> None:
    assert main(["evaluate", "set", *files]) == 0
    table, _, legend = capsys.readouterr().out.partition("\n\n")
    columns = [cell.strip() for cell in table.splitlines()[0].strip("|").split("|")][1:]
    assert [line[2:].partition(": ")[0] for line in legend.splitlines()] == columns


def test_near_duplicates_are_named(files: list[str], capsys) -> None:
    (titles, _, *rows), _ = evaluate(capsys, files[0], files[1], files[2], files[1])
    assert dict(zip(titles, rows[-1], strict=True))["near-duplicates"] == "few.png and few.png"


def test_seams_are_measured_in_a_repeat(files: list[str], capsys, tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    (titles, _, *rows), _ = evaluate(capsys, *files, "--repeat", "half-drop", "--json", str(file))
    assert all(float(dict(zip(titles, row, strict=True))["seam"]) > 0 for row in rows)
    assert json.loads(file.read_text("utf-8"))["repeat"] == "half-drop"


def test_the_file_has_the_figures_of_the_table(files: list[str], capsys, tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    (titles, _, *rows), _ = evaluate(capsys, *files, "--json", str(file))
    figures = json.loads(file.read_text("utf-8"))
    assert (figures["design"], figures["design_px"]) == (files[0], [40, 48])
    assert [one["file"] for one in figures["variations"]] == files[1:]
    for one, row in zip([*figures["variations"]], rows, strict=False):
        shown = dict(zip(titles, row, strict=True))
        assert shown["known 8 × 8"] == f"{one['known_large']:.3f}"
        assert shown["least yarn ratio"] == f"{one['least_yarn_ratio']:.2f}"
    assert figures["set"]["pair_ratio"] == pytest.approx(2)


def test_a_picture_in_other_colours_is_reported(files: list[str], capsys, tmp_path: Path) -> None:
    with Image.open(files[2]) as picture:
        Image.fromarray(np.asarray(picture) ^ 1).save(tmp_path / "drawn.png")
    (_, _, drawn, _), notes = evaluate(capsys, files[0], str(tmp_path / "drawn.png"))
    assert drawn[1] == "0.100"
    assert "drawn.png: 100 % of its pixels are no yarn of the design" in notes


def refuse(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return the one line with which a command refuses its arguments."""
    assert main(["evaluate", "set", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.strip().splitlines()) == 1
    return captured.err


def test_files_that_cannot_be_used_are_named(files: list[str], capsys, tmp_path: Path) -> None:
    design, few, _ = files
    assert "nowhere.png cannot be read" in refuse(capsys, "nowhere.png", few)
    assert "nowhere.png cannot be read" in refuse(capsys, design, few, "nowhere.png")
    assert "README.md: This file is not a picture" in refuse(capsys, design, str(PROJECT / "README.md"))
    with Image.open(few) as picture:
        picture.crop((0, 0, 40, 40)).save(tmp_path / "short.png")
    said = refuse(capsys, design, few, str(tmp_path / "short.png"))
    assert "short.png: This picture has 40 x 40 knots, and the design has 40 x 48." in said
    said = refuse(capsys, *files, "--json", str(tmp_path / "none" / "figures.json"))
    assert "figures.json cannot be written" in said


@pytest.mark.slow
def test_no_heavy_library_is_loaded(files: list[str]) -> None:
    code = (
        "import sys; from studio.commands import main; assert main(sys.argv[1:]) == 0\n"
        f"print(*{HEAVY!r} & set(sys.modules), file=sys.stderr)"
    )
    command = [sys.executable, "-c", code, "evaluate", "set", *files]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stderr.split() == []
