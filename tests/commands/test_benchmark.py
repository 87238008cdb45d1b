"""`benchmark --knots`: time and memory for a large design on one core, with their limits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from studio.commands import main

BOUNDS = {"inspect": "2.00 s", "snap and clean": "3.00 s", "memory": "1000 MB"}


def measure(capsys, *arguments: str) -> tuple[list[str], dict]:
    assert main(["benchmark", *arguments]) == 0
    lines = capsys.readouterr().out.splitlines()
    return lines[:-1], json.loads(lines[-1])


def test_each_figure_is_printed_with_its_limit(capsys, tmp_path: Path):
    file = tmp_path / "figures.json"
    lines, figures = measure(capsys, "--knots", "160x240", "--json", str(file))
    assert "160 x 240 knots in 16 yarns" in lines[0]
    rows = {line[:18].strip(): line[18:].rstrip() for line in lines[2:]}
    assert set(rows) == set(figures["measured"]) == set(BOUNDS)
    for name, bound in BOUNDS.items():
        value, unit = figures["measured"][name], bound.split()[1]
        assert value > 0
        assert rows[name].split() == [f"{value:.2f}" if unit == "s" else f"{value:.0f}", unit, *bound.split()]
    assert json.loads(file.read_text("utf-8")) == figures


@pytest.mark.slow
def test_a_large_design_stays_within_its_memory_limit(capsys):
    lines, figures = measure(capsys, "--knots")
    assert "2400 x 3600 knots in 16 yarns" in lines[0]
    assert figures["measured"]["memory"] <= 1000


@pytest.mark.parametrize("size", ["big", "2400", "63x640", "640x8001", "0x0", "-5x99"])
def test_an_invalid_size_is_refused(capsys, size: str):
    assert main(["benchmark", f"--knots={size}"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.strip().splitlines()) == 1
    assert size in captured.err
