"""What can go wrong while a training writes, and what is left then."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from studio.adapter_training.checkpoints import read_newest_checkpoint, write_checkpoint
from studio.adapter_training.folder import TrainingFolder
from studio.errors import StorageError
from tests.adapter_training.conftest import ROOT, Train, begin_command

CALLS = ("fsync", "replace", "rename", "mkdir")


def write(folder: TrainingFolder, step: int) -> None:
    state = {"steps_done": step, "lora": {"a": torch.full((64, 64), float(step))}}
    write_checkpoint(folder, step, state, lambda place: (place / "adapter_model.safetensors").write_bytes(b"a" * 99))


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs fork")
def test_a_kill_at_any_point_of_writing_a_checkpoint_leaves_it_whole_or_the_one_before(tmp_path: Path) -> None:
    points = 0
    for call in CALLS:
        for after in (False, True):
            for number in range(1, 20):
                folder = TrainingFolder(tmp_path / f"{call}-{after}-{number}")
                write(folder, 1)
                child = os.fork()
                if child == 0:  # the child ends within `write`, or after it
                    _die_at(call, number, after=after)
                    write(folder, 2)
                    os._exit(0)
                _, status = os.waitpid(child, 0)
                found = read_newest_checkpoint(folder)
                assert found is not None
                step, state = found
                assert step == state["steps_done"] == int(state["lora"]["a"][0, 0])
                if os.waitstatus_to_exitcode(status) == 0:
                    assert step == 2
                    break
                points += 1
                write(folder, 3)  # goes on, and removes what was left half written
                assert [step for step, _ in folder.list_checkpoints()][-1] == 3
                assert not list(folder.checkpoints.glob(".*"))
    assert points >= 8


def _die_at(name: str, number: int, *, after: bool) -> None:
    """Let this process end at the n-th call of a function of `os`, which pathlib uses too."""
    real, count = getattr(os, name), 0

    def call(*given, **named):
        nonlocal count
        count += 1
        if count == number and not after:
            os._exit(9)
        answer = real(*given, **named)
        if count == number:
            os._exit(9)
        return answer

    setattr(os, name, call)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a limit on the size of files")
def test_a_full_disk_ends_the_training_with_a_sentence_and_keeps_the_checkpoint_before(train: Train) -> None:
    import resource

    folder = train(steps=2)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, hard))
    try:
        with pytest.raises(StorageError, match="Make room and resume"):
            train(resume=True, steps=4)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    found = read_newest_checkpoint(folder)
    assert found is not None and found[0] == 2
    assert list(folder.entries())[-1]["state"] == "failed"
    train(resume=True, steps=4)
    assert list(folder.entries())[-1]["state"] == "finished"


def _begin(dataset: Path, output: Path, model: Path, **settings: object) -> list[str]:
    """Return a command that trains, and that shows its progress to a person."""
    return [sys.executable, *(one for one in begin_command(dataset, output, model, **settings) if one != "--json")]


def _resume(output: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "studio", "train", "lora", f"--output={output}", "--resume", *options]


def _wait_for_step(folder: TrainingFolder, step: int, child: subprocess.Popen[str]) -> None:
    while child.poll() is None:
        if any(entry["kind"] == "step" and entry["step"] >= step for entry in folder.entries()):
            return
        time.sleep(0.05)
    raise AssertionError(child.communicate())


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_the_command_trains_stops_at_ctrl_c_goes_on_and_ends_like_one_that_was_not_stopped(
    small_model: Path, carpets: Path, tmp_path: Path
) -> None:
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    settings = {"steps": 40, "checkpoint_every": 1000, "validate_every": 1000}
    cut = TrainingFolder(tmp_path / "cut")
    child = subprocess.Popen(
        _begin(carpets, cut.root, small_model, **settings),
        cwd=ROOT, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    _wait_for_step(cut, 2, child)
    child.send_signal(signal.SIGINT)
    out, error = child.communicate()
    assert child.returncode == 0, error
    assert "--resume" in error
    assert out == ""
    (step, _), *_ = reversed(cut.list_checkpoints())
    assert [entry["step"] for entry in cut.entries() if entry["kind"] == "step"][-1] == step

    done = subprocess.run(
        _resume(cut.root, "--json"),
        cwd=ROOT, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert '"state": "finished"' in done.stdout.splitlines()[-1]
    whole = TrainingFolder(tmp_path / "whole")
    subprocess.run(
        _begin(carpets, whole.root, small_model, **settings),
        cwd=ROOT, env=environment, capture_output=True, check=True,
    )  # fmt: skip
    one, other = (load_file(each.adapter / "adapter_model.safetensors") for each in (cut, whole))
    assert all(torch.equal(one[key], other[key]) for key in other)
    refused = subprocess.run(
        _begin(carpets, whole.root, small_model),
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert refused.returncode == 2
    assert "holds a training already" in refused.stderr


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs pipes that close")
def test_a_training_runs_once_at_a_time_and_ends_with_a_checkpoint_when_its_reader_has_left(
    small_model: Path, carpets: Path, tmp_path: Path
) -> None:
    folder = TrainingFolder(tmp_path / "training")
    child = subprocess.Popen(
        [sys.executable, *begin_command(carpets, folder.root, small_model, steps=4000)],
        cwd=ROOT,
        env=os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    _wait_for_step(folder, 1, child)
    second = subprocess.run(_resume(folder.root), cwd=ROOT, capture_output=True, text=True, check=False)
    assert second.returncode == 2
    assert "running already" in second.stderr
    assert child.stdout is not None and child.stderr is not None
    child.stdout.close()
    error = child.stderr.read()
    assert child.wait(60) in (0, 141), error
    assert "Traceback" not in error
    assert list(folder.entries())[-1]["state"] == "stopped"
    assert folder.list_checkpoints()
    shutil.rmtree(folder.root)


@pytest.mark.slow
def test_samples_that_find_no_memory_are_left_out_and_the_training_goes_on(
    train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    from studio.adapter_training import samples

    def refuse(*_given: object, **_named: object) -> None:  # a card that is full cannot be had here
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(samples, "sample_variations", refuse)
    without, with_samples = train("without"), train("with", samples_every=2)
    stages = [entry["stage"] for entry in with_samples.entries() if entry["kind"] == "stage"]
    assert "No samples of step 2: they need more memory than is free" in stages
    one, other = (load_file(each.adapter / "adapter_model.safetensors") for each in (without, with_samples))
    assert all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.slow
def test_a_cache_that_is_damaged_in_the_middle_is_named_and_made_again_at_the_next_start(train: Train) -> None:
    folder = TrainingFolder(Path())

    def damage() -> bool:
        for file in (folder.root / "cache" / "latents").glob("*"):
            file.write_bytes(b"half")
        return False

    whole = train("whole")
    folder = TrainingFolder(whole.root.parent / "damaged")
    with pytest.raises(StorageError, match="Resume the training"):
        train("damaged", stopped=lambda: folder.list_checkpoints() != [] and damage())
    resumed = train("damaged", resume=True)
    one, other = (load_file(each.adapter / "adapter_model.safetensors") for each in (whole, resumed))
    assert all(torch.equal(one[key], other[key]) for key in one)
