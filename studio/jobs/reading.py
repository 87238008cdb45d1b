"""Work on a file in a thread of its own, while pages go on: the stage that it is at, the time left, and its result."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from studio.errors import DesignError, NotFoundError, RunCancelledError, StorageError, StudioError, first_line

AT_ONCE_SECONDS = 0.3
"""A page waits this long for a reading, so that a small file appears at once, without a glimpse of its progress."""
_WAITING = "Waiting for another file"
_LEAST_SHARE = 0.05
"""Share of a stage from which its own speed tells how long the rest of it takes."""

Result = TypeVar("Result")
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ReadingProgress:
    """How far a reading is. `share` is that of the present stage; None, like `seconds_left`, while it is not known."""

    stage: str
    share: float | None
    seconds_left: float | None


@dataclass(frozen=True, slots=True)
class _Stage:
    """A stage that has begun, with the seconds that it and those after it take; None where that is not known."""

    name: str
    began: float
    seconds: float | None = None
    seconds_after: float | None = None
    share: float | None = None

    def progress(self, now: float) -> ReadingProgress:
        """Return the progress at `now`: the rest of a stage by its own speed where its share is known, else planned."""
        elapsed = now - self.began
        left = None if self.seconds is None else max(self.seconds - elapsed, 0.0)
        if self.share is not None:
            left = elapsed * (1 - self.share) / self.share if self.share >= _LEAST_SHARE else None
        whole = None if left is None or self.seconds_after is None else left + self.seconds_after
        return ReadingProgress(self.name, self.share, whole)


class Reading(Generic[Result]):
    """One piece of work on a file, from any thread. `work` gets this object, to tell its stages and to be stopped."""

    def __init__(self, work: Callable[[Reading[Result]], Result]) -> None:
        self._work: Callable[[Reading[Result]], Result] | None = work
        self._asked = time.monotonic()
        self._stage = _Stage(_WAITING, self._asked)
        self._stop = threading.Event()
        self._over = threading.Event()
        self._result: Result | None = None
        self.error: StudioError | None = None
        self.may_pass = False
        """Whether the error has another reason than the file itself, so that another try may succeed."""

    # For pages

    @property
    def over(self) -> bool:
        """Whether there is a result or an error."""
        return self._over.is_set()

    def at_once(self) -> bool:
        """Wait until `AT_ONCE_SECONDS` after the reading was asked for, and return whether it is over."""
        return self._over.wait(max(self._asked + AT_ONCE_SECONDS - time.monotonic(), 0))

    def answer(self) -> Result:
        """Wait for the end and return the result. Raises the reading's error."""
        self._over.wait()
        if self.error is not None:
            raise _copy(self.error)
        return self._result  # type: ignore[return-value]  # set where there is no error

    def progress(self) -> ReadingProgress:
        """Return how far the reading is."""
        return self._stage.progress(time.monotonic())

    def cancel(self) -> None:
        """End the reading at its next stage, or within the decoding of a PNG or JPEG."""
        self._stop.set()

    # For the work

    def begin(self, stage: str, seconds: float | None = None, seconds_after: float | None = None) -> None:
        """Tell that a stage begins. Raises `RunCancelledError` if the reading is to end."""
        self._check()
        self._stage = _Stage(stage, time.monotonic(), seconds, seconds_after)

    def note_share(self, share: float) -> None:
        """Tell the share of the present stage that is done. Raises `RunCancelledError` if the reading is to end."""
        self._check()
        stage = self._stage
        self._stage = _Stage(stage.name, stage.began, stage.seconds, stage.seconds_after, min(share, 1.0))

    def run(self) -> None:
        """Do the work, in the thread that calls. Whatever happens, the reading is over then."""
        work, self._work = self._work, None  # it holds the bytes of the file
        try:
            self._check()
            if work is not None:
                self._result = work(self)
        except StudioError as error:
            self.error = _copy(error)
            self.may_pass = isinstance(error, (NotFoundError, StorageError, RunCancelledError))
        except MemoryError:
            self.error = DesignError("This picture does not fit into the free memory. Close other programs.")
        except OSError as error:
            self.error = StorageError(f"The file cannot be read: {first_line(error)} Try it again, or choose another.")
            self.may_pass = True
        except Exception as error:  # in a thread nobody else would see it
            logger.exception("reading a file")
            self.error = StorageError(
                f"An unexpected error stopped the reading ({type(error).__name__}: {error}). The log in the terminal "
                "has the details. Try it again, or choose another file."
            )
        finally:
            self._over.set()

    def _check(self) -> None:
        if self._stop.is_set():
            raise RunCancelledError("The reading of this file was stopped. Choose it again to read it.")


def _copy(error: StudioError) -> StudioError:
    """Return an error without the frames that raised it, which hold pictures in memory as long as they are known."""
    return type(error)(str(error))


class ReadingThreads:
    """The threads that read: two, so that a file chosen after a large one need not wait for it, and no more.

    A large picture takes up to a gigabyte while it is read.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(2, "studio-design-reader")
        self._begun: set[Reading[Any]] = set()
        self._closed = False
        self._lock = threading.Lock()

    def start(self, reading: Reading[Result]) -> Reading[Result]:
        """Begin a reading as soon as a thread is free, and return it."""
        with self._lock:
            self._begun = {one for one in self._begun if not one.over} | {reading}
            if not self._closed:
                self._pool.submit(reading.run)
                return reading
        reading.cancel()
        reading.run()  # which ends at once
        return reading

    def close(self) -> None:
        """Stop all readings and wait until they have ended."""
        with self._lock:
            self._closed = True
            for reading in self._begun:
                reading.cancel()
        self._pool.shutdown()
