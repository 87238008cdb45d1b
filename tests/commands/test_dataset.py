"""`python -m studio dataset`: check, captions, collect."""

from __future__ import annotations

import json

import pytest

from studio.catalogue import Catalogue
from studio.commands import main
from tests.support.catalogue_records import fill
from tests.support.dataset_folders import encode_carpet, write_files


@pytest.fixture
def folder(tmp_path):
    return write_files(tmp_path / "carpets", {"a.png": encode_carpet(1), "a.txt": "red", "b.png": encode_carpet(2)})


def test_check_prints_the_report(folder, capsys):
    assert main(["dataset", "check", str(folder)]) == 0
    assert "carpets: 2 pictures of 2 designs." in capsys.readouterr().out
    assert main(["dataset", "check", str(folder), "--json", "--resolution", "256"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["pictures"] == 2
    assert report["without_caption"] == ["b.png"]
    assert report["smallest_px"] == 128
    large = "stabilityai/stable-diffusion-3.5-large"
    assert main(["dataset", "check", str(folder), "--json", "--model", large]) == 0
    assert json.loads(capsys.readouterr().out)["smallest_px"] == 512


def test_captions_are_listed_and_written_on_request(folder, capsys):
    assert main(["dataset", "captions", str(folder)]) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [line[:2] for line in lines] == [["a.png", "text file"], ["b.png", "design"]]
    assert not (folder / "b.txt").exists()
    assert main(["dataset", "captions", str(folder), "--write", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert (folder / "b.txt").read_text() == rows[1]["caption"] + "\n"
    assert (folder / "a.txt").read_text() == "red"


def test_favourites_are_collected(tmp_path, capsys):
    outputs = tmp_path / "outputs"
    with Catalogue(outputs) as catalogue:
        made = fill(catalogue)
    target = tmp_path / "datasets" / "favourites"
    command = ["dataset", "collect", "--output", str(target), "--outputs", str(outputs)]
    assert main([*command, "--favourites"]) == 0
    assert capsys.readouterr().out.strip() == str(target)
    sidecar = json.loads((target / "collected.json").read_text())
    assert [one["id"] for one in sidecar["pictures"] if one["id"]] == [made[2]]
    assert main([*command, made[0]]) == 2
    assert "exists already" in capsys.readouterr().err
    assert main(["dataset", "collect", "--output", str(tmp_path / "x"), "--outputs", str(outputs)]) == 2
    assert "Say what to collect" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["check", "nowhere-at-all"], "does not exist"),
        (["captions", "nowhere-at-all"], "does not exist"),
        (["check", ".", "--model", "no-such-model"], "No model is called"),
        (["collect", "--favourites", "--output", "x", "--outputs", "nowhere-at-all"], "does not exist"),
    ],
)
def test_bad_input_is_refused_in_one_line(arguments, says, capsys):
    assert main(["dataset", *arguments]) == 2
    answer = capsys.readouterr()
    assert says in answer.err
    assert answer.out == ""


def test_a_resolution_below_the_models_step_is_refused(folder, capsys):
    assert main(["dataset", "check", str(folder), "--resolution", "8"]) == 2
    assert "resolution is 8" in capsys.readouterr().err
