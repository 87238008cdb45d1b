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
    """Drawing begins; `steps` denoising steps follow, over all batches."""

    facts: RunFacts
    steps: int


@dataclass(frozen=True, slots=True)
class Stepped:
    """One denoising step of one batch is done; `previews` maps slots to small RGB pictures (latent resolution)."""

    step: int
    steps: int
    previews: dict[int, Image.Image]


@dataclass(frozen=True, slots=True)
class Drawn:
    """One variation is finished, at the design's own size. `seconds` is its share of the run.

    `image` is the picture that the model drew; `woven` is the woven picture, None for a run without constraints.
    """

    slot: int
    seed: int
    image: Image.Image
    seconds: float
    woven: Woven | None = None


RunEvent = Preparing | Started | Stepped | Drawn
RunListener = Callable[[RunEvent], None]
"""Called for each event; raises `RunCancelledError` to stop the run at once."""
