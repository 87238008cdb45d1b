"""One run as the worker sees it: how far it is, how long it will still take, what waits to be saved."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from PIL import Image

from studio.catalogue import new_id
from studio.events import Drawn, Preparing, RunEvent, Started, Stepped
from studio.requests import JobSnapshot, JobState, RunFacts, VariationRecord, VariationRequest


@dataclass
class Job:
    """A run, or one variation of it drawn again; every access is under the queue's lock.

    `run` is whose variations it makes: its own id, or that of an older run, whose `first_slot` it then fills anew.
    Times are of the monotonic clock, in seconds. `load_seconds` are how long stages of loading took before, by their
    words; all jobs of a queue share them.
    """

    id: str
    request: VariationRequest
    run: str
    first_slot: int = 0
    load_seconds: dict[str, float] = field(default_factory=dict)
    state: JobState = JobState.QUEUED
    stage: str = "Waiting"
    step: int = 0
    steps: int = 0
    began: float | None = None
    ended: float | None = None
    stage_began: float = 0.0
    step_seconds: deque[float] = field(default_factory=lambda: deque(maxlen=6))
    last_step: float = 0.0
    decode_seconds: float | None = None
    facts: RunFacts | None = None
    error: str | None = None
    bad_input: bool = False
    previews: list[bytes | None] = field(default_factory=list)
    variations: list[str | None] = field(default_factory=list)
    unsaved: list[tuple[Image.Image, Image.Image | None, VariationRecord]] = field(default_factory=list)
    unsaved_reason: str = ""
    stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        count = len(self.request.seeds)
        self.previews, self.variations = [None] * count, [None] * count

    def begin(self) -> None:
        """The worker has taken it up."""
        self.began = self.stage_began = time.monotonic()
        self.state, self.stage = JobState.PREPARING, "Starting"

    def note(self, event: RunEvent, previews: Mapping[int, bytes], now: float) -> None:
        """Take in how far it is; `previews` are the encoded pictures of a step, by slot."""
        if isinstance(event, Preparing):
            if self.stage.startswith("Loading"):
                self.load_seconds[self.stage] = now - self.stage_began
            self.stage, self.stage_began = event.stage, now
        elif isinstance(event, Started):
            self.state, self.stage = JobState.RUNNING, "Drawing"
            self.facts, self.steps, self.last_step = event.facts, event.steps, now
        elif isinstance(event, Stepped):
            self.step, self.steps = event.step, event.steps
            self.step_seconds.append(now - self.last_step)
            self.last_step = now
            for slot, picture in previews.items():
                self.previews[slot] = picture

    def note_drawn(self) -> None:
        """Take in that a picture was decoded and dealt with."""
        now = time.monotonic()
        self.decode_seconds, self.last_step = now - self.last_step, now

    def record(self, drawn: Drawn) -> VariationRecord:
        """Return the record of a variation that was just drawn, under an id of its own."""
        request = self.request
        return VariationRecord(
            id=new_id(),
            run=self.run,
            slot=self.first_slot + drawn.slot,
            created_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            source=request.source,
            parent=request.parent,
            prompt=request.prompt,
            negative_prompt=request.negative_prompt,
            strength=request.strength,
            steps=request.steps,
            guidance_scale=request.guidance_scale,
            seed=drawn.seed,
            seconds=round(drawn.seconds, 3),
            facts=self.facts,
            constraints=request.constraints,
            weaving=drawn.woven.weaving if drawn.woven is not None else None,
        )

    def end(self, state: JobState, error: str | None = None) -> None:
        """Nothing more will happen."""
        self.state, self.error, self.ended, self.stage = state, error, time.monotonic(), ""
        self.previews = [None] * len(self.previews)

    def snapshot(self, ahead: int) -> JobSnapshot:
        """Return how it stands, with so many jobs ahead of it."""
        now = self.ended if self.ended is not None else time.monotonic()
        return JobSnapshot(
            id=self.id,
            request=self.request,
            state=self.state,
            ahead=ahead,
            stage=self.stage,
            step=self.step,
            steps=self.steps,
            seconds_elapsed=now - self.began if self.began is not None else 0.0,
            seconds_left=self._seconds_left(now),
            previews=tuple(self.previews),
            variations=tuple(self.variations),
            facts=self.facts,
            error=self.error if self.error is not None or not self.unsaved else self.unsaved_reason,
            bad_input=self.bad_input,
            unsaved=len(self.unsaved),
        )

    def _seconds_left(self, now: float) -> float | None:
        """Estimate from what was measured: this run's own steps and pictures, or the last loading of this model."""
        if self.state is JobState.PREPARING and self.stage in self.load_seconds:
            return max(self.load_seconds[self.stage] - (now - self.stage_began), 0.0)
        if self.state is not JobState.RUNNING or not self.step_seconds:
            return None
        a_step = sum(self.step_seconds) / len(self.step_seconds)
        a_picture = self.decode_seconds if self.decode_seconds is not None else a_step / 2
        pictures = sum(variation is None for variation in self.variations) - len(self.unsaved)
        left = (self.steps - self.step) * a_step + pictures * a_picture
        return max(left - (now - self.last_step), 0.0)
