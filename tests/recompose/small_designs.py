"""Small designs of known structure, drawn motif by motif."""

from __future__ import annotations

import numpy as np

from studio.designs.index_map import IndexMap
from studio.designs.structure.repeat import lay
from studio.designs.structure.repeat_symmetry import mirror_repeat
from studio.recompose.recomposer import Carpet, read_carpet
from tests.support.knots import draw_colours

BORDER_YARNS, FIELD_YARNS = (0, 1, 2, 3), (4, 5, 6)


def make_carpet(knots: np.ndarray, repeat: str = "none", vertical=None, horizontal=None, kept=None) -> Carpet:
    """Return a carpet of these knots in colours that are far apart."""
    palette = draw_colours(int(knots.max()) + 1, seed=2)
    return read_carpet(IndexMap(knots, palette), repeat, vertical, horizontal, kept)


def draw_motif(radius: int, yarns: tuple[int, ...]) -> np.ndarray:
    """Draw nested diamonds (2 radius + 1, 2 radius + 1) of these yarns, the first outside, and 255 beside them."""
    at = np.abs(np.arange(-radius, radius + 1))
    depth = radius - (at[:, None] + at[None, :])
    rings = np.array(yarns)[np.minimum(np.maximum(depth, 0) // 2, len(yarns) - 1)]
    return np.where(depth < 0, 255, rings).astype(np.uint8)


def draw_ornament(
    height: int,
    width: int,
    *,
    yarns: int = 4,
    repeat: str | None = None,
    vertical: int | None = None,
    horizontal: int | None = None,
    seed: int = 0,
) -> np.ndarray:
    """Draw diamonds of several sizes on a ground of yarn 0, (height, width), symmetric and closed as a repeat."""
    rng = np.random.default_rng(seed)
    knots = np.zeros((height, width), np.uint8)
    for number in range(max(height * width // 150, 3)):
        radius = (3, 5, 7)[number % 3]
        own = tuple(1 + (number + i) % (yarns - 1) for i in range(3)) if yarns > 1 else (0,)
        motif = draw_motif(radius, own)
        ys = rng.integers(height) + np.arange(-radius, radius + 1)
        xs = rng.integers(width) + np.arange(-radius, radius + 1)
        places = lay((height, width), repeat or "straight", ys, xs)
        knots[places] = np.where(motif == 255, knots[places], motif)
    return mirror_repeat(knots, repeat, vertical, horizontal)


def draw_bordered(height: int, width: int, *, vertical=None, horizontal=None, seed: int = 0) -> np.ndarray:
    """Draw an ornament in FIELD_YARNS in a border of 11 knots in BORDER_YARNS."""
    deep = 11
    knots = draw_ornament(height, width, seed=seed)
    knots = (FIELD_YARNS[0] + knots % 3).astype(np.uint8)
    ys, xs = np.mgrid[:height, :width]
    down, across = np.minimum(ys, height - 1 - ys), np.minimum(xs, width - 1 - xs)
    depth = np.minimum(down, across)
    along = np.where(down <= across, np.minimum(xs, width - 1 - xs), np.minimum(ys, height - 1 - ys))
    band = np.where(np.abs(along % 8 - 4) + np.abs(depth - 5) <= 2, 3, 1)
    band = np.where((depth < 2) | (depth >= 9), np.where(depth % 2 == 0, 0, 2), band)
    knots = np.where(depth < deep, band, knots).astype(np.uint8)
    return mirror_repeat(knots, None, vertical, horizontal)


def draw_half_drop(height: int, width: int) -> np.ndarray:
    """Draw one large and one small motif on a ground, whole in the tile or across its edges, closed as a half-drop."""
    knots = np.zeros((height, width), np.uint8)
    for radius, yarns, y, x in ((9, (1, 2, 3), height // 2, width // 2), (5, (2, 1), 0, 0)):
        motif = draw_motif(radius, yarns)
        places = lay(knots.shape, "half-drop", y + np.arange(-radius, radius + 1), x + np.arange(-radius, radius + 1))
        knots[places] = np.where(motif == 255, knots[places], motif)
    return knots


def draw_medallion(height: int, width: int, *, yarns: int = 4) -> np.ndarray:
    """Draw an ornament, symmetric both ways, with a great diamond of two further yarns in its middle."""
    knots = draw_ornament(height, width, yarns=yarns, vertical=0, horizontal=0)
    ys, xs = np.mgrid[:height, :width]
    off = np.abs(2 * ys - height + 1) / height + np.abs(2 * xs - width + 1) / width
    knots[off < 0.5] = yarns
    knots[off < 0.2] = yarns + 1
    return knots
