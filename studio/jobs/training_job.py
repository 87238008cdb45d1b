"""A training as work of the queue: a child process, so that the studio's own process never holds its memory."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from studio.adapter_training.folder import EndState, TrainingFolder
from studio.errors import InputError, RunCancelledError, StorageError, StudioError, quote
from studio.jobs.child_process import ChildProcess
from studio.jobs.training_log import TrainingLog, TrainingProgress
from studio.jobs.work import Work, Worker
from studio.schema import ForeignJSONError, JobState, TrainingSnapshot, parse_json

_POLL_SECONDS = 0.5
PATIENCE_SECONDS: Mapping[str, float] = {"interrupt": 60.0, "terminate": 20.0}
"""How long a training that was asked to stop may take for its checkpoint, and then to end."""
_BAD_INPUT = 2
_PROGRAM = "python -m studio: "

logger = logging.getLogger(__name__)


@dataclass
class TrainingJob(Work):
    """A training of a LoRA, begun or resumed. Its id is the name of its folder.

    `command` is started in `project`. It takes the lock of the graphics card itself.
    """

    command: tuple[str, ...]
    project: Path
    folder: TrainingFolder
    steps: int
    patience_seconds: Mapping[str, float] = field(default_factory=lambda: PATIENCE_SECONDS)
    progress: TrainingProgress = field(default_factory=TrainingProgress)
    noted: float = 0.0

    def do(self, worker: Worker) -> None:
        """Start the child, follow its log until it ends, and stop it when that is wanted."""
        worker.free_engine()  # its memory is what the child needs
        with worker.lock:
            self.begin()
        log = TrainingLog(self.folder, from_now=True)
        child = ChildProcess(self.command, self.project)
        ways = iter([("interrupt", child.interrupt), ("terminate", child.terminate), ("kill", child.kill)])
        next_way_at = 0.0
        try:
            while (code := child.wait(_POLL_SECONDS)) is None:
                self._follow(worker, log.read(), child)
                if self.stop.is_set() and time.monotonic() >= next_way_at:
                    name, act = next(ways, ("kill", child.kill))
                    act()
                    next_way_at = time.monotonic() + self.patience_seconds.get(name, 1.0)
        except BaseException:
            child.kill()  # it would use the card beside the next piece of work
            raise
        self._follow(worker, log.read(), child)
        if code != 0 and not self.stop.is_set():
            logger.error("the training %s ended with the code %s:\n%s", self.id, code, child.output())
        self._conclude(code, child.last_line(entry=False))

    @property
    def stop_seconds(self) -> float:
        """The longest time that it may take to stop."""
        return sum(self.patience_seconds.values())

    def snapshot(self, ahead: int) -> TrainingSnapshot:
        """Return the current state."""
        now, told = time.monotonic(), self.progress
        left = None
        if self.state is JobState.RUNNING and told.seconds_left is not None:
            left = max(told.seconds_left - (now - self.noted), 0.0)
        return TrainingSnapshot(
            id=self.id,
            state=self.state,
            ahead=ahead,
            stage=self.stage,
            step=told.step,
            steps=self.steps,
            seconds_elapsed=self.seconds_elapsed(now),
            seconds_left=left,
            error=self.error,
            bad_input=self.bad_input,
            loss=told.losses[-1] if told.losses else None,
            peak_bytes=told.peak_bytes,
        )

    def _follow(self, worker: Worker, progress: TrainingProgress, child: ChildProcess) -> None:
        with worker.lock:
            if progress == self.progress:
                if not progress.step and not self.stop.is_set():
                    self.stage = _read_stage(child.last_line(entry=True)) or self.stage
                return
            if progress.step != self.progress.step:
                self.noted = time.monotonic()
                self.state = JobState.RUNNING
            self.progress = progress
            if not self.stop.is_set():
                self.stage = progress.stage or ("Training" if progress.step else self.stage)

    def _conclude(self, code: int, last_words: str) -> None:
        """End as the child has ended. Raises as `do` does."""
        progress = self.progress
        end, error = progress.end, progress.error
        if end is None:
            end, error = self._find_end(code, last_words)
            with suppress(StorageError):  # a full disk may be what ended it
                self.folder.note("end", state=end, error=error)
        if end == "stopped":
            raise RunCancelledError("The training was stopped. Resume goes on from its last checkpoint.")
        if end == "failed":
            kind = InputError if code == _BAD_INPUT else StudioError
            raise kind(error or last_words or "The training failed. Resume goes on from its last checkpoint.")

    def _find_end(self, code: int, last_words: str) -> tuple[EndState, str | None]:
        """Return how a child has ended that could not write it into its log, and why."""
        if self.stop.is_set():
            return "stopped", None
        if code == 0:
            return "finished", None
        if code < 0:
            return "failed", (
                f"The training was ended from outside (signal {-code}), perhaps because the computer was short of "
                "memory. Resume goes on from its last checkpoint."
            )
        return "failed", _read_sentence(last_words, code)


def _read_stage(line: str) -> str:
    """Return the stage that a child tells before it has a log, such as waiting for another studio; else nothing."""
    try:
        entry = parse_json(line)
    except ForeignJSONError:
        return ""
    stage = entry.get("stage") if isinstance(entry, dict) and entry.get("kind") == "stage" else None
    return quote(stage) if isinstance(stage, str) else ""


def _read_sentence(last_words: str, code: int) -> str:
    """Return why a command has failed: the sentence that it printed last, or what is known without one."""
    if last_words.startswith(_PROGRAM):
        return quote(last_words.removeprefix(_PROGRAM), 500)
    said = f"{quote(last_words)}, " if last_words else ""
    return (
        f"An unexpected error ended the training ({said}code {code}). Its checkpoints are kept; the log in the "
        "terminal has the details."
    )
