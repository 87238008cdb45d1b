"""What a training will take, told before it begins: memory, time and how often each picture is seen. Without torch."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from studio.adapter_training.folder import TrainingFolder
from studio.adapter_training.memory_estimate import MemoryEstimate, estimate_memory, read_shape
from studio.errors import StudioError
from studio.models.hardware import Hardware
from studio.models.registry import ModelEntry, resolve_model
from studio.schema import LoraRecipe

Fit = Literal["fits", "tight", "too large", "unknown"]
_GIB = 2**30
_TIGHT = 0.92
"""Of a card's memory so much can be used: the rest is the driver's, the display's and what is lost between tensors."""
_PACED_STEPS = 5
"""As many steps of an earlier training tell its pace; the first ones are slower."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """A training's needs on this computer.

    `memory` is None where the model is not here yet or no card is used, `seconds` where no earlier training tells them.
    `epochs` is how often each picture is seen.
    """

    memory: MemoryEstimate | None
    fit: Fit
    seconds: float | None
    epochs: float
    lines: tuple[str, ...]


def forecast(recipe: LoraRecipe, pictures: int, hardware: Hardware, earlier: Iterable[TrainingFolder] = ()) -> Forecast:
    """Return what a training on this number of pictures will take. Raises `RequestError` for an unknown model."""
    entry = resolve_model(recipe.model)
    shown = recipe.steps * recipe.batch * recipe.accumulate
    epochs = shown / max(pictures * (2 if recipe.mirrored else 1), 1)
    seconds = _foresee_seconds(recipe, entry, earlier)
    memory, fit = _foresee_memory(recipe, entry, hardware)
    lines = [_say_work(recipe, pictures, epochs), _say_memory(memory, fit, hardware)]
    if seconds is not None:
        lines.append(f"About {_say_duration(seconds)}, at the pace of earlier trainings on this computer.")
    else:
        lines.append("The time is told after the first steps: nothing like it was trained on this computer yet.")
    return Forecast(memory, fit, seconds, epochs, tuple(lines))


def _foresee_memory(recipe: LoraRecipe, entry: ModelEntry, hardware: Hardware) -> tuple[MemoryEstimate | None, Fit]:
    shape = read_shape(entry)
    if hardware.vram_gib is None or shape is None:
        return None, "unknown"
    memory = estimate_memory(recipe, shape, entry.prompt_tokens)
    share = memory.total / (hardware.vram_gib * _GIB)
    return memory, "fits" if share <= _TIGHT else "tight" if share <= 1 else "too large"


def _foresee_seconds(recipe: LoraRecipe, entry: ModelEntry, earlier: Iterable[TrainingFolder]) -> float | None:
    """Return the seconds of the steps, by the median pace of the newest alike training; None where there is none.

    Alike: the same model and number format. A step's time grows with its pictures and their pixels.
    """
    for folder in earlier:
        try:
            facts = folder.read_facts()
        except StudioError:
            continue
        theirs = facts.recipe
        if facts.model.get("id") != entry.public_id or theirs.base != recipe.base:
            continue
        paces = [
            float(entry["seconds"])
            for entry in folder.entries()
            if entry["kind"] == "step" and isinstance(entry.get("seconds"), (int, float))
        ]
        if len(paces) > _PACED_STEPS:
            return statistics.median(paces[1:]) * recipe.steps * _measure_work(recipe) / _measure_work(theirs)
    return None


def _measure_work(recipe: LoraRecipe) -> float:
    """Return what the time of a step is about proportional to."""
    return recipe.batch * recipe.accumulate * recipe.resolution_px**2


def _say_work(recipe: LoraRecipe, pictures: int, epochs: float) -> str:
    at_once = recipe.batch * recipe.accumulate
    each = f"{pictures} pictures and their mirror images" if recipe.mirrored else f"{pictures} pictures"
    times = f"{epochs:.0f}" if epochs >= 10 else f"{epochs:.1f}"
    return f"{recipe.steps} steps of {at_once}: each of the {each} is seen about {times} times."


def _say_memory(memory: MemoryEstimate | None, fit: Fit, hardware: Hardware) -> str:
    if hardware.vram_gib is None:
        return "No graphics card is used: the processor trains the built-in model, and a larger one far too slowly."
    if memory is None:
        return "What it needs of the card is known once the model is on this computer."
    needs = f"It needs {memory.describe()}"
    card = f"{hardware.card} has {hardware.vram_gib:.1f}"
    if fit == "fits":
        return f"{needs}; {card}: it fits."
    if fit == "tight":
        return f"{needs}; {card}: it fits only if nothing else uses the card."
    return f"{needs}; {card}: it does not fit. Choose a base of 8 bits, a batch of 1, or a smaller resolution."


def _say_duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return "a minute"
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"
