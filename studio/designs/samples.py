"""Sample designs, drawn by the generator of `studio.carpets`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "samples"


@dataclass(frozen=True, slots=True)
class Sample:
    """A design that comes with the studio: indexed, 900 x 1200 pixels. `prompt` describes it."""

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
"""To add a sample, put its PNG into the folder and add an entry here; the tests run over all entries."""
