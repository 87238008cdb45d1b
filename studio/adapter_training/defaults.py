"""The settings of a training that suit a model, where nothing else is chosen. Without torch."""

from __future__ import annotations

import math
from typing import Any

from studio.models.registry import ModelEntry
from studio.schema import LoraRecipe


def default_settings(entry: ModelEntry) -> dict[str, Any]:
    """Return the fields of `LoraRecipe` whose usual values do not suit a model: it draws no larger than it can."""
    usual = LoraRecipe()
    return {"model": entry.id, "resolution_px": min(usual.resolution_px, math.isqrt(entry.working_pixels))}
