"""What a training is made of where nothing else is chosen: its layers, and the settings that suit a model. No torch."""

from __future__ import annotations

import math
from typing import Any

from studio.models.registry import ModelEntry
from studio.schema import LoraRecipe

PICTURE_LAYERS = ("to_q", "to_k", "to_v", "to_out.0")
"""The attention products of the picture, as in existing carpet adapters: 152 layers of Stable Diffusion 3.5 Large."""
TEXT_LAYERS = ("add_q_proj", "add_k_proj", "add_v_proj", "to_add_out")
"""The attention products of the prompt beside them."""


def name_layers(recipe: LoraRecipe) -> tuple[str, ...]:
    """Return the ends of the names of the layers that a recipe trains."""
    return PICTURE_LAYERS + (TEXT_LAYERS if recipe.layers == "attention-and-text" else ())


def default_settings(entry: ModelEntry) -> dict[str, Any]:
    """Return the fields of `LoraRecipe` whose usual values do not suit a model: it draws no larger than it can."""
    usual = LoraRecipe()
    return {"model": entry.id, "resolution_px": min(usual.resolution_px, math.isqrt(entry.working_pixels))}
