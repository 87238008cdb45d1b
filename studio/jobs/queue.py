"""The queue as pages and commands use it for drawing: runs, redraws of a run's slots, pictures to be saved again."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from studio.catalogue import Catalogue, new_id
from studio.errors import StorageError
from studio.jobs.drawing_job import DrawingJob
from studio.jobs.time_left import PastTimes
from studio.jobs.work import RunEngine
from studio.jobs.work_queue import WorkQueue
from studio.schema import JobSnapshot, VariationRequest

logger = logging.getLogger(__name__)


class JobQueue(WorkQueue):
    """A queue of work (see `WorkQueue`) that draws variations into a catalogue."""

    def __init__(
        self,
        catalogue: Catalogue,
        make_engine: Callable[[], RunEngine],
        lock_file: Path,
        idle_minutes: Callable[[], float] = lambda: 0,
    ) -> None:
        super().__init__(make_engine, lock_file, idle_minutes)
        self._catalogue = catalogue
        self._past = PastTimes()

    def submit(self, request: VariationRequest) -> str:
        """Queue a run and return its id. Raises `NotFoundError` if its source is not in the catalogue."""
        self._find_sources(request)
        job_id = new_id()
        self.add(DrawingJob(job_id, request, job_id, self._catalogue, past=self._past))
        return job_id

    def draw_again(self, run: str, slot: int, request: VariationRequest) -> str:
        """Queue one variation that replaces a run's slot, and return the id of its job.

        Returns the existing job if one for this slot is queued or running, so that a second click draws nothing
        twice. Raises `NotFoundError` if the source is not in the catalogue.
        """
        self._find_sources(request)
        with self.lock:
            earlier = self._redraws(run).get(slot)
            if earlier is not None and not earlier.state.over:
                return earlier.id
            job = DrawingJob(new_id(), request, run, self._catalogue, slot, self._past)
            self.add(job)
        return job.id

    def snapshot(self, job_id: str) -> JobSnapshot | None:
        """Return the current state of a run or redraw, None if the id is unknown or the job was dropped as old."""
        with self.lock:
            job = self._find_job(job_id)
            return None if job is None else job.snapshot(self.ahead_of(job))

    def drawn_again(self, run: str) -> dict[int, JobSnapshot]:
        """Return the newest redrawing job of each slot of a run that has one."""
        with self.lock:
            return {slot: job.snapshot(self.ahead_of(job)) for slot, job in self._redraws(run).items()}

    def run_of(self, job_id: str) -> str:
        """Return the run that a job's variations belong to: its own id, or the id of the run that it redraws."""
        with self.lock:
            job = self._find_job(job_id)
            return job_id if job is None else job.run

    def save_again(self, job_id: str) -> None:
        """Write the finished pictures that could not be written before. Raises `StorageError` if that fails again."""
        with self.lock:
            job = self._find_job(job_id)
        if job is not None:
            job.save_again(self.lock)

    def close(self, timeout_seconds: float = 10.0) -> None:
        """Stop the running work at its next step, cancel the waiting, end the worker, save unsaved pictures."""
        super().close(timeout_seconds)
        for job in [job for job in self._drawing_jobs() if job.unsaved]:
            try:
                job.save_again(self.lock)
            except StorageError as error:
                logger.error("Pictures of run %s are not saved: %s", job.id, error)

    def _find_sources(self, request: VariationRequest) -> None:
        """Raise `NotFoundError` unless the designs of a request are in the catalogue."""
        self._catalogue.source(request.source)
        if request.cross is not None:
            self._catalogue.source(request.cross.source)

    def _find_job(self, job_id: str) -> DrawingJob | None:
        work = self.find(job_id)
        return work if isinstance(work, DrawingJob) else None

    def _drawing_jobs(self) -> list[DrawingJob]:
        with self.lock:
            return [work for work in self._known.values() if isinstance(work, DrawingJob)]

    def _redraws(self, run: str) -> dict[int, DrawingJob]:
        """Return the newest redrawing job by slot. Jobs are in the order of submission, so later ones overwrite."""
        return {job.first_slot: job for job in self._drawing_jobs() if job.run == run != job.id}
