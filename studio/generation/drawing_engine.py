"""The engine of the queue: a design's motifs draw, or a model, or the motifs with the model's picture in the lead."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from PIL import Image

from studio.designs import Design
from studio.generation.events import Drawn, RunEvent, RunListener, Started, Stepped
from studio.generation.motifs import ALGORITHM, Knots, MotifDesign, MotifEngine, shrink_preview
from studio.schema import REDRAWN_SEEDS, Constraints, VariationRequest


class ModelEngine(Protocol):
    """An engine that draws with a model (`studio.generation.engine`, which imports torch)."""

    def generate(self, request: VariationRequest, design: Design, listener: RunListener) -> None:
        """Draw the variations of a request and report each event to the listener."""

    @property
    def holds_model(self) -> bool:
        """Whether a model is loaded."""

    def release(self) -> None:
        """Free the model's memory."""


class DrawingEngine:
    """Draws each request as it asks. `make_model_engine` is called at each run that needs a model."""

    def __init__(self, make_model_engine: Callable[[], ModelEngine]) -> None:
        self._make_model_engine = make_model_engine
        self._model: ModelEngine | None = None
        self._motifs = MotifEngine()

    @property
    def holds_model(self) -> bool:
        """Whether a model is loaded."""
        return self._model is not None and self._model.holds_model

    def generate(
        self, request: VariationRequest, design: Design, listener: RunListener, other: Design | None = None
    ) -> None:
        """Draw the variations of a request, reporting each event. Raises as the engine that draws."""
        if request.drawing == "motifs":
            self._motifs.generate(request, design, listener, other)
            return
        self._model = self._make_model_engine()
        if request.drawing == "model":
            self._model.generate(request, design, listener)
        else:
            prepared = self._motifs.prepare(request, design, listener)
            # What the motifs settle need not be woven before, nor led to: a part is drawn, and mirrored.
            layout = Constraints(palette="free", symmetry="none", repeat=request.constraints.repeat)
            redrawing = _Redrawing(self._motifs, prepared, request, listener)
            seeds = tuple(seed % REDRAWN_SEEDS for seed in request.seeds)
            self._model.generate(replace(request, constraints=layout, seeds=seeds), design, redrawing)

    def release(self) -> None:
        """Free the memory of the model and of the last design."""
        if self._model is not None:
            self._model.release()
            self._model = None
        self._motifs.release()


class _Redrawing:
    """Passes a model's run on to a listener, each picture drawn anew in the design's motifs before it is reported."""

    def __init__(
        self, motifs: MotifEngine, prepared: MotifDesign, request: VariationRequest, listener: RunListener
    ) -> None:
        self._motifs, self._prepared, self._request, self._listener = motifs, prepared, request, listener
        self._each = prepared.recomposer.reports + 1
        self._model_steps, self._done, self._redrawn = (0, 0), 0, 0
        self._made: list[Knots] = []

    def __call__(self, event: RunEvent) -> None:
        if isinstance(event, Started):
            self._model_steps = (0, event.steps)
            notes = tuple(dict.fromkeys((*event.facts.notes, *self._prepared.notes)))
            versions = {**event.facts.versions, "motifs": ALGORITHM}
            self._listener(Started(replace(event.facts, notes=notes, versions=versions), self._steps))
        elif isinstance(event, Stepped):
            self._model_steps = (event.step, event.steps)
            self._step(event.previews)
        elif isinstance(event, Drawn):
            self._redraw(event)
        else:
            self._listener(event)

    @property
    def _steps(self) -> int:
        return self._model_steps[1] + self._each * len(self._request.seeds)

    def _step(self, previews: dict[int, Image.Image]) -> None:
        self._listener(Stepped(self._model_steps[0] + self._redrawn * self._each + self._done, self._steps, previews))

    def _redraw(self, drawn: Drawn) -> None:
        if drawn.image is None:
            raise RuntimeError("a model's engine must report its picture")
        began = time.monotonic()

        def report(number: int, show: Callable[[], Knots]) -> None:
            self._done = max(self._done, number + 1)  # no step back where it is drawn more than once
            self._step({drawn.slot: shrink_preview(show())})

        seed = self._request.seeds[drawn.slot]
        used, woven = self._motifs.redraw(
            self._prepared, drawn.image, self._request, seed, made=self._made, report=report
        )
        self._redrawn, self._done = self._redrawn + 1, 0
        self._step({})
        self._listener(replace(drawn, seed=used, woven=woven, seconds=drawn.seconds + time.monotonic() - began))
