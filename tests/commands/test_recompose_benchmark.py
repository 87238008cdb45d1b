"""`benchmark recompose`: seconds, memory and figures of drawn variations, beside their bounds."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from studio.commands import main
from studio.commands.figures.recompose_table import EXTENTS, list_lines
from studio.commands.figures.recomposed_figures import COLUMNS
from studio.workspace import PROJECT
from tests.support.knots import as_design, carpet, draw_tile


def save(design: Any, folder: Path) -> str:
    file = folder / "design.png"
    design.index_map.image().save(file)
    return str(file)


def measured(**changes: Any) -> dict[str, Any]:
    """Return the figures of a design that is within all bounds, except for these changes of its medium variations."""
    figures = {
        "wanted": 0.25,
        "loading_seconds": 0.4,
        "first_seconds": 3.0,
        "five_seconds": 15.0,
        "processor_seconds": 25.0,
        "memory_mb": 1000.0,
        "mean": dict.fromkeys(COLUMNS, 1.0),
        "worst": dict.fromkeys(COLUMNS, 0.0)
        | {
            "known_small": 0.98,
            "known_large": 0.95,
            "stray_difference": 0.002,
            "least_yarn_ratio": 0.667,
            "greatest_yarn_ratio": 1.333,
            "symmetry": 1.0,
            "seam_ratio": 1.1,
        },
        "pair_ratio": 0.6,
        "near_duplicates": 0,
    }
    medium = figures | changes | {"worst": figures["worst"] | changes.get("worst", {})}
    extents = {extent: medium if extent == "medium" else figures for extent in EXTENTS}
    return {"design": "design.png", "design_px": [90, 120], "yarns": 5, "drawn": "quarter", "extents": extents}


def marked(figures: dict[str, Any]) -> list[str]:
    return [line for line in list_lines(figures) if "*" in line]


def test_figures_at_their_bounds_are_within_them() -> None:
    assert marked(measured()) == []


@pytest.mark.parametrize(
    ("change", "row"),
    [
        ({"first_seconds": 3.1}, r"first variation, s +3.0 +3.1\* +3.0 +≤ 3"),
        ({"five_seconds": 15.1}, r"five variations, s +15.0 +15.1\* +15.0 +≤ 15"),
        ({"memory_mb": 1001}, r"memory, MB +1000 +1001\* +1000 +≤ 1000"),
        ({"worst": {"known_small": 0.979}}, r"known 4 × 4 .*\(0.980\) .*\(0.979\)\* .*\(0.980\) +≥ 0.98"),
        ({"worst": {"known_large": 0.949}}, r"known 8 × 8 .*\(0.949\)\* .* medium ≥ 0.95, strong ≥ 0.92"),
        ({"worst": {"stray_difference": 0.0021}}, r"stray difference .*\(\+0.0021\)\* .* ≤ 0.002"),
        ({"worst": {"least_yarn_ratio": 0.66}}, r"least yarn ratio .*\(0.66\)\* .* medium ≥ 0.667"),
        ({"worst": {"greatest_yarn_ratio": 1.34}}, r"greatest yarn ratio .*\(1.34\)\* .* medium ≤ 1.333"),
        ({"worst": {"lost_yarns": 1.0}}, r"lost yarns .*\(1\)\* .* ≤ 0"),
        ({"worst": {"symmetry": 0.999}}, r"symmetry .*\(0.999\)\* .* ≥ 1"),
        ({"worst": {"seam_ratio": 1.11}}, r"seam .*\(1.11\)\* .* ≤ 1.1"),
        ({"pair_ratio": 0.59}, r"pair ratio +0.60 +0.59\* +0.60 +≥ 0.6"),
    ],
)
def test_a_figure_beyond_its_bound_is_marked(change: dict[str, Any], row: str) -> None:
    (line,) = marked(measured(**change))
    assert re.fullmatch(row, line), line


def test_bounds_follow_the_part_that_is_drawn_and_the_extent() -> None:
    figures = measured(five_seconds=45.0, first_seconds=9.0)
    assert len(marked(figures)) == 2
    assert marked(figures | {"drawn": "whole"}) == []
    figures["extents"]["strong"] = figures["extents"]["medium"] | {"worst": measured()["extents"]["medium"]["worst"]}
    figures["extents"]["strong"]["worst"]["known_large"] = 0.93
    assert marked(figures | {"drawn": "half"}) == []


def test_a_set_without_pairs_or_axes_has_no_figure_there() -> None:
    lines = list(list_lines(measured(pair_ratio=None, mean=dict.fromkeys(COLUMNS), worst=dict.fromkeys(COLUMNS))))
    rows = {line[:20].strip(): line[20:] for line in lines[3:]}
    assert rows["pair ratio"].split()[:3] == ["0.60", "–", "0.60"]
    assert rows["symmetry"].split()[2] == "–"


@pytest.mark.slow
def test_variations_of_a_design_are_drawn_and_measured(capsys, tmp_path: Path) -> None:
    file, target = save(carpet(), tmp_path), tmp_path / "figures.json"
    assert main(["benchmark", "recompose", file, "--json", str(target)]) == 0
    captured = capsys.readouterr()
    *lines, last = captured.out.splitlines()
    figures = json.loads(last)
    assert json.loads(target.read_text("utf-8")) == figures
    (design,) = figures["designs"]
    assert (design["design"], design["design_px"], design["drawn"]) == (file, [144, 192], "quarter")
    assert list(design["extents"]) == list(EXTENTS)
    assert lines[-len(list(list_lines(design))) :] == list(list_lines(design))
    for run in design["extents"].values():
        assert 0 < run["first_seconds"] < run["five_seconds"]
        assert run["processor_seconds"] > 0
        assert 30 < run["memory_mb"] < 1000
        assert run["mean"]["symmetry"] == run["worst"]["symmetry"] == 1
        assert run["mean"]["seam_ratio"] is None
        assert abs(run["worst"]["changed"] - run["wanted"]) > abs(run["mean"]["changed"] - run["wanted"])
        assert run["worst"]["known_large"] <= run["mean"]["known_large"] < 1
        assert run["worst"]["stray_share"] >= run["mean"]["stray_share"]
    changed = [run["mean"]["changed"] for run in design["extents"].values()]
    assert 0 < changed[0] < changed[1] < changed[2]
    assert [line.split(":")[0] for line in captured.err.splitlines()] == [f"design, {extent}" for extent in EXTENTS]


@pytest.mark.slow
def test_a_repeat_is_drawn_whole_with_its_seams_measured(capsys, tmp_path: Path) -> None:
    half = draw_tile(32, 64).index_map
    tile = as_design(np.concatenate([half.indices, half.indices[:, ::-1]], axis=1), half.palette)
    assert main(["benchmark", "recompose", save(tile, tmp_path), "--repeat", "half-drop"]) == 0
    (design,) = json.loads(capsys.readouterr().out.splitlines()[-1])["designs"]
    assert design["drawn"] == "whole"
    assert all(run["mean"]["symmetry"] is not None for run in design["extents"].values())
    assert all(run["mean"]["seam_ratio"] > 0 for run in design["extents"].values())


@pytest.mark.slow
def test_the_drawing_process_loads_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys; from studio.commands.recompose_benchmark import print_drawn; print_drawn()\n"
        "print(*{'torch', 'diffusers', 'transformers', 'streamlit'} & set(sys.modules), file=sys.stderr)"
    )
    target = tmp_path / "knots.npy"
    command = [sys.executable, "-c", code, save(carpet(), tmp_path), "none", "medium", "motifs", str(target)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stderr.split() == []
    assert np.load(target).shape == (5, 192, 144)
    assert json.loads(done.stdout)["wanted"] == 0.25


def refuse(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return the one line with which a command refuses its arguments."""
    assert main(["benchmark", *arguments]) == 2
    captured = capsys.readouterr()
    assert len(captured.err.strip().splitlines()) == 1
    return captured.err


def test_files_that_cannot_be_used_are_named_before_anything_is_drawn(capsys, tmp_path: Path) -> None:
    file = save(carpet(), tmp_path)
    assert "nowhere.png cannot be read" in refuse(capsys, "recompose", file, "nowhere.png")
    missing = str(tmp_path / "none" / "figures.json")
    assert "figures.json cannot be written" in refuse(capsys, "recompose", file, "--json", missing)
    assert "figures.json cannot be written" in refuse(capsys, "--json", missing, "recompose", file)


@pytest.mark.slow
def test_a_design_that_cannot_be_drawn_from_is_named(capsys, tmp_path: Path) -> None:
    said = refuse(capsys, "recompose", save(carpet(), tmp_path), "--repeat", "straight")
    assert "design.png: This design has a border" in said
