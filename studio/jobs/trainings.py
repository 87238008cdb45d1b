"""The trainings of an outputs folder: started, resumed and stopped through the queue, listed, deleted.

outputs/trainings/<id>/order.json    what was asked for; the rest is written by the training (`TrainingFolder`)
"""

from __future__ import annotations

import re
import shutil
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from studio.adapter_training.folder import TrainingFacts, TrainingFolder
from studio.catalogue import utc_now
from studio.catalogue.files.paths import storage_error
from studio.errors import NotFoundError, RequestError, StorageError, StudioError, quote
from studio.jobs.training_command import begin_arguments, resume_arguments
from studio.jobs.training_job import PATIENCE_SECONDS, TrainingJob
from studio.jobs.training_log import TrainingLog, TrainingProgress
from studio.jobs.training_order import TrainingOrder, read_order, write_order
from studio.jobs.work_queue import WorkQueue
from studio.schema import JobState, LoraRecipe, TrainingSnapshot

PROGRAM = (sys.executable, "-m", "studio")
TRAINING_ID = re.compile(r"\w[\w-]{0,59}")
_GONE = ".deleted-"
_SAMPLE_ENDING = ".webp"


class TrainingState(StrEnum):
    """The state of a training, whether the queue knows it or only its folder is left."""

    WAITING = "waiting"
    RUNNING = "running"
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    """It has not ended, and no process of this studio works on it: the studio or the computer was switched off."""

    @property
    def active(self) -> bool:
        """Whether it is in the queue."""
        return self in (TrainingState.WAITING, TrainingState.RUNNING)


_STATES: Mapping[JobState, TrainingState] = {
    JobState.QUEUED: TrainingState.WAITING,
    JobState.PREPARING: TrainingState.RUNNING,
    JobState.RUNNING: TrainingState.RUNNING,
    JobState.FINISHED: TrainingState.FINISHED,
    JobState.CANCELLED: TrainingState.STOPPED,
    JobState.FAILED: TrainingState.FAILED,
}


@dataclass(frozen=True, slots=True)
class Training:
    """One training as a page shows it. `facts` is None before it has begun, `snapshot` outside of the queue."""

    id: str
    folder: TrainingFolder
    order: TrainingOrder
    facts: TrainingFacts | None
    progress: TrainingProgress
    state: TrainingState
    error: str | None
    snapshot: TrainingSnapshot | None

    @property
    def adapter(self) -> Path | None:
        """The folder of the adapter that was saved, None before that."""
        return self.folder.adapter if (self.folder.adapter / "adapter_config.json").is_file() else None


class Trainings:
    """The trainings below one folder. An id from a client is checked before it becomes a path. For any thread."""

    def __init__(
        self,
        root: Path,
        queue: WorkQueue,
        project: Path,
        program: Sequence[str] = PROGRAM,
        patience_seconds: Mapping[str, float] = PATIENCE_SECONDS,
    ) -> None:
        self._root = root
        self._queue = queue
        self._project = project
        self._program = tuple(program)
        self._patience_seconds = patience_seconds
        self._logs: dict[str, TrainingLog] = {}

    def start(self, name: str, dataset: Path, recipe: LoraRecipe) -> str:
        """Queue a training and return its id, which is made from the name.

        Raises `StorageError` if its folder cannot be written.
        """
        order = TrainingOrder(dataset.expanduser().absolute(), recipe, utc_now())
        folder = self._claim_folder(name)
        try:
            write_order(folder, order)
        except StorageError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self._enqueue(folder, order, resume=False)
        return folder.name

    def resume(self, training_id: str) -> None:
        """Queue the rest of a training. Raises `RequestError` if there is none left or it is in the queue already."""
        training = self.find(training_id)
        if training.state.active or training.state is TrainingState.FINISHED:
            raise RequestError(f"The training {training_id} is {training.state} and cannot be resumed.")
        self._enqueue(training.folder.root, training.order, resume=training.folder.begun)

    def stop(self, training_id: str) -> None:
        """Stop a training after its checkpoint, or take it out of the queue."""
        self._queue.cancel(training_id)

    def list_all(self) -> tuple[Training, ...]:
        """Return all trainings, newest first. A folder that holds none is left out."""
        try:
            names = [one.name for one in self._root.iterdir() if TRAINING_ID.fullmatch(one.name)]
        except OSError:
            return ()
        found = []
        for name in names:
            try:
                found.append(self.find(name))
            except StudioError:
                continue
        return tuple(sorted(found, key=lambda one: (one.order.created_at, one.id), reverse=True))

    def find(self, training_id: str) -> Training:
        """Return a training. Raises `NotFoundError` if there is none of this id."""
        folder = TrainingFolder(self._find_folder(training_id))
        facts = _read_facts(folder)
        order = read_order(folder.root) or _order_of(facts)
        if order is None:
            raise _not_found(training_id)
        with self._queue.lock:
            work = self._queue.find(training_id)
            snapshot = work.snapshot(self._queue.ahead_of(work)) if isinstance(work, TrainingJob) else None
        progress = self._logs.setdefault(training_id, TrainingLog(folder)).read()
        state = _find_state(snapshot, progress)
        error = progress.error if snapshot is None or not snapshot.error else snapshot.error
        return Training(training_id, folder, order, facts, progress, state, error, snapshot)

    def measure(self, training_id: str | None = None) -> int:
        """Return the bytes that the files of a training take, or those of all trainings."""
        root = self._root if training_id is None else self._find_folder(training_id)
        return sum(_size(file) for file in root.rglob("*") if not file.is_symlink())

    def delete(self, training_id: str) -> None:
        """Delete a training with all of its files. Raises `RequestError` while it is in the queue."""
        training = self.find(training_id)
        if training.state.active:
            raise RequestError(f"The training {training_id} is {training.state}. Stop it first, then delete it.")
        gone = self._root / f"{_GONE}{training_id}"
        try:
            shutil.rmtree(gone, ignore_errors=True)
            training.folder.root.rename(gone)  # so that half a training is never listed
            self._logs.pop(training_id, None)
            shutil.rmtree(gone)
        except OSError as error:
            raise storage_error(training.folder.root, error) from error

    def sample_path(self, training_id: str, step: str, example: str, name: str) -> Path:
        """Return the file of a sample. Raises `NotFoundError` unless each part of its address is the name of a file.

        Names are compared with those in the folder and never made part of a path.
        """
        folder = TrainingFolder(self._find_folder(training_id))
        steps = {str(number): path for number, path in folder.list_samples()}
        examples = _entries(steps.get(step))
        path = _entries(examples.get(example)).get(f"{name}{_SAMPLE_ENDING}")
        if path is None:
            raise NotFoundError("There is no such sample. The training may have been deleted.")
        return path

    def _claim_folder(self, name: str) -> Path:
        """Make the folder of a new training, with a number where the name is taken."""
        stem = make_id(name)
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            for number in range(1, 1000):
                folder = self._root / (stem if number == 1 else f"{stem}-{number}")
                try:
                    folder.mkdir()
                    return folder
                except FileExistsError:
                    continue
        except OSError as error:
            raise storage_error(self._root / stem, error) from error
        raise RequestError(f"There are a thousand trainings of the name “{stem}”. Choose another name.")

    def _enqueue(self, folder: Path, order: TrainingOrder, *, resume: bool) -> None:
        arguments = resume_arguments(folder) if resume else begin_arguments(order.dataset, folder, order.recipe)
        job = TrainingJob(
            folder.name,
            (*self._program, *arguments),
            self._project,
            TrainingFolder(folder),
            steps=order.recipe.steps,
            patience_seconds=self._patience_seconds,
        )
        self._queue.add(job)

    def _find_folder(self, training_id: str) -> Path:
        if not isinstance(training_id, str) or TRAINING_ID.fullmatch(training_id) is None:
            raise _not_found(training_id)
        folder = self._root / training_id
        if not folder.is_dir():
            raise _not_found(training_id)
        return folder


def make_id(name: str) -> str:
    """Return the id of a training from the name that a designer gave it: its letters, digits, “-” and “_”."""
    plain = re.sub(r"[^\w]+", "-", unicodedata.normalize("NFC", name)).strip("-_")
    return plain[:50].strip("-_") or "training"


def _find_state(snapshot: TrainingSnapshot | None, progress: TrainingProgress) -> TrainingState:
    """Return the state as the queue knows it or, where that knows nothing, as the log tells it."""
    if snapshot is not None:
        return _STATES[snapshot.state]
    return TrainingState.INTERRUPTED if progress.end is None else TrainingState(progress.end)


def _read_facts(folder: TrainingFolder) -> TrainingFacts | None:
    try:
        return folder.read_facts()
    except StudioError:  # not begun, or damaged: the order is enough to show it
        return None


def _order_of(facts: TrainingFacts | None) -> TrainingOrder | None:
    """Return what a training that was started on the command line was asked for."""
    if facts is None:
        return None
    return TrainingOrder(Path(str(facts.dataset.get("path", ""))), facts.recipe, facts.created_at)


def _entries(folder: Path | None) -> dict[str, Path]:
    """Return what is in a folder by name; nothing where there is no folder."""
    try:
        return {} if folder is None else {one.name: one for one in folder.iterdir()}
    except OSError:
        return {}


def _size(file: Path) -> int:
    """Return the bytes of a file, 0 for a folder or where it is gone."""
    try:
        return file.stat().st_size if file.is_file() else 0
    except OSError:
        return 0


def _not_found(training_id: object) -> NotFoundError:
    return NotFoundError(f"There is no training “{quote(ascii(training_id)[1:-1], 60)}” here. Choose one of the list.")
