"""One job of the queue: its progress, its estimated time, and its pictures that are not saved yet."""

from __future__ import annotations

import threading
import time
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field

from PIL import Image

from studio.catalogue import new_id, utc_now
from studio.generation.events import Drawn, Preparing, RunEvent, Started, Stepped
from studio.jobs.time_left import Pace, PastTimes
from studio.schema import JobSnapshot, JobState, RunFacts, VariationRecord, VariationRequest


@dataclass(frozen=True)
class _Denoising:
    """The facts and the pace of a job once denoising has begun."""

    facts: RunFacts
    pace: Pace


@dataclass
class Job:
    """A run, or one slot of a run drawn again. Every access holds the queue's lock.

    `run` is the id of the run that its variations belong to: its own id, or an older run's if it redraws that run's
    slot `first_slot`. Times are in seconds on the monotonic clock. `unsaved` holds for each unwritten variation the
    picture, the model's picture if the first one is woven from it, and the record.
    """

    id: str
    request: VariationRequest
    run: str
    first_slot: int = 0
    past: PastTimes = field(default_factory=PastTimes)
    state: JobState = JobState.QUEUED
    stage: str = "Waiting"
    began: float | None = None
    ended: float | None = None
    stage_began: float = 0.0
    denoising: _Denoising | None = None
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
        """Record that the worker has taken the job."""
        self.began = self.stage_began = time.monotonic()
        self.state, self.stage = JobState.PREPARING, "Starting"

    def note(self, event: RunEvent, previews: Mapping[int, bytes], now: float) -> None:
        """Update the progress from an event of the engine. `previews` are a step's encoded pictures by slot."""
        if isinstance(event, Preparing):
            if self.stage.startswith("Loading"):
                self.past.loads[self.stage] = now - self.stage_began
            self.stage, self.stage_began = event.stage, now
        elif isinstance(event, Started):
            self.state, self.stage = JobState.RUNNING, "Drawing"
            past = self.past.runs.get(self._kind(event.facts, event.steps), ())
            self.denoising = _Denoising(event.facts, Pace(now, event.steps, len(self.request.seeds), past))
        elif isinstance(event, Stepped):
            self._started().pace.note_step(now, event.step, event.steps)
            for slot, picture in previews.items():
                self.previews[slot] = picture

    def note_picture(self) -> None:
        """Record that a picture is decoded, woven and saved."""
        self._started().pace.note_picture(time.monotonic())

    def make_record(self, drawn: Drawn) -> VariationRecord:
        """Return the record of a finished variation, with a new id."""
        request = self.request
        return VariationRecord(
            id=new_id(),
            run=self.run,
            slot=self.first_slot + drawn.slot,
            created_at=utc_now(),
            source=request.source,
            parent=request.parent,
            prompt=request.prompt,
            negative_prompt=request.negative_prompt,
            strength=request.strength,
            steps=request.steps,
            guidance_scale=request.guidance_scale,
            seed=drawn.seed,
            seconds=round(drawn.seconds, 3),
            facts=self._started().facts,
            constraints=request.constraints,
            weaving=drawn.woven.weaving if drawn.woven is not None else None,
            drawing=request.drawing,
            change=request.change,
            pull=request.pull,
            cross=request.cross,
        )

    def end(self, state: JobState, error: str | None = None) -> None:
        """Set the final state."""
        if state is JobState.FINISHED and self.denoising is not None and self.denoising.pace.complete:
            facts, pace = self.denoising.facts, self.denoising.pace
            self.past.remember(self._kind(facts, pace.steps), tuple(pace.timestamps))
        self.state, self.error, self.ended, self.stage = state, error, time.monotonic(), ""
        self.previews = [None] * len(self.previews)

    def snapshot(self, ahead: int) -> JobSnapshot:
        """Return the current state. `ahead` is the number of jobs before this one."""
        now = self.ended if self.ended is not None else time.monotonic()
        denoising = self.denoising
        return JobSnapshot(
            id=self.id,
            request=self.request,
            state=self.state,
            ahead=ahead,
            stage=self.stage,
            step=0 if denoising is None else denoising.pace.step,
            steps=0 if denoising is None else denoising.pace.steps,
            seconds_elapsed=now - self.began if self.began is not None else 0.0,
            seconds_left=self._seconds_left(now),
            previews=tuple(self.previews),
            variations=tuple(self.variations),
            facts=None if denoising is None else denoising.facts,
            error=self.error if self.error is not None or not self.unsaved else self.unsaved_reason,
            bad_input=self.bad_input,
            unsaved=len(self.unsaved),
        )

    def _started(self) -> _Denoising:
        if self.denoising is None:
            raise RuntimeError("the engine must report Started before Stepped and Drawn")
        return self.denoising

    def _seconds_left(self, now: float) -> float | None:
        if self.state is JobState.PREPARING and self.stage in self.past.loads:
            return max(self.past.loads[self.stage] - (now - self.stage_began), 0.0)
        if self.state is JobState.RUNNING and self.denoising is not None:
            return self.denoising.pace.seconds_left(now)
        return None

    def _kind(self, facts: RunFacts, steps: int) -> Hashable:
        """Return what determines how long a run takes."""
        request = self.request
        return (
            request.drawing,
            request.model,
            request.adapter is not None,
            request.guidance_scale > 1,
            (facts.working_width_px, facts.working_height_px),
            (steps, len(request.seeds)),
            (request.constraints.symmetry, request.constraints.repeat),
        )
