"""The sample designs that the studio offers: their recipes, and `draw_samples(folder)`, which draws them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from studio.carpets.generator import Carpet, draw_layout, dress

WIDTH_PX, HEIGHT_PX = 900, 1200


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a sample is drawn from: a family, a seed of the design and a seed of the yarns."""

    name: str
    family: str
    design_seed: int
    yarn_seed: int

    def draw(self) -> Carpet:
        """Return the carpet, 900 x 1200 px."""
        return dress(draw_layout(self.design_seed, WIDTH_PX, HEIGHT_PX, self.family), self.yarn_seed)


RECIPES: tuple[Recipe, ...] = (
    Recipe("medallion", "medallion", 9144, 13),
    Recipe("kilim", "kilim", 9507, 0),
    Recipe("garden", "floral", 9015, 6),
)
"""After a change to how one of these families is drawn, look at its sample and pick another seed if it suits better."""


def draw_samples(folder: Path) -> tuple[Path, ...]:
    """Write every sample as an indexed PNG with one palette entry per yarn; return the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for recipe in RECIPES:
        carpet = recipe.draw()
        image = Image.fromarray(carpet.indices)
        image.putpalette(carpet.palette.tobytes())
        path = folder / f"{recipe.name}.png"
        image.save(path, optimize=True)
        paths.append(path)
    return tuple(paths)
