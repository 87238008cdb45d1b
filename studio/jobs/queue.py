"""The queue of runs and its one worker thread. It lives as long as the process, independent of pages and tabs."""

from __future__ import annotations

import contextlib
import io
import logging
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout
from PIL import Image

from studio.catalogue import Catalogue, new_id
from studio.designs import Design, open_design
from studio.errors import InputError, RunCancelledError, StorageError, StudioError, first_line
from studio.generation.events import Drawn, RunEvent, RunListener, Stepped
from studio.jobs.freed_memory import give_back_freed_memory
from studio.jobs.job import Job
from studio.jobs.time_left import PastTimes
from studio.schema import JobSnapshot, JobState, VariationRequest

_KEPT_JOBS = 200
_LOCK_POLL_SECONDS = 0.3
_IDLE_POLL_SECONDS = 5.0

logger = logging.getLogger(__name__)


class RunEngine(Protocol):
    """The engine's interface to the queue. The engine imports torch, so the worker makes it at the first run."""

    def generate(
        self, request: VariationRequest, design: Design, listener: RunListener, other: Design | None = None
    ) -> None:
        """Draw the variations of a request and report each event to the listener; `other` is the design to cross."""

    @property
    def holds_model(self) -> bool:
        """Whether a model is loaded."""

    def release(self) -> None:
        """Free the model's memory."""


class JobQueue:
    """A queue of runs with one worker thread. A lock file keeps other workers and processes from drawing meanwhile.

    The worker calls `make_engine` at the beginning of each job; it should return the same engine while that is valid.
    `idle_minutes` returns the minutes without work after which the model's memory is freed (0: never).
    """

    def __init__(
        self,
        catalogue: Catalogue,
        make_engine: Callable[[], RunEngine],
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
        self._waiting: deque[Job] = deque()
        self._running: Job | None = None
        self._worker: threading.Thread | None = None
        self._engine: RunEngine | None = None
        self._closed = False
        self._release_wanted = False
        self._past = PastTimes()

    # Methods for any thread

    def submit(self, request: VariationRequest) -> str:
        """Queue a run and return its id. Raises `NotFoundError` if its source is not in the catalogue."""
        self._find_sources(request)
        job_id = new_id()
        with self._lock:
            self._enqueue(Job(job_id, request, job_id, past=self._past))
        return job_id

    def draw_again(self, run: str, slot: int, request: VariationRequest) -> str:
        """Queue one variation that replaces a run's slot, and return the id of its job.

        Returns the existing job if one for this slot is queued or running, so that a second click draws nothing
        twice. Raises `NotFoundError` if the source is not in the catalogue.
        """
        self._find_sources(request)
        with self._lock:
            earlier = self._redraws(run).get(slot)
            if earlier is not None and not earlier.state.over:
                return earlier.id
            job = Job(new_id(), request, run, slot, self._past)
            self._enqueue(job)
        return job.id

    def cancel(self, job_id: str) -> None:
        """Stop a running job at its next step, or remove a waiting one. Finished variations are kept."""
        with self._lock:
            job = self._jobs.get(job_id)
            if job is None or job.state.over:
                return
            job.stop.set()
            if job in self._waiting:
                self._waiting.remove(job)
                job.end(JobState.CANCELLED)
            else:
                job.stage = "Stopping"

    def snapshot(self, job_id: str) -> JobSnapshot | None:
        """Return the current state of a job, None if the id is unknown or the job was dropped as old."""
        with self._lock:
            job = self._jobs.get(job_id)
            return None if job is None else self._snapshot(job)

    def drawn_again(self, run: str) -> dict[int, JobSnapshot]:
        """Return the newest redrawing job of each slot of a run that has one."""
        with self._lock:
            return {slot: self._snapshot(job) for slot, job in self._redraws(run).items()}

    def run_of(self, job_id: str) -> str:
        """Return the run that a job's variations belong to: its own id, or the id of the run that it redraws."""
        with self._lock:
            job = self._jobs.get(job_id)
            return job_id if job is None else job.run

    def active(self) -> tuple[JobSnapshot, ...]:
        """Return the running job and the waiting ones, in order."""
        with self._lock:
            running = [self._running] if self._running is not None else []
            return tuple(self._snapshot(job) for job in [*running, *self._waiting])

    def save_again(self, job_id: str) -> None:
        """Write the finished pictures that could not be written before. Raises `StorageError` if that fails again."""
        while True:
            with self._lock:
                job = self._jobs.get(job_id)
                if job is None or not job.unsaved:
                    return
                image, untouched, record = job.unsaved[0]
            self._catalogue.save_variation(image, record, untouched)  # two threads may save the same record
            with self._lock:
                job.unsaved = [one for one in job.unsaved if one[-1] is not record]
                job.variations[record.slot - job.first_slot] = record.id

    @property
    def holds_model(self) -> bool:
        """Return whether a model is loaded. Imports no heavy library."""
        with self._lock:
            return self._engine is not None and self._engine.holds_model

    def release_memory(self) -> None:
        """Free the model's memory as soon as no run uses it."""
        with self._lock:
            self._release_wanted = True
            self._wake.notify_all()

    def close(self, timeout_seconds: float = 10.0) -> None:
        """Stop the running job at its next step, cancel the waiting ones, end the worker, save unsaved pictures."""
        with self._lock:
            self._closed = True
            for job in [*self._waiting, *([self._running] if self._running is not None else [])]:
                self.cancel(job.id)
            self._wake.notify_all()
            worker = self._worker
        if worker is not None and worker is not threading.current_thread():
            worker.join(timeout_seconds)
        for job_id in [job.id for job in self._jobs.values() if job.unsaved]:
            try:
                self.save_again(job_id)
            except StorageError as error:
                logger.error("Pictures of run %s are not saved: %s", job_id, error)

    def _find_sources(self, request: VariationRequest) -> None:
        """Raise `NotFoundError` unless the designs of a request are in the catalogue."""
        self._catalogue.source(request.source)
        if request.cross is not None:
            self._catalogue.source(request.cross.source)

    def _enqueue(self, job: Job) -> None:
        """Add a job and start the worker if there is none."""
        if self._closed:
            raise StudioError("The studio is closing; start it again to make variations.")
        self._jobs[job.id] = job
        self._waiting.append(job)
        self._drop_old_jobs()
        if self._worker is None or not self._worker.is_alive():
            self._worker = threading.Thread(target=self._work, name="studio-worker", daemon=True)
            self._worker.start()
        self._wake.notify_all()

    def _redraws(self, run: str) -> dict[int, Job]:
        """Return the newest redrawing job by slot. Jobs are in the order of submission, so later ones overwrite."""
        return {job.first_slot: job for job in self._jobs.values() if job.run == run != job.id}

    # Methods for the worker thread

    def _work(self) -> None:
        idle_since = time.monotonic()
        while True:
            minutes = self._idle_minutes()
            with self._lock:
                if not self._waiting and not self._closed and not self._release_wanted:
                    self._wake.wait(_IDLE_POLL_SECONDS)
                if self._closed:
                    return
                idle = not self._waiting and minutes > 0 and time.monotonic() - idle_since > minutes * 60
                engine = self._engine if idle or self._release_wanted else None
                if engine is not None:
                    self._engine = None
                self._release_wanted = False
                job = self._running = self._waiting.popleft() if self._waiting else None
            # Outside the lock, because pages wait for it. In this thread, because it uses the card.
            if engine is not None:
                _release(engine)
            if job is not None:
                self._run(job)
                with self._lock:
                    self._running = None
                idle_since = time.monotonic()
            if engine is not None or job is not None:
                engine = None  # the last reference to a model that was released
                give_back_freed_memory()

    def _run(self, job: Job) -> None:
        """Run one job to its end. A failure sets the job's state and never ends the worker."""
        try:
            with self._device(job):
                with self._lock:
                    job.begin()
                design, cross = self._open(job.request.source), job.request.cross
                other = None if cross is None else self._open(cross.source)
                self._engine = self._make_engine()
                self._engine.generate(job.request, design, lambda event: self._handle(job, event), other)
            with self._lock:
                job.end(JobState.FINISHED)
        except RunCancelledError:
            with self._lock:
                job.end(JobState.CANCELLED)
        except StudioError as error:
            with self._lock:
                job.end(JobState.FAILED, str(error))
                job.bad_input = isinstance(error, InputError)
        except Exception as error:  # the worker must go on, and the designer must see the error
            logger.exception("run %s failed", job.id)
            with self._lock:
                job.end(
                    JobState.FAILED,
                    f"An unexpected error stopped the run ({type(error).__name__}: {error}). "
                    "Finished pictures are kept; the log in the terminal has the details.",
                )

    def _open(self, source: str) -> Design:
        return open_design(self._catalogue.source_bytes(source))

    @contextlib.contextmanager
    def _device(self, job: Job) -> Iterator[None]:
        """Hold the lock of the graphics card.

        Raises `RunCancelledError` if the job is cancelled while it waits, `StorageError` if the lock cannot be used.
        """
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
            except (OSError, NotImplementedError) as error:  # the latter where a file system knows no locks
                raise StorageError(
                    f"{self._device_lock.lock_file}, which lets one run at a time draw, cannot be used: "
                    f"{first_line(error)} Remove it, or make it writable for your user, and start the run again."
                ) from error
        try:
            yield
        finally:
            self._device_lock.release()

    def _handle(self, job: Job, event: RunEvent) -> None:
        """Update a job from an event of the engine. Raises `RunCancelledError` if the job is to stop."""
        previews = event.previews if isinstance(event, Stepped) else {}
        encoded = {slot: _encode(image) for slot, image in previews.items()}  # outside the lock: pages wait for it
        with self._lock:
            job.note(event, encoded, time.monotonic())
        if isinstance(event, Drawn):  # saved even if the job is to stop
            self._save(job, event)
            with self._lock:
                job.note_picture()
        if job.stop.is_set():
            raise RunCancelledError("The run was stopped.")

    def _save(self, job: Job, drawn: Drawn) -> None:
        """Write a finished variation. If that fails the picture waits in memory for `save_again`."""
        record = job.make_record(drawn)
        untouched = None if drawn.woven is None else drawn.small or drawn.image
        shown = drawn.image if drawn.woven is None else drawn.woven.image
        if shown is None:
            raise RuntimeError("the engine must report a picture")
        pictures = shown, untouched
        try:
            self._catalogue.save_variation(pictures[0], record, pictures[1])
        except Exception as error:  # no error may cost the picture
            if not isinstance(error, StorageError):
                logger.exception("saving %s", record.id)
            with self._lock:
                job.unsaved.append((*pictures, record))
                job.unsaved_reason = str(error)
            return
        with self._lock:
            job.variations[drawn.slot] = record.id

    def _snapshot(self, job: Job) -> JobSnapshot:
        ahead = self._waiting.index(job) + (self._running is not None) if job in self._waiting else 0
        return job.snapshot(ahead)

    def _drop_old_jobs(self) -> None:
        """Drop the oldest finished jobs beyond `_KEPT_JOBS`, but none with unsaved pictures."""
        for job_id in [key for key, job in self._jobs.items() if job.state.over and not job.unsaved]:
            if len(self._jobs) <= _KEPT_JOBS:
                return
            del self._jobs[job_id]


def _release(engine: RunEngine) -> None:
    try:
        engine.release()
    except Exception:  # the worker must go on; a fault of the card shows again at the next run
        logger.exception("releasing the model")


def _encode(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=80, method=2)
    return buffer.getvalue()
