"""Trainings in the queue, each a child process: progress, stopping, failures, resuming, what their folders tell.

The child is a stand-in for the command (`tests.support.training_program`) that writes the same files.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from studio.adapter_training.folder import TrainingFolder
from studio.catalogue import Catalogue
from studio.commands import train
from studio.designs import Design
from studio.errors import NotFoundError, RequestError, StudioError
from studio.jobs import JobQueue
from studio.jobs.training_command import begin_arguments, resume_arguments
from studio.jobs.trainings import Training, Trainings, TrainingState, make_id
from studio.schema import JobState, LoraRecipe, VariationRequest
from studio.workspace import PROJECT
from tests.support.pictures import draw_picture, encode_picture
from tests.support.training_program import EXAMPLE, FINAL_LOSS

pytestmark = pytest.mark.slow

PROGRAM = (sys.executable, "-m", "tests.support.training_program")
PATIENCE_SECONDS = 60


class Engine:
    """Stands for the engine behind its own interface: it holds a model from its first run until it is released."""

    holds_model = False

    def generate(self, request: VariationRequest, design: Design, listener: object, other: object = None) -> None:
        self.holds_model = True

    def release(self) -> None:
        self.holds_model = False


@pytest.fixture
def engine() -> Engine:
    return Engine()


@pytest.fixture
def queue(catalogue: Catalogue, engine: Engine, tmp_path: Path) -> Iterator[JobQueue]:
    queue = JobQueue(catalogue, lambda: engine, tmp_path / "device.lock")
    yield queue
    queue.close()


@pytest.fixture
def trainings(queue: JobQueue, outputs: Path) -> Trainings:
    return Trainings(outputs / "trainings", queue, PROJECT, PROGRAM)


def reopened(trainings: Trainings, catalogue: Catalogue, tmp_path: Path) -> Trainings:
    """Return the trainings of the same folder as a studio that is started anew finds them."""
    queue = JobQueue(catalogue, Engine, tmp_path / "device.lock")
    return Trainings(trainings._root, queue, PROJECT, PROGRAM)


def wait(trainings: Trainings, training_id: str, until: Callable[[Training], bool]) -> Training:
    """Return the first state of a training that fulfils a condition."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not until(found := trainings.find(training_id)):
        assert time.monotonic() < deadline, found
        time.sleep(0.02)
    return found


def wait_for_run(queue: JobQueue, job: str) -> None:
    """Wait until a run is over."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not queue.snapshot(job).state.over:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def over(training: Training) -> bool:
    return not training.state.active


def stepping(training: Training) -> bool:
    return training.snapshot is not None and training.snapshot.state is JobState.RUNNING


def test_training_runs_as_a_child_and_leaves_an_adapter(trainings: Trainings) -> None:
    one = trainings.start("Kashan, 1920s", Path("pictures"), LoraRecipe(steps=4, trigger="kashan"))
    assert one == "Kashan-1920s"
    done = wait(trainings, one, over)
    assert (done.state, done.error, done.facts.recipe.trigger) == (TrainingState.FINISHED, None, "kashan")
    assert (done.snapshot.step, done.snapshot.steps, done.snapshot.peak_bytes) == (4, 4, 3 * 2**30)
    assert done.snapshot.loss == pytest.approx(FINAL_LOSS * 1.25)
    assert done.progress.steps == (1, 2, 3, 4)
    assert [one.step for one in done.progress.validations] == [2, 4]
    assert done.adapter == done.folder.adapter


def test_training_waits_its_turn_and_frees_the_engine_first(
    trainings: Trainings, queue: JobQueue, catalogue: Catalogue, engine: Engine
) -> None:
    source = catalogue.add_source(encode_picture(draw_picture(32, 32)))
    drawn = VariationRequest(source=source.sha256, prompt="kilim", seeds=(1,))
    first = queue.submit(drawn)
    wait_for_run(queue, first)
    assert engine.holds_model
    one = trainings.start("first", Path("slow"), LoraRecipe(steps=400))
    after = queue.submit(drawn)
    running = wait(trainings, one, stepping)
    assert not engine.holds_model
    assert running.snapshot.seconds_left > 0
    assert queue.snapshot(after).ahead == 1
    assert [snapshot.id for snapshot in queue.active()] == [one, after]
    trainings.stop(one)
    wait(trainings, one, over)
    wait_for_run(queue, after)
    assert (queue.snapshot(after).state, engine.holds_model) == (JobState.FINISHED, True)


def test_stopped_training_has_a_checkpoint_and_goes_on_from_it(
    trainings: Trainings, catalogue: Catalogue, tmp_path: Path
) -> None:
    one = trainings.start("kilim", Path("slow"), LoraRecipe(steps=50))
    wait(trainings, one, lambda training: training.progress.step >= 3)
    trainings.stop(one)
    stopped = wait(trainings, one, over)
    assert (stopped.state, stopped.error) == (TrainingState.STOPPED, None)
    assert 3 <= stopped.progress.checkpoint == stopped.progress.step < 50  # a checkpoint of its own, at any step
    again = reopened(trainings, catalogue, tmp_path)
    assert again.find(one).state is TrainingState.STOPPED
    again.resume(one)
    done = wait(again, one, over)
    assert (done.state, done.progress.steps) == (TrainingState.FINISHED, tuple(range(1, 51)))
    with pytest.raises(RequestError, match="is finished"):
        again.resume(one)


def test_training_that_is_in_the_queue_is_not_queued_again(trainings: Trainings, queue: JobQueue) -> None:
    one = trainings.start("kilim", Path("slow"), LoraRecipe(steps=400))
    with pytest.raises(RequestError, match="cannot be resumed"):
        trainings.resume(one)
    with pytest.raises(StudioError, match="is in the queue already"):  # as of two clicks at once
        queue.add(queue.find(one))
    assert [snapshot.id for snapshot in queue.active()] == [one]
    trainings.stop(one)
    wait(trainings, one, over)


def test_waiting_training_is_taken_out_and_can_be_started_later(trainings: Trainings) -> None:
    first = trainings.start("first", Path("slow"), LoraRecipe(steps=400))
    second = trainings.start("second", Path("pictures"), LoraRecipe(steps=2))
    assert trainings.find(second).state is TrainingState.WAITING
    trainings.stop(second)
    assert (trainings.find(second).state, trainings.find(second).facts) == (TrainingState.STOPPED, None)
    trainings.stop(first)
    wait(trainings, first, over)
    trainings.resume(second)
    assert wait(trainings, second, over).state is TrainingState.FINISHED


@pytest.mark.parametrize(
    ("dataset", "sentence"),
    [
        ("bad", "The dataset holds no picture. Choose another folder."),
        ("silent", "The training was ended from outside (signal 9)"),
        ("crash", "An unexpected error ended the training (ZeroDivisionError: division by zero, code 1)."),
    ],
)
def test_failed_training_says_why_even_after_a_restart(
    trainings: Trainings, catalogue: Catalogue, tmp_path: Path, dataset: str, sentence: str
) -> None:
    one = trainings.start("kilim", Path(dataset), LoraRecipe())
    failed = wait(trainings, one, over)
    assert failed.state is TrainingState.FAILED
    assert failed.error.startswith(sentence)
    assert failed.snapshot.bad_input == (dataset == "bad")
    again = reopened(trainings, catalogue, tmp_path).find(one)
    assert (again.state, again.error, again.snapshot) == (TrainingState.FAILED, failed.error, None)


def test_program_that_cannot_be_started_is_named(trainings: Trainings, queue: JobQueue) -> None:
    nowhere = Trainings(trainings._root, queue, PROJECT, ("no-such-program",))
    failed = wait(nowhere, nowhere.start("kilim", Path("pictures"), LoraRecipe()), over)
    assert "no-such-program could not be started" in failed.error
    stopped = trainings.start("slow one", Path("slow"), LoraRecipe(steps=400))
    wait(trainings, stopped, stepping)
    trainings.stop(stopped)
    wait(trainings, stopped, over)
    nowhere.resume(stopped)
    assert wait(nowhere, stopped, over).state is TrainingState.FAILED  # although its log says that it was stopped


def test_child_that_does_not_listen_is_killed(queue: JobQueue, outputs: Path) -> None:
    patience = {"interrupt": 0.1, "terminate": 0.1}
    trainings = Trainings(outputs / "trainings", queue, PROJECT, PROGRAM, patience)
    trainings.start("deaf", Path("does not listen"), LoraRecipe(steps=9000))
    wait(trainings, "deaf", stepping)
    queue.cancel("deaf")
    stopped = wait(trainings, "deaf", over)
    assert stopped.state is TrainingState.STOPPED
    steps = len(stopped.progress.steps)
    time.sleep(0.5)
    assert len(trainings.find("deaf").progress.steps) == steps  # nobody writes any more


def test_closing_the_studio_stops_a_training_with_a_checkpoint(
    trainings: Trainings, queue: JobQueue, catalogue: Catalogue, tmp_path: Path
) -> None:
    one = trainings.start("kilim", Path("slow"), LoraRecipe(steps=400))
    waiting = trainings.start("second", Path("slow"), LoraRecipe(steps=400))
    wait(trainings, one, lambda training: training.progress.step >= 1)
    queue.close(0.0)
    again = reopened(trainings, catalogue, tmp_path)
    stopped = again.find(one)
    assert (stopped.state, stopped.progress.checkpoint) == (TrainingState.STOPPED, stopped.progress.step)
    assert again.find(waiting).state is TrainingState.INTERRUPTED


def test_training_of_a_killed_studio_is_interrupted_and_can_be_resumed(
    trainings: Trainings, outputs: Path, tmp_path: Path
) -> None:
    folder = outputs / "trainings" / "kilim"
    arguments = begin_arguments(tmp_path / "slow", folder, LoraRecipe(steps=22))
    folder.mkdir(parents=True)
    with subprocess.Popen([*PROGRAM, *arguments], cwd=PROJECT) as child:  # as a studio that is gone has started it
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not TrainingFolder(folder).list_checkpoints():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        child.kill()
    found = trainings.find("kilim")
    assert (found.state, found.error, found.snapshot) == (TrainingState.INTERRUPTED, None, None)
    trainings.resume("kilim")
    assert wait(trainings, "kilim", over).progress.steps == tuple(range(1, 23))


def test_names_that_are_taken_get_a_number(trainings: Trainings) -> None:
    ids = [trainings.start("Kashan", Path("bad"), LoraRecipe()) for _ in range(3)]
    assert ids == ["Kashan", "Kashan-2", "Kashan-3"]
    for one in ids:
        wait(trainings, one, over)
    assert [training.id for training in trainings.list_all()] == list(reversed(ids))


@pytest.mark.parametrize(
    ("name", "training_id"),
    [
        ("Kashan, 1920s", "Kashan-1920s"),
        ("../../etc", "etc"),
        ("کاشان ۱", "کاشان-۱"),
        ("…", "training"),
        ("a" * 80, "a" * 50),
    ],
)
def test_id_is_a_safe_name_of_a_folder(name: str, training_id: str) -> None:
    assert make_id(name) == training_id


def test_deleted_training_is_gone_from_the_disk(trainings: Trainings, outputs: Path) -> None:
    one = trainings.start("kilim", Path("pictures"), LoraRecipe(steps=2))
    wait(trainings, one, over)
    assert trainings.measure(one) > 1000
    trainings.delete(one)
    assert trainings.list_all() == ()
    assert list((outputs / "trainings").iterdir()) == []
    with pytest.raises(NotFoundError):
        trainings.find(one)


def test_training_in_the_queue_is_not_deleted(trainings: Trainings) -> None:
    one = trainings.start("kilim", Path("slow"), LoraRecipe(steps=400))
    with pytest.raises(RequestError, match="Stop it first"):
        trainings.delete(one)
    trainings.stop(one)
    wait(trainings, one, over)


def test_samples_are_found_by_name_only(trainings: Trainings, outputs: Path) -> None:
    one = trainings.start("kilim", Path("pictures"), LoraRecipe(steps=2))
    wait(trainings, one, over)
    assert trainings.sample_path(one, "2", EXAMPLE, "0.5").name == "0.5.webp"
    (outputs / "secret.webp").write_bytes(b"")
    for address in (
        ("../trainings/kilim", "2", EXAMPLE, "1"),
        (one, "3", EXAMPLE, "1"),
        (one, "2", "..", "1"),
        (one, "2", f"../step-000002/{EXAMPLE}", "1"),
        (one, "2", EXAMPLE, "../../../../../secret"),
        (one, "2", EXAMPLE, os.fspath(outputs / "secret")),
    ):
        with pytest.raises(NotFoundError):
            trainings.sample_path(*address)


def read_arguments(arguments: tuple[str, ...]) -> argparse.Namespace:
    """Return what the real command reads in arguments."""
    parser = argparse.ArgumentParser()
    parser.add_argument("command")
    train.add_arguments(parser)
    return parser.parse_args(arguments)


def test_command_reads_every_setting_of_a_recipe() -> None:
    recipe = LoraRecipe(
        trigger="--resume; rm", paired=True, mirrored=False, rank=8, warm_up_steps=3, resolution_px=256, seed=7
    )
    read = read_arguments(begin_arguments(Path("/x"), Path("out"), recipe))
    assert (read.dataset, read.output, read.resume, read.json) == (Path("/x"), Path("out"), False, True)
    for name, value in recipe.to_json().items():
        given = not read.no_mirrored if name == "mirrored" else getattr(read, name)
        assert given == value, name


def test_resumed_training_goes_on_as_it_began() -> None:
    read = read_arguments(resume_arguments(Path("out")))
    assert (read.dataset, read.output, read.resume, read.rank) == (None, Path("out"), True, None)
