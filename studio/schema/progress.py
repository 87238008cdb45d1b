"""How a run stands, for whoever draws it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from studio.schema.records import RunFacts
from studio.schema.request import VariationRequest


class JobState(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    PREPARING = "preparing"
    RUNNING = "running"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    FAILED = "failed"

    @property
    def over(self) -> bool:
        """Whether nothing more will happen."""
        return self in (JobState.FINISHED, JobState.CANCELLED, JobState.FAILED)


@dataclass(frozen=True, slots=True)
class JobSnapshot:
    """A job as it stands at one moment, for whoever draws it.

    The job's id is also the `run` of its variations, unless it draws a slot of another run again. `ahead` counts jobs
    that go first. `stage` is a few words for the designer. `step` of `steps` counts denoising steps over all batches.
    `previews` and `variations` have one entry a slot: a small encoded picture (WebP bytes) or None, the id of the
    finished variation or None. `bad_input` says that the error lies in what was given and not in the machine. `unsaved`
    counts finished pictures that could not be written yet and wait in memory.
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
