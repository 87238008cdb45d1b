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


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkSnapshot:
    """A piece of work of the queue at one moment.

    - `ahead`: number of pieces of work before it in the queue, the running one included.
    - `stage`: a few words for the designer, such as “Drawing”.
    - `step`, `steps`: steps done and in total. Both 0 before the first one begins.
    - `seconds_elapsed`: since the worker took it, 0 before.
    - `seconds_left`: the estimate, None while there is none.
    - `error`: a message for the designer, or None.
    - `bad_input`: whether the error was caused by what was given, not by the machine.
    """

    id: str
    state: JobState
    ahead: int
    stage: str
    step: int
    steps: int
    seconds_elapsed: float
    seconds_left: float | None
    error: str | None = None
    bad_input: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSnapshot(WorkSnapshot):
    """A run at one moment.

    - `id`: also the `run` of the job's variations, unless the job redraws a slot of another run.
    - `step`, `steps`: denoising steps, counted over all batches.
    - `previews`: for each slot an encoded preview (WebP bytes) or None.
    - `variations`: for each slot the id of the finished variation or None.
    - `facts`: None before drawing begins.
    - `unsaved`: number of finished pictures that could not be written and wait in memory.
    """

    request: VariationRequest
    previews: tuple[bytes | None, ...]
    variations: tuple[str | None, ...]
    facts: RunFacts | None = None
    unsaved: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSnapshot(WorkSnapshot):
    """A training of the queue at one moment. Its id is that of its folder.

    - `loss`: of the last step, None before the first one.
    - `peak_bytes`: the most memory of the card that it has used, None where it is not known.
    """

    loss: float | None = None
    peak_bytes: int | None = None
