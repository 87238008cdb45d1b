"""Noise for clouds, wool and wear; posterisation; coarse knot grids."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from studio.carpets.drafts import Draft, Drawing


def draw_noise(
    rng: np.random.Generator, width_px: int, height_px: int, cell_x: float, cell_y: float | None = None
) -> NDArray[np.float32]:
    """Return smooth noise (h, w), mean about 0, standard deviation about 1, with features of the size of a cell.

    Gaussian values on a coarse grid, enlarged bicubically.
    """
    cell_y = cell_x if cell_y is None else cell_y
    columns, rows = int(width_px / cell_x) + 4, int(height_px / cell_y) + 4
    coarse = Image.fromarray(rng.standard_normal((rows, columns)).astype(np.float32))
    box = (1.0, 1.0, 1.0 + width_px / cell_x, 1.0 + height_px / cell_y)
    fine = coarse.resize((width_px, height_px), Image.Resampling.BICUBIC, box=box)
    return np.asarray(fine, np.float32) * np.float32(1.3)


def draw_rough_noise(
    rng: np.random.Generator, width_px: int, height_px: int, cell_px: float, *, octaves: int = 4, fall: float = 0.5
) -> NDArray[np.float32]:
    """Return the sum of octaves of noise: each has half the cell size and `fall` times the weight of the one before."""
    total = np.zeros((height_px, width_px), np.float32)
    for k in range(octaves):
        if cell_px / 2**k < 1:
            break
        total += fall**k * draw_noise(rng, width_px, height_px, cell_px / 2**k)
    return total


def posterise(values: NDArray[np.float32], count: int) -> NDArray[np.uint8]:
    """Return the quantile step, 0 to count - 1, of each value; all steps are about equally frequent."""
    sample = values.ravel()[:: max(1, values.size // 20000)]
    return np.searchsorted(np.quantile(sample, np.arange(1, count) / count), values).astype(np.uint8)


def weave(draft: Draft, knots: int, draw: Callable[[Draft], Drawing]) -> Drawing:
    """Draw a design on a grid of about `knots` cells across its shorter side and enlarge it, so that diagonals step.

    Exact symmetries stay exact.
    """
    cell = max(1, round(draft.side_px / knots))
    if cell == 1:
        return draw(draft)
    coarse = Draft(
        draft.rng,
        2 * -(-draft.width_px // (2 * cell)),
        2 * -(-draft.height_px // (2 * cell)),
        draft.roles,
        draft.phrases,
    )
    drawing = draw(coarse)
    rows = _cells(draft.height_px, cell, coarse.height_px)
    columns = _cells(draft.width_px, cell, coarse.width_px)
    return Drawing(drawing.indices[rows][:, columns], drawing.symmetry, drawing.motif)


def _cells(side_px: int, cell_px: int, count: int) -> NDArray[np.intp]:
    """Return the cell of each pixel of a side, counted from the middle outwards, which keeps mirror symmetry exact."""
    offset = np.arange(side_px) - (side_px - 1) / 2
    steps = (np.abs(offset) // cell_px).astype(np.intp)
    cells: NDArray[np.intp] = np.where(offset < 0, count // 2 - 1 - steps, count // 2 + steps)
    return cells
