"""Events of a run, as the engine reports them. The only types that carry pictures between rooms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image

from studio.designs.weaving.weave import Woven
from studio.schema import RunFacts


@dataclass(frozen=True, slots=True)
class Preparing:
    """A stage before drawing that may take long; `stage` is its name for the designer."""

    stage: str


@dataclass(frozen=True, slots=True)
class Started:
    """Drawing begins; `steps` steps follow, over all variations or batches of them."""

    facts: RunFacts
    steps: int


@dataclass(frozen=True, slots=True)
class Stepped:
    """One step of one or several variations is done; `previews` maps slots to small RGB pictures of them."""

    step: int
    steps: int
    previews: dict[int, Image.Image]


@dataclass(frozen=True, slots=True)
class Working:
    """No news, but a moment at which the run can be stopped: some times a second while motifs are drawn."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """One variation is finished, at the design's own size. `seconds` is its share of the run.

    `image` is the picture that the model drew, None where none did; `woven` is the woven picture, None for a run
    without constraints. At least one of them is there. `small` is `image` at the size at which the model drew, None
    where that is the design's own.
    """

    slot: int
    seed: int
    image: Image.Image | None
    seconds: float
    woven: Woven | None = None
    small: Image.Image | None = None


RunEvent = Preparing | Started | Stepped | Working | Drawn
RunListener = Callable[[RunEvent], None]
"""Called for each event; raises `RunCancelledError` to stop the run at once."""
