"""What fits, told before the start: the memory and the time that a training takes on this computer."""

from __future__ import annotations

from studio.models.hardware import Hardware
from studio.models.registry import ModelEntry
from studio.schema import LoraRecipe


def draw_fit(recipe: LoraRecipe, entry: ModelEntry, computer: Hardware) -> None:
    """Draw the estimate of memory and time, as a warning where it does not fit."""
