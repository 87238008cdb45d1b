"""One run as the worker sees it: how far it is, how long it will still take, what waits to be saved."""

from __future__ import annotations

import threading
import time
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from PIL import Image

from studio.catalogue import new_id
from studio.generation.events import Drawn, Preparing, RunEvent, Started, Stepped
from studio.jobs.pace import Pace, PastTimes
from studio.schema import JobSnapshot, JobState, RunFacts, VariationRecord, VariationRequest


@dataclass
class Job:
    """A run, or one variation of it drawn again; every access is under the queue's lock.

    `run` is whose variations it makes: its own id, or that of an older run, whose `first_slot` it then fills anew.
    Times are of the monotonic clock, in seconds. `past` is what earlier jobs took.
    """

    id: str
    request: VariationRequest
    run: str
    first_slot: int = 0
    past: PastTimes = field(default_factory=PastTimes)
    state: JobState = JobState.QUEUED
    stage: str = "Waiting"
    step: int = 0
    steps: int = 0
    began: float | None = None
    ended: float | None = None
    stage_began: float = 0.0
    pace: Pace | None = None
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
                self.past.loads[self.stage] = now - self.stage_began
            self.stage, self.stage_began = event.stage, now
        elif isinstance(event, Started):
            self.state, self.stage = JobState.RUNNING, "Drawing"
            self.facts, self.steps = event.facts, event.steps
            self.pace = Pace(now, event.steps, len(self.request.seeds), self.past.runs.get(self._kind(), ()))
        elif isinstance(event, Stepped):
            self.step, self.steps = event.step, event.steps
            if self.pace is not None:
                self.pace.note_step(now, event.step, event.steps)
            for slot, picture in previews.items():
                self.previews[slot] = picture

    def note_drawn(self) -> None:
        """Take in that a picture was decoded and dealt with."""
        if self.pace is not None:
            self.pace.note_picture(time.monotonic())

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
        if state is JobState.FINISHED and self.pace is not None and self.pace.complete:
            self.past.remember(self._kind(), tuple(self.pace.moments))
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
        if self.state is JobState.PREPARING and self.stage in self.past.loads:
            return max(self.past.loads[self.stage] - (now - self.stage_began), 0.0)
        return self.pace.seconds_left(now) if self.state is JobState.RUNNING and self.pace is not None else None

    def _kind(self) -> Hashable:
        """Return what runs have in common that go alike."""
        request, facts = self.request, self.facts
        return (
            request.model,
            request.adapter is not None,
            request.guidance_scale > 1,
            (facts.working_width_px, facts.working_height_px),
            (self.steps, len(request.seeds)),
            (request.constraints.symmetry, request.constraints.repeat),
        )
