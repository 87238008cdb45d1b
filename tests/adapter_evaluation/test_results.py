"""The file of an evaluation: written, read again, damaged; read without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from studio.adapter_evaluation.results import AdapterEvaluation, read_evaluation
from studio.errors import RequestError
from tests.support.evaluations import make_evaluation


def test_an_evaluation_is_read_as_it_was_written(tmp_path: Path) -> None:
    found = make_evaluation()
    file = tmp_path / "evaluation.json"
    file.write_text(json.dumps(found.to_json()), "utf-8")
    again = read_evaluation(file)
    assert again == found
    assert again.step(0.5) == found.ladder[1]
    assert again.step(0.3) is None


def test_no_file_is_no_evaluation(tmp_path: Path) -> None:
    assert read_evaluation(tmp_path / "evaluation.json") is None


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"losses": 3}', "\0"])
def test_a_damaged_file_is_refused_with_what_to_do(tmp_path: Path, text: str) -> None:
    file = tmp_path / "evaluation.json"
    file.write_text(text, "utf-8")
    with pytest.raises(RequestError, match="again"):
        read_evaluation(file)


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("losses", 0, "mean", "value"), None),
        (("losses", 0, "mean", "low"), "much"),
        (("ladder", 0, "figures"), [1]),
        (("ladder", 0, "weight"), None),
        (("copies", 0, "where"), [0, 1]),
        (("best",), None),
        (("notes",), 4),
        (("settings",), 4),
    ],
)
def test_values_of_another_kind_are_refused(where: tuple[str | int, ...], value: object) -> None:
    values = json.loads(json.dumps(make_evaluation().to_json()))
    inner = values
    for key in where[:-1]:
        inner = inner[key]
    inner[where[-1]] = value
    with pytest.raises(RequestError, match="no evaluation of an adapter"):
        AdapterEvaluation.from_json(values)


@pytest.mark.slow
def test_results_are_read_without_torch() -> None:
    code = "import sys, studio.adapter_evaluation.results; print(*{'torch', 'diffusers', 'peft'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
