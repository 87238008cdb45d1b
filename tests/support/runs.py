"""Runs of the engine on the built-in pipeline, and what the transformer was shown in them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from studio.designs import Design
from studio.generation.engine import Engine
from studio.generation.events import Drawn, RunEvent, Started
from studio.models.pipeline_slot import PipelineSlot
from studio.schema import PipelineChoice, RunFacts, VariationRequest

CHANNELS = 6


def draw(slot: PipelineSlot, design: Design, **settings: object) -> list[RunEvent]:
    """Draw one short run and return its events."""
    values = {"source": design.sha256, "prompt": "red kilim carpet", "seeds": (7,), "steps": 3, "guidance_scale": 1.0}
    events: list[RunEvent] = []
    Engine(slot).generate(VariationRequest(**values | settings), design, events.append)
    return events


def pictures(events: list[RunEvent]) -> dict[int, np.ndarray]:
    """Return the model's pictures by seed, in a dtype that can be subtracted."""
    return {event.seed: np.asarray(event.image, np.int16) for event in events if isinstance(event, Drawn)}


def drawn(events: list[RunEvent]) -> dict[int, Drawn]:
    """Return the finished variations by seed."""
    return {event.seed: event for event in events if isinstance(event, Drawn)}


def facts(events: list[RunEvent]) -> RunFacts:
    """Return the facts that a run began with."""
    return next(event.facts for event in events if isinstance(event, Started))


@contextmanager
def watching(slot: PipelineSlot, design: Design) -> Iterator[list[tuple[torch.Tensor, float, torch.Tensor]]]:
    """Yield the transformer's input, sigma and predicted velocity at each step of a run.

    The slot has already encoded the design.
    """
    seen: list[tuple[torch.Tensor, float, torch.Tensor]] = []

    def note(_module: object, _arguments: object, given: dict, answer: tuple) -> None:
        seen.append((given["hidden_states"].clone(), float(given["timestep"][0]) / 1000, answer[0].clone()))

    draw(slot, design, steps=1, strength=1.0)
    with slot.use(PipelineChoice("builtin"), print) as loaded:
        hook = loaded.pipe.transformer.register_forward_hook(note, with_kwargs=True)
    try:
        yield seen
    finally:
        hook.remove()


def make_latents(height: int = 12, width: int = 16, seed: int = 0) -> torch.Tensor:
    """Return random latents (1, CHANNELS, h, w)."""
    return torch.randn(1, CHANNELS, height, width, generator=torch.Generator().manual_seed(seed))
