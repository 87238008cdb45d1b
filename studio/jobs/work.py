"""What the queue needs of a piece of work, and what a piece of work gets of the worker that does it."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from studio.designs import Design
from studio.generation.events import RunListener
from studio.schema import JobState, VariationRequest, WorkSnapshot


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


class Worker(Protocol):
    """The worker's interface to a piece of work, which it does in its own thread."""

    @property
    def lock(self) -> threading.RLock:
        """The lock that each access to a piece of work holds; pages wait for it."""

    def device(self, work: Work) -> AbstractContextManager[None]:
        """Hold the graphics card for this process. Raises `RunCancelledError` if the work is stopped meanwhile."""

    def engine(self) -> RunEngine:
        """Return the engine that draws, which stays in memory for the next run."""

    def free_engine(self) -> None:
        """Free the memory of the engine, for work that needs the card without it."""


@dataclass
class Work(ABC):
    """A piece of work. Every access to its fields holds the worker's lock.

    `began` and `ended` are in seconds on the monotonic clock. `stop` is set once the work is to stop.
    """

    id: str
    state: JobState = field(default=JobState.QUEUED, kw_only=True)
    stage: str = field(default="Waiting", kw_only=True)
    began: float | None = field(default=None, kw_only=True)
    ended: float | None = field(default=None, kw_only=True)
    error: str | None = field(default=None, kw_only=True)
    bad_input: bool = field(default=False, kw_only=True)
    stop: threading.Event = field(default_factory=threading.Event, kw_only=True)

    @abstractmethod
    def do(self, worker: Worker) -> None:
        """Do the work, beginning with `begin`.

        Raises `RunCancelledError` where it was stopped, another `StudioError` where it failed.
        """

    @abstractmethod
    def snapshot(self, ahead: int) -> WorkSnapshot:
        """Return the current state. `ahead` is the number of pieces of work before this one."""

    def begin(self) -> None:
        """Record that the work has begun."""
        self.began = time.monotonic()
        self.state, self.stage = JobState.PREPARING, "Starting"

    def end(self, state: JobState, error: str | None = None, *, bad_input: bool = False) -> None:
        """Set the final state."""
        self.state, self.error, self.ended, self.stage = state, error, time.monotonic(), ""
        self.bad_input = bad_input

    @property
    def droppable(self) -> bool:
        """Whether nothing would be lost if the queue forgot this work."""
        return self.state.over

    @property
    def stop_seconds(self) -> float:
        """The longest time that it may take to stop, beyond a step."""
        return 0.0

    def seconds_elapsed(self, now: float) -> float:
        """Return the seconds since the work began, up to its end; 0 before."""
        return (self.ended if self.ended is not None else now) - self.began if self.began is not None else 0.0
