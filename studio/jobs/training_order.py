"""What a training was asked for, kept in its folder, so that one that never began can be started later."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from studio.catalogue.files.paths import write_atomically
from studio.errors import RequestError
from studio.schema import ForeignJSONError, LoraRecipe, read_json_object

_FILE = "order.json"


@dataclass(frozen=True, slots=True)
class TrainingOrder:
    """The dataset, the recipe, and when it was asked for (ISO 8601)."""

    dataset: Path
    recipe: LoraRecipe
    created_at: str


def write_order(folder: Path, order: TrainingOrder) -> None:
    """Write an order into the folder of its training. Raises `StorageError` if that fails."""
    values = {"dataset": str(order.dataset), "recipe": order.recipe.to_json(), "created_at": order.created_at}
    write_atomically(folder / _FILE, json.dumps(values, indent=2, ensure_ascii=False).encode())


def read_order(folder: Path) -> TrainingOrder | None:
    """Return the order in a folder, None where there is none that can be read."""
    try:
        values = read_json_object(folder / _FILE)
        recipe = LoraRecipe.from_json(values["recipe"])
        return TrainingOrder(Path(str(values["dataset"])), recipe, str(values["created_at"]))
    except (OSError, ForeignJSONError, KeyError, TypeError, AttributeError, RequestError):
        return None
