"""`evaluate adapter`: tables, JSON, the file, Ctrl+C, and what it refuses before anything is loaded."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from studio.adapter_evaluation.results import FIGURES, AdapterEvaluation, read_evaluation
from studio.commands import BAD_INPUT, INTERRUPTED, main
from studio.commands.figures.adapter_table import list_lines
from studio.datasets import open_dataset, split
from studio.workspace import PROJECT
from tests.support.adapters import write_adapter
from tests.support.evaluations import make_evaluation
from tests.support.held_out import write_held_out
from tests.support.training_folders import write_training

INTERRUPTIBLE = (
    "import signal, sys\n"
    "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    "from studio.commands import main\n"
    "sys.exit(main())"
)
"""The command line where Ctrl+C acts: a shell's background jobs inherit that it is ignored."""
QUICK = ("--weights", "1", "--count", "1", "--steps", "2", "--strength", "0.8")


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory, slot: object) -> str:
    return str(write_adapter(tmp_path_factory.mktemp("adapters") / "random", slot))


@pytest.mark.slow
def test_the_tables_and_the_file_have_the_same_figures(
    adapter: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    held_out, file = write_held_out(tmp_path / "held", 2), tmp_path / "found.json"
    assert main(["evaluate", "adapter", adapter, "--dataset", str(held_out), "--output", str(file), *QUICK]) == 0
    captured = capsys.readouterr()
    found = read_evaluation(file)
    assert list(list_lines(found)) == captured.out.splitlines()
    assert found.adapter["name"] == "random"
    assert found.settings["weights"] == [0.0, 1.0]
    assert str(tmp_path) not in file.read_text("utf-8")
    assert main(["evaluate", "adapter", adapter, "--dataset", str(held_out), "--designs", "0", "--json", *QUICK]) == 0
    again = json.loads(capsys.readouterr().out)
    assert AdapterEvaluation.from_json(again).losses == found.losses


@pytest.mark.slow
def test_a_training_is_evaluated_on_what_it_kept_apart_and_its_card_says_so(
    adapter: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_held_out(tmp_path / "data", 6)
    with open_dataset(data) as dataset:
        learned, kept = split(dataset.examples, 0.4, 0)
    folder = write_training(tmp_path / "training", model="builtin", held_out=0.4, seed=0)
    facts = folder.read_facts()
    counts = {"path": str(data), "trained": len(learned), "held_out": len(kept)}
    folder.write_facts(replace(facts, dataset={**facts.dataset, **counts}))
    shutil.copytree(adapter, folder.adapter, dirs_exist_ok=True)
    given = str(folder.root)
    assert main(["evaluate", "adapter", given, *QUICK]) == 0, capsys.readouterr().err
    found = read_evaluation(folder.root / "evaluation.json")
    assert (found.dataset["pictures"], found.trained["pictures"]) == (len(kept), len(learned))
    assert not any("were trained on" in note for note in found.notes)
    card = (folder.adapter / "README.md").read_text("utf-8")
    assert "| figure | base | adapter, weight 1 | difference |" in card
    (data / "carpet-0.png").unlink()
    assert main(["evaluate", "adapter", given, *QUICK]) == BAD_INPUT
    assert "has changed" in capsys.readouterr().err
    other = str(write_held_out(tmp_path / "other", 2, first=70))
    assert main(["evaluate", "adapter", given, "--dataset", other, "--designs", "0", *QUICK]) == 0
    assert "Copies are not looked for: The dataset of the training has changed" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="Windows has no SIGINT for another process")
def test_ctrl_c_keeps_what_was_finished(adapter: str, tmp_path: Path) -> None:
    held_out, file = write_held_out(tmp_path / "held", 3), tmp_path / "found.json"
    command = [sys.executable, "-c", INTERRUPTIBLE, "evaluate", "adapter", adapter, "--dataset", str(held_out)]
    options = [*QUICK[2:], "--weights", "0.5,1,1.5", "--output", str(file)]
    with subprocess.Popen(
        [*command, *options], cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        seen = ""
        while "Drawing variations" not in seen and (read := process.stderr.read(64)):
            seen += read
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=120)
    assert process.returncode == INTERRUPTED, errors
    found = read_evaluation(file)
    assert not found.complete
    assert found.losses[0].mean.count == 3
    assert found.dataset["drawn"] < 3


def test_the_tables_show_intervals_the_best_weight_copies_and_notes() -> None:
    lines = list(list_lines(make_evaluation()))
    text = "\n".join(lines)
    for title in (one.title for one in FIGURES.values()):
        assert title in text
    assert "| 0.5 | 0.9000 | 1.1000 | 0.7000 | -0.3000 (-0.4000 to -0.2000) |" in lines
    assert "Best weight: 0.5. At 0.5 the distance" in text
    assert "secret-customer.png, mirrored" in text
    assert lines[-1] == "- The figures see knots."
    rows = [line for line in lines if line.startswith("| ")]
    assert len({row.count(" | ") for row in rows[3:]}) <= 3


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--weights", "0"), "the base alone is no comparison"),
        (("--weights", "0,3"), "3 is out of range"),
        (("--weights", "much"), "are not numbers"),
        (("--count", "0"), "--count 0"),
        (("--designs", "-1"), "--designs -1"),
        (("--seed", "-1"), "--seed -1"),
        (("--strength", "5"), "Strength 5"),
        (("--steps", "0"), "Steps 0"),
        (("--output", "/nowhere/at/all.json"), "cannot be written"),
        (("--model", "nothing"), "No model is called"),
        (("--profile", "nine"), "nine"),
        (("--dataset", "/nowhere"), "does not exist"),
    ],
)
@pytest.mark.slow
def test_what_cannot_be_evaluated_is_refused(
    adapter: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, str], says: str
) -> None:
    held_out = write_held_out(tmp_path / "held", 2)
    assert main(["evaluate", "adapter", adapter, "--dataset", str(held_out), *options]) == BAD_INPUT
    error = capsys.readouterr().err.strip().splitlines()
    assert says in error[-1]


def test_a_folder_that_is_no_adapter_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "adapter", str(tmp_path), "--dataset", str(tmp_path)]) == BAD_INPUT
    assert capsys.readouterr().err


@pytest.mark.slow
def test_an_adapter_alone_needs_a_dataset(adapter: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "adapter", adapter]) == BAD_INPUT
    assert "--dataset is missing" in capsys.readouterr().err
