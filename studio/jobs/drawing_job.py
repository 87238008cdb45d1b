"""A run as work of the queue: drawing, progress, estimated time, and pictures that are not saved yet."""

from __future__ import annotations

import io
import logging
import threading
import time
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field

from PIL import Image

from studio.catalogue import Catalogue, new_id, utc_now
from studio.designs import Design, open_design
from studio.errors import RunCancelledError, StorageError
from studio.generation.events import Drawn, Preparing, RunEvent, Started, Stepped
from studio.jobs.time_left import Pace, PastTimes
from studio.jobs.work import Work, Worker
from studio.schema import JobSnapshot, JobState, RunFacts, VariationRecord, VariationRequest

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Denoising:
    """The facts and the pace of a job once denoising has begun."""

    facts: RunFacts
    pace: Pace


@dataclass
class DrawingJob(Work):
    """A run, or one slot of a run drawn again.

    `run` is the id of the run that its variations belong to: its own id, or an older run's if it redraws that run's
    slot `first_slot`. `unsaved` holds for each unwritten variation the picture, the model's picture if the first one
    is woven from it, and the record.
    """

    request: VariationRequest
    run: str
    catalogue: Catalogue
    first_slot: int = 0
    past: PastTimes = field(default_factory=PastTimes)
    stage_began: float = 0.0
    denoising: _Denoising | None = None
    previews: list[bytes | None] = field(default_factory=list)
    variations: list[str | None] = field(default_factory=list)
    unsaved: list[tuple[Image.Image, Image.Image | None, VariationRecord]] = field(default_factory=list)
    unsaved_reason: str = ""

    def __post_init__(self) -> None:
        count = len(self.request.seeds)
        self.previews, self.variations = [None] * count, [None] * count

    def do(self, worker: Worker) -> None:
        """Draw the variations while the graphics card is held, and save each one at once."""
        with worker.device(self):
            with worker.lock:
                self.begin()
            design, cross = self._open(self.request.source), self.request.cross
            other = None if cross is None else self._open(cross.source)
            engine = worker.engine()
            engine.generate(self.request, design, lambda event: self._handle(event, worker.lock), other)

    def begin(self) -> None:
        """Record that the worker has taken the job."""
        super().begin()
        self.stage_began = time.monotonic()

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

    def end(self, state: JobState, error: str | None = None, *, bad_input: bool = False) -> None:
        """Set the final state."""
        if state is JobState.FINISHED and self.denoising is not None and self.denoising.pace.complete:
            facts, pace = self.denoising.facts, self.denoising.pace
            self.past.remember(self._kind(facts, pace.steps), tuple(pace.timestamps))
        super().end(state, error, bad_input=bad_input)
        self.previews = [None] * len(self.previews)

    @property
    def droppable(self) -> bool:
        """Whether it is over, with all of its pictures saved."""
        return super().droppable and not self.unsaved

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
            seconds_elapsed=self.seconds_elapsed(now),
            seconds_left=self._seconds_left(now),
            previews=tuple(self.previews),
            variations=tuple(self.variations),
            facts=None if denoising is None else denoising.facts,
            error=self.error if self.error is not None or not self.unsaved else self.unsaved_reason,
            bad_input=self.bad_input,
            unsaved=len(self.unsaved),
        )

    def save_again(self, lock: threading.RLock) -> None:
        """Write the finished pictures that could not be written before. Raises `StorageError` if that fails again."""
        while True:
            with lock:
                if not self.unsaved:
                    return
                image, untouched, record = self.unsaved[0]
            self.catalogue.save_variation(image, record, untouched)  # two threads may save the same record
            with lock:
                self.unsaved = [one for one in self.unsaved if one[-1] is not record]
                self.variations[record.slot - self.first_slot] = record.id

    def _open(self, source: str) -> Design:
        return open_design(self.catalogue.source_bytes(source))

    def _handle(self, event: RunEvent, lock: threading.RLock) -> None:
        """Take an event of the engine. Raises `RunCancelledError` if the job is to stop."""
        previews = event.previews if isinstance(event, Stepped) else {}
        encoded = {slot: _encode(image) for slot, image in previews.items()}  # outside the lock: pages wait for it
        with lock:
            self.note(event, encoded, time.monotonic())
        if isinstance(event, Drawn):  # saved even if the job is to stop
            self._save(event, lock)
            with lock:
                self.note_picture()
        if self.stop.is_set():
            raise RunCancelledError("The run was stopped.")

    def _save(self, drawn: Drawn, lock: threading.RLock) -> None:
        """Write a finished variation. If that fails the picture waits in memory for `save_again`."""
        record = self.make_record(drawn)
        untouched = None if drawn.woven is None else drawn.small or drawn.image
        shown = drawn.image if drawn.woven is None else drawn.woven.image
        if shown is None:
            raise RuntimeError("the engine must report a picture")
        try:
            self.catalogue.save_variation(shown, record, untouched)
        except Exception as error:  # no error may cost the picture
            if not isinstance(error, StorageError):
                logger.exception("saving %s", record.id)
            with lock:
                self.unsaved.append((shown, untouched, record))
                self.unsaved_reason = str(error)
            return
        with lock:
            self.variations[drawn.slot] = record.id

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


def _encode(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=80, method=2)
    return buffer.getvalue()
