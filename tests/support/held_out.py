"""Small held-out datasets of drawn carpets, and stripes that are far from or near to each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from studio.carpets.generator import draw_carpet
from tests.support.knots import draw_colours
from tests.support.pictures import encode_picture


def write_held_out(root: Path, count: int, first: int = 0, *, captions: bool = True) -> Path:
    """Write carpets of their own seeds with captions into a folder, and return it."""
    root.mkdir(parents=True, exist_ok=True)
    for seed in range(first, first + count):
        carpet = draw_carpet(seed, 128, 128, "medallion")
        (root / f"carpet-{seed}.png").write_bytes(encode_picture(Image.fromarray(carpet.pixels)))
        if captions:
            (root / f"carpet-{seed}.txt").write_text(carpet.caption, "utf-8")
    return root


def draw_stripes(seed: int, width: int = 3, shape: tuple[int, int] = (64, 48), *, upright: bool = True) -> np.ndarray:
    """Draw stripes `width` knots wide in two random colours, with some knots of a third, as pixels (h, w, 3)."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    knots = ((columns if upright else rows) + rng.integers(2 * width)) // width % 2
    knots[rng.random(shape) < 0.02] = 2
    return draw_colours(3, seed)[knots]
