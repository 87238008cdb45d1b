"""The state and progress of a job, as pages and the command line show them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from studio.schema.records import RunFacts
from studio.schema.request import VariationRequest


class JobState(StrEnum):
    """The state of a job in the queue."""

    QUEUED = "queued"
    PREPARING = "preparing"
    RUNNING = "running"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    FAILED = "failed"

    @property
    def over(self) -> bool:
        """Whether this state is final."""
        return self in (JobState.FINISHED, JobState.CANCELLED, JobState.FAILED)


@dataclass(frozen=True, slots=True)
class JobSnapshot:
    """A job at one moment.

    - `id`: also the `run` of the job's variations, unless the job redraws a slot of another run.
    - `ahead`: number of jobs before it in the queue, the running one included.
    - `stage`: a few words for the designer, such as “Drawing”.
    - `step`, `steps`: denoising steps done and in total, counted over all batches. Both 0 before drawing begins.
    - `seconds_elapsed`: since the worker took the job, 0 before.
    - `seconds_left`: the estimate, None while there is none.
    - `previews`: for each slot an encoded preview (WebP bytes) or None.
    - `variations`: for each slot the id of the finished variation or None.
    - `facts`: None before drawing begins.
    - `error`: a message for the designer, or None.
    - `bad_input`: whether the error was caused by the request or the design, not by the machine.
    - `unsaved`: number of finished pictures that could not be written and wait in memory.
    """

    id: str
    request: VariationRequest
    state: JobState
    ahead: int
    stage: str
    step: int
    steps: int
    seconds_elapsed: float
    seconds_left: float | None
    previews: tuple[bytes | None, ...]
    variations: tuple[str | None, ...]
    facts: RunFacts | None = None
    error: str | None = None
    bad_input: bool = False
    unsaved: int = 0
