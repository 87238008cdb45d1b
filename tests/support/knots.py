"""Random knots, yarns and small designs, and checks of woven pictures."""

from __future__ import annotations

import numpy as np
from PIL import Image

from studio.carpets.generator import draw_carpet
from studio.designs import Design, IndexMap, WeavePlan, measure_seams, open_design, tile
from studio.designs.structure.symmetry import measure_agreement
from tests.support.pictures import encode_picture

YARNS = np.array([[180, 30, 40], [240, 230, 200], [20, 30, 80], [60, 120, 60]], np.uint8)


def draw_colours(count, seed=0) -> np.ndarray:
    """Draw `count` different colours in random order."""
    rng = np.random.default_rng(seed)
    packed = rng.choice(1 << 24, count, replace=False)
    return np.stack([packed >> 16, packed >> 8 & 255, packed & 255], -1).astype(np.uint8)


def draw_knots(count, width=40, height=48, seed=0) -> np.ndarray:
    """Draw random knots in which every index below `count` occurs."""
    rng = np.random.default_rng(seed)
    knots = np.concatenate([np.arange(count), rng.integers(0, count, width * height - count)])
    return rng.permutation(knots).reshape(height, width).astype(np.uint8)


def draw_noise(shape: tuple[int, int], seed: int) -> Image.Image:
    """Draw the worst picture that a model could return: independent random pixels."""
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (*shape, 3), dtype=np.uint8))


def as_design(pixels: np.ndarray, palette: np.ndarray | None = None) -> Design:
    """Open pixels as a design: RGB, or indexed where a palette is given (then `pixels` are indices)."""
    image = Image.fromarray(pixels) if palette is None else IndexMap(pixels, palette).image()
    return open_design(encode_picture(image))


def carpet(seed: int = 4, family: str = "medallion") -> Design:
    """Open a generated carpet of 144 x 192 knots as an indexed design."""
    drawn = draw_carpet(seed, 144, 192, family)
    return as_design(drawn.indices, drawn.palette)


def check_axes(knots: np.ndarray, plan: WeavePlan) -> None:
    """Check that knots are exactly symmetric about the plan's axes."""
    for direction, offset in (("vertical", plan.vertical), ("horizontal", plan.horizontal)):
        if offset is not None:
            assert measure_agreement(np.ascontiguousarray(knots), direction, offset) == 1


def check_mirror_cloth(image: Image.Image) -> None:
    """Check that a tile laid out 2 x 2 as a "mirror" repeat has equal knots at every edge, thus no seam."""
    cloth = tile(np.asarray(image), "mirror", 2, 2)
    for lines in (cloth, np.swapaxes(cloth, 0, 1)):
        assert np.array_equal(lines[len(lines) // 2 - 1], lines[len(lines) // 2])
        assert np.array_equal(lines[0], lines[-1])
    seams = measure_seams(tile(np.asarray(image.convert("RGB")), "mirror", 2, 2), "straight")
    assert (seams.horizontal, seams.vertical) == (0, 0)


def draw_tile(width: int = 128, height: int = 128, seed: int = 3):
    """Draw one repeat of a cloth: spots that continue across its edges."""
    rng = np.random.default_rng(seed)
    ys, xs = np.mgrid[:height, :width]
    indices = np.zeros((height, width), np.uint8)
    for _ in range(14):
        y, x, r = rng.integers(height), rng.integers(width), rng.integers(8, 24)
        dy, dx = np.abs(ys - y), np.abs(xs - x)
        near = np.minimum(dy, height - dy) ** 2 + np.minimum(dx, width - dx) ** 2 < r * r
        indices[near] = rng.integers(1, 5)
    palette = np.array([[30, 40, 90], [200, 60, 50], [240, 220, 180], [90, 140, 90], [210, 160, 60]], np.uint8)
    return as_design(indices, palette)
