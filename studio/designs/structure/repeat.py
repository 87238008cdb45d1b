"""Repeats: tiling, padding a tile with its neighbours, measuring and closing seams, and finding the repeat of a design.

A tile is one repeat. The cloth is the endless plane that the repeated tile covers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from studio.designs.colours.colour_spaces import Floats, convert_to_oklab

REPEATS = ("straight", "half-drop", "brick", "mirror")
SEAM_LIMIT = 1.3
"""A seam with at most this ratio (see `Seams`) does not show."""
COMMON_SHARE = 0.05
"""A seam is part of the drawing, such as an outline on the edge of the tile, if at least this share of the inner lines
has a colour step as large. Of 273 tiles of generated cloths that close, 35 % exceed SEAM_LIMIT and 8 % fail this test
as well; of 91 tiles cut out at random, 92 % and 87 %."""
SAMPLED_STEPS = 1_000_000
"""The mean inner step is taken from about this many steps; more would not change it visibly."""

LEAST_AGREEMENT = 0.98
LEAST_KAPPA = 0.9
DIFFERENCE_DROP = 0.2
"""At a period the difference falls to at most this share of its maximum at shorter shifts. Large plain shapes agree
with themselves at every small shift and are not a repeat."""
SAMPLED_LINES = 48
SAMPLE_SLACK = 3.0
"""On a sample of lines the allowed difference is multiplied by this."""
CANDIDATES = 6
CLOSING_PASSES = 3

_Scalar = TypeVar("_Scalar", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Seams:
    """Visibility of the seams of a repeat: the mean colour step (OKLab) across a seam divided by the mean step inside.

    `vertical` is the upright seam between a tile's right edge and the next tile's left edge; `horizontal` is the level
    one. A ratio of about 1 is invisible, up to 1.3 is accepted. None: the tile has no colour step in that direction.
    `meet`: the edges can be one continuous drawing: no seam shows, or its step is no larger than that of many inner
    lines (COMMON_SHARE).
    """

    horizontal: float | None
    vertical: float | None
    meet: bool

    @property
    def shown(self) -> bool:
        """Whether a seam is visible."""
        return max(self.horizontal or 0, self.vertical or 0) > SEAM_LIMIT


@dataclass(frozen=True, slots=True)
class Repeat:
    """The smallest straight repeat of a design, in knots.

    A side equals the design's side where nothing repeats in that direction, and is 1 where nothing changes in it.
    `agreement` is the share of knots that equal the knot one period on, in the worse of the repeating directions.
    """

    px_across: int
    px_down: int
    agreement: float


def lay(
    shape: tuple[int, int], repeat: str, ys: NDArray[np.integer[Any]], xs: NDArray[np.integer[Any]]
) -> tuple[NDArray[np.integer[Any]], NDArray[np.integer[Any]]]:
    """Return the tile rows and columns that lie at rows ys (n,) and columns xs (m,) of the endless cloth.

    `shape` is the tile's (h, w). `array[lay(...)]` is that part of the cloth, (n, m, ...): the two results broadcast
    against one another. ys and xs are integers and may be negative. The tile itself lies at rows 0 to h - 1 and columns
    0 to w - 1; see `tile` for the others. Raises `ValueError` for an unknown repeat or an empty tile.
    """
    _check_repeat(repeat)
    height, width = shape
    if min(height, width) < 1:
        raise ValueError(f"a tile of shape {tuple(shape)}; give at least 1 x 1")
    rows, columns = np.asarray(ys)[:, None], np.asarray(xs)[None, :]
    if repeat == "half-drop":
        rows = rows - columns // width * (height // 2)
    elif repeat == "brick":
        columns = columns - rows // height * (width // 2)
    elif repeat == "mirror":
        # Every second tile is read backwards, from its far end.
        rows, columns = (np.where(at // side % 2 == 0, at, -1 - at) for at, side in ((rows, height), (columns, width)))
    return rows % height, columns % width


def tile(array: NDArray[_Scalar], repeat: str, across: int, down: int) -> NDArray[_Scalar]:
    """Return an array (h, w, ...) tiled `across` x `down` times, shape (down * h, across * w, ...).

    "straight": all tiles alike. "half-drop": each column lies half the height lower than the one before. "brick": each
    row lies half the width farther right than the one above. "mirror": neighbours are mirror images. Half of an odd
    side is rounded down, so that a half-drop is one knot off two columns on. Raises `ValueError` for an unknown repeat,
    an empty array or less than one tile.
    """
    _check(array, repeat)
    if min(across, down) < 1:
        raise ValueError(f"{across} x {down} tiles; give at least 1 x 1")
    if repeat == "brick":
        return _transpose(tile(_transpose(array), "half-drop", down, across))
    if repeat == "half-drop":
        half = array.shape[0] // 2
        columns = [np.concatenate([np.roll(array, i * half, axis=0)] * down, axis=0) for i in range(across)]
        return np.concatenate(columns, axis=1)
    other = array if repeat == "straight" else array[:, ::-1]
    row = np.concatenate([other if i % 2 else array for i in range(across)], axis=1)
    below = row if repeat == "straight" else row[::-1]
    return np.concatenate([below if i % 2 else row for i in range(down)], axis=0)


def surround(array: NDArray[_Scalar], repeat: str, margin: int) -> NDArray[_Scalar]:
    """Return the tile (h, w, ...) padded with `margin` knots of the neighbouring tiles on each side."""
    height, width = array.shape[:2]
    ys, xs = np.arange(-margin, height + margin), np.arange(-margin, width + margin)
    padded: NDArray[_Scalar] = array[lay((height, width), repeat, ys, xs)]
    return padded


def measure_seams(pixels: NDArray[np.uint8], repeat: str = "straight") -> Seams:
    """Return the visibility of the seams of a tile of sRGB pixels (h, w, 3) in this repeat.

    In a "mirror" repeat equal edges meet, so both ratios are 0: there is no step, though an axis may be visible. In
    large tiles the inner steps are measured on evenly spaced lines. Raises `ValueError` for an unknown repeat.
    """
    _check(pixels, repeat)
    horizontal, level = _measure_seam(_transpose(pixels), repeat, shifted=repeat == "brick")
    vertical, upright = _measure_seam(pixels, repeat, shifted=repeat == "half-drop")
    return Seams(horizontal, vertical, meet=level and upright)


def close_seams(pixels: NDArray[np.uint8], repeat: str, band_px: int) -> NDArray[np.uint8]:
    """Return pixels (h, w, 3) blended across each seam with their mirror positions, over `band_px` on each side.

    At the seam a pixel becomes the mean of itself and its neighbour across, so that both are equal. The weight of the
    pixel beyond falls linearly from one half to 0 with the distance from the seam. A "mirror" repeat closes anyway and
    is returned unchanged. Raises `ValueError` for an unknown repeat.
    """
    _check(pixels, repeat)
    if repeat == "mirror" or band_px < 1:
        return pixels
    # Closing the level seam reopens the upright one a little where they cross, so both are closed repeatedly.
    for level in (False, True) * CLOSING_PASSES:
        pixels = _close_seam(pixels, repeat, band_px, level=level)
    return pixels


def _close_seam(pixels: NDArray[np.uint8], repeat: str, band_px: int, *, level: bool) -> NDArray[np.uint8]:
    height, width = pixels.shape[:2]
    side = height if level else width
    places = np.arange(side)
    beyond = np.where(places < side // 2, -1 - places, 2 * side - 1 - places)
    ys, xs = (beyond, np.arange(width)) if level else (np.arange(height), beyond)
    weight = np.clip(0.5 * (1 - np.minimum(places, side - 1 - places) / band_px), 0, 0.5).astype(np.float32)
    weight = weight[:, None, None] if level else weight[None, :, None]
    mixed = pixels + weight * (pixels[lay((height, width), repeat, ys, xs)].astype(np.float32) - pixels)
    closed: NDArray[np.uint8] = np.round(mixed).astype(np.uint8)
    return closed


def find_repeat(indices: NDArray[np.uint8]) -> Repeat | None:
    """Return the smallest straight repeat of indices (h, w), or None.

    A period fits at least twice into the side. One period on, at least 98 % of the knots are equal, kappa is at least
    0.9, and shorter shifts agree far less (DIFFERENCE_DROP). None for plain designs and uneven stripes. Half-drops and
    bricks are found as the two tiles that repeat straight. Raises `ValueError` for other shapes.
    """
    if indices.ndim != 2 or not indices.size:
        raise ValueError(f"indices of shape {indices.shape}; give (h, w) with at least one knot")
    shares = np.bincount(indices.ravel()) / indices.size
    allowed = min(1 - LEAST_AGREEMENT, (1 - LEAST_KAPPA) * (1 - float((shares**2).sum())))
    if allowed <= 0:
        return None
    down = _find_period(indices, allowed)
    across = _find_period(np.ascontiguousarray(indices.T), allowed)
    found = [period for period in (across, down) if period is not None]
    # Designs that are only constant in a direction (uneven stripes, a field with few distant motifs) have no repeat.
    if all(period == 1 for period, _ in found):
        return None
    height, width = indices.shape
    return Repeat(
        px_across=width if across is None else across[0],
        px_down=height if down is None else down[0],
        agreement=1 - max(difference for _, difference in found),
    )


def _find_period(lines: NDArray[np.uint8], allowed: float) -> tuple[int, float] | None:
    """Return the smallest period along the first axis and the share of knots that differ one period on, or None."""
    side, count = lines.shape
    shifts = np.arange(1, side // 2 + 1)
    if not len(shifts):
        return None
    # 1. All shifts, on a sample of lines.
    sampled = ((np.arange(min(count, SAMPLED_LINES)) + 0.5) * count / min(count, SAMPLED_LINES)).astype(int)
    sample = np.ascontiguousarray(lines[:, sampled])
    coarse = np.array([_share_differing(sample, shift) for shift in shifts])
    if coarse.max() <= allowed * SAMPLE_SLACK and _share_differing(lines, 1) <= allowed:
        difference = max(_share_differing(lines, shift) for shift in {1, max(side // 3, 1), side // 2})
        if difference <= allowed:
            return 1, difference
    # 2. Runs of shifts that agree where shorter ones did not: valleys of the difference, with a period at the bottom.
    worst = np.maximum.accumulate(coarse)
    good = (coarse <= allowed * SAMPLE_SLACK) & (coarse <= worst * DIFFERENCE_DROP * SAMPLE_SLACK)
    starts = np.flatnonzero(good & ~np.r_[False, good[:-1]])
    for start in starts[: 2 * CANDIDATES]:
        end = start + int(np.argmin(np.r_[good[start:], False]))
        # 3. The best shifts of a valley, on all lines.
        bottom = start + np.argsort(coarse[start:end], kind="stable")[:CANDIDATES]
        exact = {int(shifts[i]): _share_differing(lines, int(shifts[i])) for i in np.sort(bottom)}
        period = min(exact, key=lambda shift: exact[shift])
        if exact[period] <= min(allowed, float(worst[start]) * DIFFERENCE_DROP):
            return period, exact[period]
    return None


def _share_differing(lines: NDArray[np.uint8], shift: int) -> float:
    """Return the share of knots that differ from the knot `shift` lines on."""
    return int(np.count_nonzero(lines[shift:] != lines[:-shift])) / lines[shift:].size


def _measure_seam(pixels: NDArray[np.uint8], repeat: str, *, shifted: bool) -> tuple[float | None, bool]:
    """Return the ratio of the upright seam, and whether its edges can be one drawing (see `Seams`).

    `shifted`: the next tile lies half the height lower.
    """
    height, width = pixels.shape[:2]
    every = max(height * width // SAMPLED_STEPS, 1)
    rows = pixels[every // 2 :: every]
    lines = _measure_steps(rows[:, :-1], rows[:, 1:]) if width > 1 else np.zeros(1)
    inside = float(lines.mean(dtype=np.float64))
    if repeat == "mirror":
        return (0.0 if inside else None), True
    next_edge = np.roll(pixels[:, 0], height // 2, axis=0) if shifted else pixels[:, 0]
    seam = float(_measure_steps(pixels[:, -1:], next_edge[:, None])[0])
    if inside == 0:  # level stripes, which can break at the seam where the next tile lies half the height lower
        return None, seam == 0
    return seam / inside, seam <= SEAM_LIMIT * inside or float((lines >= seam).mean()) >= COMMON_SHARE


def _measure_steps(pixels: NDArray[np.uint8], neighbours: NDArray[np.uint8]) -> Floats:
    """Return the mean OKLab distance (w,) between the columns of pixels and of neighbours (h, w, 3)."""
    step: Floats = convert_to_oklab(pixels)
    step -= convert_to_oklab(neighbours)
    means: NDArray[np.float64] = np.sqrt((step * step).sum(axis=-1)).mean(axis=0, dtype=np.float64)
    return means


def _transpose(array: NDArray[_Scalar]) -> NDArray[_Scalar]:
    return np.swapaxes(array, 0, 1)


def _check(array: NDArray[Any], repeat: str) -> None:
    _check_repeat(repeat)
    if array.ndim < 2 or not array.size:
        raise ValueError(f"an array of shape {array.shape}; give (h, w) or (h, w, ...) with at least one knot")


def _check_repeat(repeat: str) -> None:
    if repeat not in REPEATS:
        raise ValueError(f"no repeat is called {repeat!r}; give one of {', '.join(REPEATS)}")
