"""A style of carpets that the built-in model has not seen, drawn by code: moons of rings on a chequered ground.

Each design has a source too, the same moons plain on a plain ground, as a designer's sketch would be.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

WIDTH_PX, HEIGHT_PX = 192, 256
CAPTION = "carpet, rings of moons on chequered ground"
YARNS = np.array(
    [(238, 226, 198), (203, 92, 41), (36, 62, 92), (128, 148, 108), (92, 38, 44), (219, 170, 62)], np.uint8
)


def draw_moons(seed: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return a source and a design of the style, uint8 (256, 192, 3), both of the same moons."""
    rng = np.random.default_rng(seed)
    ys, xs = np.mgrid[:HEIGHT_PX, :WIDTH_PX]
    order = rng.permutation(len(YARNS))
    ground, chequer, *rings = (YARNS[one] for one in order)
    plain = np.broadcast_to(ground, (HEIGHT_PX, WIDTH_PX, 3)).copy()
    fancy = plain.copy()
    fancy[((ys // 8 + xs // 8) % 2).astype(bool)] = chequer
    for _ in range(rng.integers(4, 8)):
        x, y, radius = rng.integers(24, WIDTH_PX - 24), rng.integers(24, HEIGHT_PX - 24), rng.integers(20, 44)
        distance = np.hypot(ys - y, xs - x)
        moon = distance < radius
        plain[moon] = rings[0]
        for number in range(4):
            ring = moon & (distance < radius * (1 - number / 4))
            fancy[ring] = rings[number % len(rings)]
    return plain, fancy


def write_style(folder: Path, count: int, first_seed: int = 0, *, pairs: bool = False) -> Path:
    """Write designs of the style with captions; with `pairs` each in a folder with its source as 0."""
    for number in range(count):
        source, design = draw_moons(first_seed + number)
        pictures = {f"moons_{number}/0": source, f"moons_{number}/1": design} if pairs else {f"moons_{number}": design}
        for name, pixels in pictures.items():
            file = folder / f"{name}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(file)
            file.with_suffix(".txt").write_text(CAPTION if name[-2:] != "/0" else "plain carpet, moons", "utf-8")
    return folder
