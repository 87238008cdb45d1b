"""SAMPLES: designs of our own to begin with, drawn by the generator of `studio.training`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "samples"


@dataclass(frozen=True, slots=True)
class Sample:
    """A design that comes with the studio: 900 x 1200 pixels, indexed. `prompt` is one that suits it."""

    id: str
    title: str
    prompt: str

    @property
    def path(self) -> Path:
        """The PNG file."""
        return FOLDER / f"{self.id}.png"


SAMPLES: tuple[Sample, ...] = (
    Sample("medallion", "Red medallion", "red medallion carpet, vines in the field, navy medallion, orange corners"),
    Sample("kilim", "Kilim of diamonds", "kilim carpet, red and teal diamonds, nested diamonds, three borders"),
    Sample("garden", "Blue garden", "navy floral carpet, flowers and vines, red border, a border of vines"),
)
"""To add a sample: its PNG in the folder and one entry; the tests run over all entries."""
