"""The queue of work with its one worker thread. It lives as long as the process, independent of pages and tabs."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from filelock import FileLock

from studio.errors import InputError, RunCancelledError, StudioError
from studio.jobs.device_lock import hold_device
from studio.jobs.freed_memory import give_back_freed_memory
from studio.jobs.work import RunEngine, Work
from studio.schema import JobState, WorkSnapshot

_KEPT = 200
_IDLE_POLL_SECONDS = 5.0

logger = logging.getLogger(__name__)


class WorkQueue:
    """A queue of work with one worker thread. A lock file keeps other workers and processes from drawing meanwhile.

    The worker calls `make_engine` where a piece of work draws; it should return the same engine while that is valid.
    `idle_minutes` returns the minutes without work after which the model's memory is freed (0: never).
    """

    def __init__(
        self, make_engine: Callable[[], RunEngine], lock_file: Path, idle_minutes: Callable[[], float] = lambda: 0
    ) -> None:
        self.lock = threading.RLock()
        self._make_engine = make_engine
        self._device_lock = FileLock(lock_file)
        self._idle_minutes = idle_minutes
        self._wake = threading.Condition(self.lock)
        self._known: OrderedDict[str, Work] = OrderedDict()
        self._waiting: deque[Work] = deque()
        self._running: Work | None = None
        self._worker: threading.Thread | None = None
        self._engine: RunEngine | None = None
        self._closed = False
        self._release_wanted = False

    # Methods for any thread

    def add(self, work: Work) -> None:
        """Queue a piece of work and start the worker if there is none. Work that is over is replaced by the same id.

        Raises `StudioError` while the studio is closing, and where work of this id waits or runs already.
        """
        with self.lock:
            if self._closed:
                raise StudioError("The studio is closing; start it again to go on.")
            earlier = self._known.pop(work.id, None)
            if earlier is not None and not earlier.state.over:
                self._known[work.id] = earlier
                raise StudioError(f"{work.id} is in the queue already. Wait for its end, or stop it first.")
            self._known[work.id] = work
            self._waiting.append(work)
            self._drop_old()
            if self._worker is None or not self._worker.is_alive():
                self._worker = threading.Thread(target=self._work, name="studio-worker", daemon=True)
                self._worker.start()
            self._wake.notify_all()

    def find(self, work_id: str) -> Work | None:
        """Return a piece of work, None if the id is unknown or the work was dropped as old."""
        with self.lock:
            return self._known.get(work_id)

    def cancel(self, work_id: str) -> None:
        """Stop the running piece of work at its next step, or remove a waiting one. What it has finished is kept."""
        with self.lock:
            work = self._known.get(work_id)
            if work is None or work.state.over:
                return
            work.stop.set()
            if work in self._waiting:
                self._waiting.remove(work)
                work.end(JobState.CANCELLED)
            else:
                work.stage = "Stopping"

    def active(self) -> tuple[WorkSnapshot, ...]:
        """Return the running piece of work and the waiting ones, in order."""
        with self.lock:
            running = [self._running] if self._running is not None else []
            return tuple(work.snapshot(self.ahead_of(work)) for work in [*running, *self._waiting])

    def ahead_of(self, work: Work) -> int:
        """Return the number of pieces of work before this one."""
        with self.lock:
            return self._waiting.index(work) + (self._running is not None) if work in self._waiting else 0

    @property
    def holds_model(self) -> bool:
        """Return whether a model is loaded. Imports no heavy library."""
        with self.lock:
            return self._engine is not None and self._engine.holds_model

    def release_memory(self) -> None:
        """Free the model's memory as soon as no work uses it."""
        with self.lock:
            self._release_wanted = True
            self._wake.notify_all()

    def close(self, timeout_seconds: float = 10.0) -> None:
        """Stop the running piece of work, cancel the waiting ones and end the worker."""
        with self.lock:
            self._closed = True
            active = [*self._waiting, *([self._running] if self._running is not None else [])]
            for work in active:
                self.cancel(work.id)
            self._wake.notify_all()
            worker = self._worker
            timeout_seconds += max((work.stop_seconds for work in active if not work.state.over), default=0.0)
        if worker is not None and worker is not threading.current_thread():
            worker.join(timeout_seconds)

    # Methods for a piece of work, in the worker's thread

    def device(self, work: Work) -> AbstractContextManager[None]:
        """Hold the lock of the graphics card. Raises as `hold_device` does."""

        def tell() -> None:
            with self.lock:
                if not work.stop.is_set():
                    work.stage = "Waiting for another studio on this computer"

        return hold_device(self._device_lock, work.stop, tell)

    def engine(self) -> RunEngine:
        """Return the engine that draws."""
        engine = self._make_engine()
        with self.lock:
            self._engine = engine
        return engine

    def free_engine(self) -> None:
        """Free the memory of the engine that drew last."""
        with self.lock:
            engine, self._engine = self._engine, None
        if engine is not None:
            _release(engine)
            del engine  # the last reference to a model that was released
            give_back_freed_memory()

    # The worker thread

    def _work(self) -> None:
        idle_since = time.monotonic()
        while True:
            minutes = self._idle_minutes()
            with self.lock:
                if not self._waiting and not self._closed and not self._release_wanted:
                    self._wake.wait(_IDLE_POLL_SECONDS)
                if self._closed:
                    return
                idle = not self._waiting and minutes > 0 and time.monotonic() - idle_since > minutes * 60
                release = idle or self._release_wanted
                self._release_wanted = False
                work = self._running = self._waiting.popleft() if self._waiting else None
            # Outside the lock, because pages wait for it. In this thread, because it uses the card.
            if release:
                self.free_engine()
            if work is not None:
                self._do(work)
                with self.lock:
                    self._running = None
                idle_since = time.monotonic()
                give_back_freed_memory()

    def _do(self, work: Work) -> None:
        """Do a piece of work to its end. A failure sets the work's state and never ends the worker."""
        try:
            work.do(self)
            state, error, bad_input = JobState.FINISHED, None, False
        except RunCancelledError:
            state, error, bad_input = JobState.CANCELLED, None, False
        except StudioError as failure:
            state, error, bad_input = JobState.FAILED, str(failure), isinstance(failure, InputError)
        except Exception as failure:  # the worker must go on, and the designer must see the error
            logger.exception("%s failed", work.id)
            state, bad_input = JobState.FAILED, False
            error = (
                f"An unexpected error stopped the run ({type(failure).__name__}: {failure}). "
                "Finished pictures are kept; the log in the terminal has the details."
            )
        with self.lock:
            work.end(state, error, bad_input=bad_input)

    def _drop_old(self) -> None:
        """Drop the oldest finished pieces of work beyond `_KEPT`, but none by which something would be lost."""
        for work_id in [key for key, work in self._known.items() if work.droppable]:
            if len(self._known) <= _KEPT:
                return
            del self._known[work_id]


def _release(engine: RunEngine) -> None:
    try:
        engine.release()
    except Exception:  # the worker must go on; a fault of the card shows again at the next run
        logger.exception("releasing the model")
