"""What a model card is given beside the training's folder, kept there so that the card can be written again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from studio.adapter_training.card.emissions import WORLD, Grid
from studio.catalogue.files.paths import write_atomically
from studio.datasets import DatasetReport
from studio.schema import read_json_object
from studio.schema.fields import read_fields

CHOICES_FILE = "card.json"
SIZES_SHOWN = 12


@dataclass(frozen=True, slots=True)
class DataSummary:
    """The counts of a dataset that a card shows; `sizes` are (width, height, pictures) of the commonest buckets."""

    designs: int
    pairs: int
    sources: int
    without_caption: int
    enlarged: int
    unreadable: int
    sizes: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class CardChoices:
    """The choices for a card.

    `title` is the adapter's name, by default with its trigger words. The dataset's name is written only with
    `show_names`, names of its files and paths never. `data` is None where nobody gave a report.
    """

    title: str = ""
    show_names: bool = False
    grid: Grid = WORLD
    data: DataSummary | None = None


def summarise_dataset(report: DatasetReport) -> DataSummary:
    """Return the counts of a dataset's report."""
    return DataSummary(
        designs=report.designs,
        pairs=report.pairs,
        sources=report.sources,
        without_caption=len(report.without_caption),
        enlarged=len(report.enlarged),
        unreadable=len(report.unreadable),
        sizes=tuple((one.width_px, one.height_px, one.pictures) for one in report.buckets[:SIZES_SHOWN]),
    )


def write_choices(folder: Path, choices: CardChoices) -> None:
    """Write the choices into a training's folder. Raises `StorageError`."""
    write_atomically(folder / CHOICES_FILE, json.dumps(asdict(choices), indent=2, ensure_ascii=False).encode())


def read_choices(folder: Path) -> CardChoices:
    """Return the choices in a training's folder; the defaults without a file, or for one that is damaged."""
    try:
        values = read_json_object(folder / CHOICES_FILE)
        data = values["data"]
        return CardChoices(
            title=str(values["title"]),
            show_names=values["show_names"] is True,
            grid=_read_grid(values["grid"]),
            data=None if data is None else _read_summary(data),
        )
    except (OSError, KeyError, TypeError, ValueError, AttributeError):
        return CardChoices()


def _read_grid(values: Mapping[str, Any]) -> Grid:
    return Grid(float(values["kg_per_kwh"]), str(values["place"]), str(values["source"]))


def _read_summary(values: Mapping[str, Any]) -> DataSummary:
    sizes = tuple((int(width), int(height), int(pictures)) for width, height, pictures in values["sizes"])
    counts = {name: int(values[name]) for name in DataSummary.__dataclass_fields__ if name != "sizes"}
    return read_fields(DataSummary, {**counts, "sizes": sizes})
