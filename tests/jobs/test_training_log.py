"""What is read of a training's log while another process writes it, and of one that a damaged disk has left."""

from __future__ import annotations

from pathlib import Path

from studio.adapter_training.folder import TrainingFolder
from studio.jobs.training_log import TrainingLog, Validation


def write_steps(folder: TrainingFolder, *steps: int, loss: float = 0.5) -> None:
    for step in steps:
        folder.note("step", step=step, loss=loss, seconds_left=10.0 - step, peak_bytes=2**30)


def test_log_is_read_as_it_grows(tmp_path: Path) -> None:
    folder = TrainingFolder(tmp_path)
    log = TrainingLog(folder)
    assert (log.read().step, log.read().end) == (0, None)
    folder.note("stage", stage="Encoding the pictures", share=0.5)
    assert (log.read().stage, log.read().share) == ("Encoding the pictures", 0.5)
    write_steps(folder, 1, 2)
    folder.note("validation", step=2, loss=0.4, by_level={"0.1": 0.3})
    folder.note("checkpoint", step=2)
    told = log.read()
    assert (told.stage, told.share, told.steps, told.seconds_left) == ("", None, (1, 2), 8.0)
    assert (told.validations, told.checkpoint) == ((Validation(2, 0.4, {"0.1": 0.3}),), 2)
    folder.note("end", state="finished", error=None)
    assert log.read().end == "finished"


def test_line_that_is_being_written_waits_for_its_end(tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    file.write_text('{"kind": "step", "step": 1, "loss": 0.5}\n{"kind": "step", "st', "utf-8")
    log = TrainingLog(TrainingFolder(tmp_path))
    assert log.read().steps == (1,)
    with file.open("a") as stream:
        stream.write('ep": 2, "loss": 0.25}\n')
    assert log.read().losses == (0.5, 0.25)


def test_steps_that_are_done_again_count_once(tmp_path: Path) -> None:
    folder = TrainingFolder(tmp_path)
    write_steps(folder, 1, 2, 3, loss=0.5)
    folder.note("validation", step=3, loss=0.9, by_level={})
    folder.note("end", state="stopped", error=None)
    write_steps(folder, 2, 3, loss=0.25)
    told = TrainingLog(folder).read()
    assert (told.steps, told.losses, told.validations, told.end) == ((1, 2, 3), (0.5, 0.25, 0.25), (), None)


def test_what_was_written_before_can_be_left_out(tmp_path: Path) -> None:
    folder = TrainingFolder(tmp_path)
    write_steps(folder, 1)
    folder.note("end", state="stopped", error="stopped")
    log = TrainingLog(folder, from_now=True)
    assert (log.read().steps, log.read().end) == ((), None)
    write_steps(folder, 2)
    assert log.read().steps == (2,)


def test_another_log_in_its_place_is_read_from_its_beginning(tmp_path: Path) -> None:
    folder = TrainingFolder(tmp_path)
    write_steps(folder, 1, 2, 3)
    log = TrainingLog(folder)
    assert log.read().step == 3
    (tmp_path / "log.jsonl").unlink()
    write_steps(folder, 1)
    assert log.read().steps == (1,)


def test_hostile_lines_are_left_out(tmp_path: Path) -> None:
    lines = (
        "[]",
        "nonsense",
        '{"kind": "step", "step": -1, "loss": 1}',
        '{"kind": "step", "step": true, "loss": 1}',
        '{"kind": "step", "step": 1, "loss": NaN}',
        '{"kind": "step", "step": 2, "loss": "low", "peak_bytes": -5, "seconds_left": []}',
        '{"kind": "validation", "step": 2, "loss": 0.5, "by_level": {"0.1": null, "0.9": 1}}',
        '{"kind": "stage", "stage": 7, "share": 99}',
        '{"kind": "end", "state": "exploded", "error": 7}',
    )
    (tmp_path / "log.jsonl").write_bytes(b"\xff\n" + "\n".join(lines).encode() + b"\n")
    told = TrainingLog(TrainingFolder(tmp_path)).read()
    assert (told.steps, told.peak_bytes, told.seconds_left) == ((), None, None)
    assert told.validations == (Validation(2, 0.5, {"0.9": 1.0}),)
    assert (told.end, told.error) == (None, None)
