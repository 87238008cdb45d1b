"""The queue of runs and its one worker. It outlives pages, tabs and reruns, and never draws two runs at once."""

from __future__ import annotations

import contextlib
import io
import logging
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout
from PIL import Image

from studio.catalogue import Catalogue, new_id
from studio.designs import Design, open_design
from studio.errors import InputError, RunCancelledError, StorageError, StudioError
from studio.generation.events import Drawn, RunEvent, RunListener, Stepped
from studio.jobs.job import Job
from studio.jobs.pace import PastTimes
from studio.schema import JobSnapshot, JobState, VariationRequest

_KEPT_JOBS = 200
_LOCK_POLL_SECONDS = 0.3
_IDLE_POLL_SECONDS = 5.0

logger = logging.getLogger(__name__)


class Drawing(Protocol):
    """What the queue needs of an engine. The engine imports torch, so it is handed in and made at the first run."""

    def generate(self, request: VariationRequest, design: Design, listener: RunListener) -> None:
        """Draw a request, telling the listener each event."""

    def release(self) -> None:
        """Give the memory back."""


class JobQueue:
    """Runs wait in line for one worker thread; a lock file keeps a second worker or process from drawing meanwhile.

    `make_engine` is called in the worker at the beginning of each job (it should return the same engine as long as
    that is alive); `idle_minutes` tells after how long without work its memory is given back (0: never).
    """

    def __init__(
        self,
        catalogue: Catalogue,
        make_engine: Callable[[], Drawing],
        lock_file: Path,
        idle_minutes: Callable[[], float] = lambda: 0,
    ) -> None:
        self._catalogue = catalogue
        self._make_engine = make_engine
        self._device_lock = FileLock(lock_file)
        self._idle_minutes = idle_minutes
        self._lock = threading.RLock()
        self._wake = threading.Condition(self._lock)
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._line: deque[Job] = deque()
        self._running: Job | None = None
        self._worker: threading.Thread | None = None
        self._engine: Drawing | None = None
        self._closed = False
        self._release_wanted = False
        self._past = PastTimes()

    # What anybody may call, from any thread

    def submit(self, request: VariationRequest) -> str:
        """Put a run in line and return its id. Raises `NotFoundError` when its source is not in the catalogue."""
        self._catalogue.source(request.source)
        job_id = new_id()
        with self._lock:
            self._enter(Job(job_id, request, job_id, past=self._past))
        return job_id

    def draw_again(self, run: str, slot: int, request: VariationRequest) -> str:
        """Put one variation in line that takes the place of a run's slot, and return the id of that job.

        While one waits or is drawn for that slot, it is the one: a second click draws nothing twice. Raises
        `NotFoundError` as `submit` does.
        """
        self._catalogue.source(request.source)
        with self._lock:
            before = self._again(run).get(slot)
            if before is not None and not before.state.over:
                return before.id
            job = Job(new_id(), request, run, slot, self._past)
            self._enter(job)
        return job.id

    def cancel(self, job_id: str) -> None:
        """Stop a job at its next step, or take it out of the line; what it finished is kept."""
        with self._lock:
            job = self._jobs.get(job_id)
            if job is None or job.state.over:
                return
            job.stop.set()
            if job in self._line:
                self._line.remove(job)
                job.end(JobState.CANCELLED)
            else:
                job.stage = "Stopping"

    def snapshot(self, job_id: str) -> JobSnapshot | None:
        """Return a job as it stands, or None when the queue does not know it (any more)."""
        with self._lock:
            job = self._jobs.get(job_id)
            return None if job is None else self._snapshot(job)

    def drawn_again(self, run: str) -> dict[int, JobSnapshot]:
        """Return, for each slot of a run that was drawn again, the newest job that did or does it, as it stands."""
        with self._lock:
            return {slot: self._snapshot(job) for slot, job in self._again(run).items()}

    def run_of(self, job_id: str) -> str:
        """Return the run that a job's variations belong to: the job itself, unless it draws a slot of one again."""
        with self._lock:
            job = self._jobs.get(job_id)
            return job_id if job is None else job.run

    def active(self) -> tuple[JobSnapshot, ...]:
        """Return the running job and those in line, in order."""
        with self._lock:
            running = [self._running] if self._running is not None else []
            return tuple(self._snapshot(job) for job in [*running, *self._line])

    def save_again(self, job_id: str) -> None:
        """Write the finished pictures that could not be written before. Raises `StorageError` if it still fails."""
        while True:
            with self._lock:
                job = self._jobs.get(job_id)
                if job is None or not job.unsaved:
                    return
                image, untouched, record = job.unsaved[0]
            self._catalogue.save_variation(image, record, untouched)  # saving the same record twice is fine
            with self._lock:
                job.unsaved = [one for one in job.unsaved if one[-1] is not record]
                job.variations[record.slot - job.first_slot] = record.id

    @property
    def holds_model(self) -> bool:
        """Whether an engine is at hand, and with it a loaded model. Asks no heavy library."""
        with self._lock:
            return self._engine is not None

    def release_memory(self) -> None:
        """Give the model's memory back as soon as no run uses it."""
        with self._lock:
            self._release_wanted = True
            self._wake.notify_all()

    def close(self, timeout_seconds: float = 10.0) -> None:
        """Stop the running job at its next step, drop the line, end the worker."""
        with self._lock:
            self._closed = True
            for job in [*self._line, *([self._running] if self._running is not None else [])]:
                self.cancel(job.id)
            self._wake.notify_all()
            worker = self._worker
        if worker is not None and worker is not threading.current_thread():
            worker.join(timeout_seconds)
        for job_id in [job.id for job in self._jobs.values() if job.unsaved]:
            try:
                self.save_again(job_id)
            except StorageError:
                logger.exception("pictures of run %s could not be saved", job_id)

    def _enter(self, job: Job) -> None:
        """Put a job in line, and see that there is a worker."""
        if self._closed:
            raise StudioError("The studio is closing; start it again to make variations.")
        self._jobs[job.id] = job
        self._line.append(job)
        self._forget_old()
        if self._worker is None or not self._worker.is_alive():
            self._worker = threading.Thread(target=self._work, name="studio-worker", daemon=True)
            self._worker.start()
        self._wake.notify_all()

    def _again(self, run: str) -> dict[int, Job]:
        return {job.first_slot: job for job in self._jobs.values() if job.run == run != job.id}  # the newest come last

    # What the worker does

    def _work(self) -> None:
        idle_since = time.monotonic()
        while True:
            minutes = self._idle_minutes()
            with self._lock:
                if not self._line and not self._closed and not self._release_wanted:
                    self._wake.wait(_IDLE_POLL_SECONDS)
                if self._closed:
                    return
                idle = not self._line and minutes > 0 and time.monotonic() - idle_since > minutes * 60
                engine = self._engine if idle or self._release_wanted else None
                if engine is not None:
                    self._engine = None
                self._release_wanted = False
                job = self._running = self._line.popleft() if self._line else None
            # Outside the lock, which every page waits for; in this thread, whose card it is.
            if engine is not None:
                _release(engine)
            if job is not None:
                self._run(job)
                with self._lock:
                    self._running = None
                idle_since = time.monotonic()

    def _run(self, job: Job) -> None:
        """Run one job to its end; every failure ends in the job's state, none ends the worker."""
        try:
            with self._device(job):
                with self._lock:
                    job.begin()
                design = open_design(self._catalogue.source_path(job.request.source).read_bytes())
                self._engine = self._make_engine()
                self._engine.generate(job.request, design, lambda event: self._note(job, event))
            with self._lock:
                job.end(JobState.FINISHED)
        except RunCancelledError:
            with self._lock:
                job.end(JobState.CANCELLED)
        except StudioError as error:
            with self._lock:
                job.end(JobState.FAILED, str(error))
                job.bad_input = isinstance(error, InputError)
        except Exception as error:  # the last resort: the worker must live, and the designer must be told
            logger.exception("run %s failed", job.id)
            with self._lock:
                job.end(
                    JobState.FAILED,
                    f"Something went wrong that the studio did not foresee ({type(error).__name__}: {error}). "
                    "What was finished is kept; the log in the terminal has the details.",
                )

    @contextlib.contextmanager
    def _device(self, job: Job):  # noqa: ANN202
        """Hold the lock that keeps every other worker and process on this machine from drawing."""
        while True:
            try:
                self._device_lock.acquire(timeout=_LOCK_POLL_SECONDS)
                break
            except Timeout:
                with self._lock:
                    if not job.stop.is_set():
                        job.stage = "Waiting for another studio on this computer"
                if job.stop.is_set():
                    raise RunCancelledError("The run was stopped before it began.") from None
        try:
            yield
        finally:
            self._device_lock.release()

    def _note(self, job: Job, event: RunEvent) -> None:
        """Take one event of the engine into the job. Raises `RunCancelledError` when the designer wants to stop."""
        previews = event.previews if isinstance(event, Stepped) else {}
        pictures = {slot: _encode(image) for slot, image in previews.items()}  # outside the lock: pages wait for it
        with self._lock:
            job.note(event, pictures, time.monotonic())
        if isinstance(event, Drawn):  # whatever was finished is kept, also when the designer is stopping
            self._keep(job, event)
            with self._lock:
                job.note_drawn()
        if job.stop.is_set():
            raise RunCancelledError("The run was stopped.")

    def _keep(self, job: Job, drawn: Drawn) -> None:
        """Write a finished variation at once. One that cannot be written waits in memory for `save_again`."""
        record = job.record(drawn)
        pictures = (drawn.image, None) if drawn.woven is None else (drawn.woven.image, drawn.image)
        try:
            self._catalogue.save_variation(pictures[0], record, pictures[1])
        except Exception as error:  # whatever it was: the picture must not be lost with it
            if not isinstance(error, StorageError):
                logger.exception("saving %s", record.id)
            with self._lock:
                job.unsaved.append((*pictures, record))
                job.unsaved_reason = str(error)
            return
        with self._lock:
            job.variations[drawn.slot] = record.id

    def _snapshot(self, job: Job) -> JobSnapshot:
        return job.snapshot(self._line.index(job) + (self._running is not None) if job in self._line else 0)

    def _forget_old(self) -> None:
        for job_id in [key for key, job in self._jobs.items() if job.state.over and not job.unsaved]:
            if len(self._jobs) <= _KEPT_JOBS:
                return
            del self._jobs[job_id]


def _release(engine: Drawing) -> None:
    try:
        engine.release()
    except Exception:  # a card in trouble: the worker must live to tell the next run
        logger.exception("releasing the model")


def _encode(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=80, method=2)
    return buffer.getvalue()
