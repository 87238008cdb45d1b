"""Small designs, runs of an engine that draws from motifs, and what they drew."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from studio.designs import Design
from studio.generation.events import Drawn, RunEvent, RunListener, Stepped
from studio.schema import Constraints, VariationRequest
from tests.support.knots import YARNS, as_design
from tests.support.pictures import draw_design

DESIGN = draw_design(48, 64)
"""A bordered design of four yarns and 48 x 64 knots: a variation takes about a tenth of a second."""


class Drawing(Protocol):
    """An engine that draws a request."""

    def generate(
        self, request: VariationRequest, design: Design, listener: RunListener, other: Design | None = None
    ) -> None:
        """Draw the variations of a request."""


def draw_stripes(width: int = 48, height: int = 48, *, level: bool = False) -> Design:
    """Draw stripes of two yarns, upright ones or level ones, each three knots wide."""
    ys, xs = np.mgrid[:height, :width]
    return as_design(((ys if level else xs) // 3 % 2).astype(np.uint8), YARNS[:2])


def make_motif_request(design: Design, **settings: object) -> VariationRequest:
    """Return a request to draw two variations from motifs, with some settings changed."""
    yarns = {"constraints": Constraints(palette="source")}
    values = {"source": design.sha256, "prompt": "", "seeds": (1, 2), "drawing": "motifs"} | yarns
    return VariationRequest(**values | settings)


def draw_motifs(engine: Drawing, design: Design, other: Design | None = None, **settings: Any) -> list[RunEvent]:
    """Draw a run and return its events. A `cross` among the settings is one with `other`."""
    events: list[RunEvent] = []
    if other is not None:
        settings["cross"] = replace(settings["cross"], source=other.sha256)
    engine.generate(make_motif_request(design, **settings), design, events.append, other)
    return events


def drawn_of(events: list[RunEvent]) -> list[Drawn]:
    """Return the finished variations in their order."""
    return [event for event in events if isinstance(event, Drawn)]


def knots_of(drawn: Drawn) -> np.ndarray:
    """Return the knots (h, w) of a woven variation."""
    assert drawn.woven is not None
    assert drawn.woven.image.mode == "P"
    return np.asarray(drawn.woven.image)


def all_knots(events: list[RunEvent]) -> np.ndarray:
    """Return the knots (n, h, w) of a run's variations."""
    return np.stack([knots_of(one) for one in drawn_of(events)])


def steps_of(events: list[RunEvent]) -> list[tuple[int, int]]:
    """Return each step that was reported, and of how many."""
    return [(event.step, event.steps) for event in events if isinstance(event, Stepped)]
