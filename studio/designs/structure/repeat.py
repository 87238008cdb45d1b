"""A design as a repeat: tiled, rolled to another corner, judged at its seams, and found inside a larger one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from studio.designs.colours.colour_spaces import Floats, convert_to_oklab

REPEATS = ("straight", "half-drop", "brick", "mirror")
SEAM_LIMIT = 1.3
"""Up to this ratio a seam does not show."""
COMMON_SHARE = 0.05
"""A seam is like the drawing itself where this share of the lines inside step as far as it does: an outline that lies
on the edge of a tile. Of 273 tiles of generated cloths that close, 35 % exceed the ratio and 8 % are unlike the
drawing too; of 91 cut out at random it is 92 % and 87 %."""
READ_STEPS = 1_000_000
"""The mean step inside is taken from about so many steps; further lines would not change it visibly."""

LEAST_AGREEMENT = 0.98
LEAST_KAPPA = 0.9
DIP = 0.2
"""One period on, at most this part of the difference is left that shorter shifts make: broad plain shapes, which
agree with themselves at every small shift, repeat nothing."""
SAMPLED_LINES = 48
SAMPLE_SLACK = 3.0
"""How many times the allowed difference a sample of lines may show."""
LIKELY = 6
CLOSINGS = 3


@dataclass(frozen=True, slots=True)
class Seams:
    """How far each seam of a repeat shows: the mean colour step (OKLab) across it over the mean step inside.

    `vertical` is the upright seam, where a tile's right edge meets the next one's left; `horizontal` the level one.
    About 1 is unseen, up to 1.3 passes. None where the tile has no step inside in that direction. `meet` is whether
    the edges may be one drawing: no seam shows, or those that do step no farther than many a line of the drawing.
    """

    horizontal: float | None
    vertical: float | None
    meet: bool

    @property
    def shown(self) -> bool:
        """Whether a seam can be seen."""
        return max(self.horizontal or 0, self.vertical or 0) > SEAM_LIMIT


@dataclass(frozen=True, slots=True)
class Repeat:
    """The smallest part, in knots, that the whole design is a straight repeat of.

    A side equals the design's own where nothing repeats in that direction, and is 1 where nothing changes in it.
    `agreement` is the share of knots equal to the knot one period on, in the worse of the repeating directions.
    """

    px_across: int
    px_down: int
    agreement: float


def lay(
    shape: tuple[int, int], repeat: str, ys: NDArray[np.integer[Any]], xs: NDArray[np.integer[Any]]
) -> tuple[NDArray[np.integer[Any]], NDArray[np.integer[Any]]]:
    """Return which row and column of a tile of shape (h, w) lies at the places ys (n,) x xs (m,) of the endless cloth.

    `tile[lay(...)]` is the cloth there, (n, m, ...): rows and columns are of whole numbers, below zero too, and
    broadcast against one another. The tile itself lies at 0 to h - 1 and 0 to w - 1; for the others see `tile`.
    Raises `ValueError` for an unknown repeat or a tile of no knots.
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
        # Each second tile is read backwards: counted from its far end.
        rows, columns = (np.where(at // side % 2 == 0, at, -1 - at) for at, side in ((rows, height), (columns, width)))
    return rows % height, columns % width


def tile(array: NDArray[Any], repeat: str, across: int, down: int) -> NDArray[Any]:
    """Return an array (h, w, ...) laid out `across` x `down` times, shape (down * h, across * w, ...).

    "straight": side by side. "half-drop": each next column lies half the height lower. "brick": each next row lies
    half the width farther right. "mirror": neighbours are mirror images. Half of an odd side is rounded down: two
    columns on, a half-drop then lies one knot off. Raises `ValueError` for an unknown repeat or less than one tile.
    """
    _check(array, repeat)
    if min(across, down) < 1:
        raise ValueError(f"{across} x {down} tiles; give at least 1 x 1")
    if repeat == "brick":
        return _turn(tile(_turn(array), "half-drop", down, across))
    if repeat == "half-drop":
        half = array.shape[0] // 2
        columns = [np.concatenate([np.roll(array, i * half, axis=0)] * down, axis=0) for i in range(across)]
        return np.concatenate(columns, axis=1)
    other = array if repeat == "straight" else array[:, ::-1]
    row = np.concatenate([other if i % 2 else array for i in range(across)], axis=1)
    below = row if repeat == "straight" else row[::-1]
    return np.concatenate([below if i % 2 else row for i in range(down)], axis=0)


def roll(array: NDArray[Any], dx: int, dy: int, repeat: str = "straight") -> NDArray[Any]:
    """Return the tile (h, w, ...) seen from the knot (dx, dy) of the endless cloth: out[y, x] = cloth[y + dy, x + dx].

    The result lays out the same cloth, and rolling by (-dx, -dy) gives the tile back. Raises `ValueError` for an
    unknown repeat and for "mirror", whose smallest straight tile is `tile(array, "mirror", 2, 2)`.
    """
    _check(array, repeat)
    if repeat == "mirror":
        raise ValueError('a "mirror" repeat has no rolled tile of its own size; lay out 2 x 2 and roll that "straight"')
    height, width = array.shape[:2]
    rows, columns = lay((height, width), repeat, np.arange(height) + dy, np.arange(width) + dx)
    return array[rows, columns]


def surround(array: NDArray[Any], repeat: str, margin: int) -> NDArray[Any]:
    """Return the tile (h, w, ...) with `margin` knots of its neighbours on each side."""
    height, width = array.shape[:2]
    ys, xs = np.arange(-margin, height + margin), np.arange(-margin, width + margin)
    return array[lay((height, width), repeat, ys, xs)]


def measure_seams(pixels: NDArray[np.uint8], repeat: str = "straight") -> Seams:
    """Return how far the seams of a tile of sRGB pixels (h, w, 3) show in this repeat.

    In a "mirror" repeat equal edges meet, so both ratios are 0: that seam is never a step, though it may be seen as
    an axis. Large tiles: the steps inside are read on evenly spread lines. Raises `ValueError` for an unknown repeat.
    """
    _check(pixels, repeat)
    horizontal, level = _measure_seam(_turn(pixels), repeat, shifted=repeat == "brick")
    vertical, upright = _measure_seam(pixels, repeat, shifted=repeat == "half-drop")
    return Seams(horizontal, vertical, meet=level and upright)


def close_seams(pixels: NDArray[np.uint8], repeat: str, band_px: int) -> NDArray[np.uint8]:
    """Return pixels (h, w, 3) whose edges fade into what lies beyond them, over `band_px` on each side.

    On the seam a pixel is the mean of itself and its neighbour across, so that both are equal; away from it less and
    less of what lies as far beyond is mixed in. For "mirror", whose edges meet anyway, the pixels as they are. Raises
    `ValueError` for an unknown repeat.
    """
    _check(pixels, repeat)
    if repeat == "mirror" or band_px < 1:
        return pixels
    # The upright seam, then the level one, which opens the other a little where they cross; so both once more.
    for level in (False, True) * CLOSINGS:
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
    return np.round(mixed).astype(np.uint8)


def find_repeat(indices: NDArray[np.uint8]) -> Repeat | None:
    """Return the smallest straight repeat inside indices (h, w), None where there is none.

    A period has to fit twice; one period on, 98 % of the knots have to be equal (and kappa 0.9 has to be reached, and
    shorter shifts have to agree far less). None for plain designs and uneven stripes. Half-drops and bricks are found
    by the two tiles that repeat straight.
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
    # What only stays the same along itself (uneven stripes, or a field with few, far motifs) has no repeat to speak of.
    if all(period == 1 for period, _ in found):
        return None
    height, width = indices.shape
    return Repeat(
        px_across=width if across is None else across[0],
        px_down=height if down is None else down[0],
        agreement=1 - max(difference for _, difference in found),
    )


def _find_period(lines: NDArray[np.uint8], allowed: float) -> tuple[int, float] | None:
    """Return the smallest period along the first dimension, and the share of knots that differ one period on."""
    side, count = lines.shape
    shifts = np.arange(1, side // 2 + 1)
    if not len(shifts):
        return None
    # 1. All shifts, on a few lines.
    sampled = ((np.arange(min(count, SAMPLED_LINES)) + 0.5) * count / min(count, SAMPLED_LINES)).astype(int)
    sample = np.ascontiguousarray(lines[:, sampled])
    coarse = np.array([_differ(sample, shift) for shift in shifts])
    if coarse.max() <= allowed * SAMPLE_SLACK and _differ(lines, 1) <= allowed:
        difference = max(_differ(lines, shift) for shift in {1, max(side // 3, 1), side // 2})
        if difference <= allowed:
            return 1, difference
    # 2. Runs of shifts that agree after shorter ones did not; each is a valley with the period at its bottom.
    worst = np.maximum.accumulate(coarse)
    good = (coarse <= allowed * SAMPLE_SLACK) & (coarse <= worst * DIP * SAMPLE_SLACK)
    starts = np.flatnonzero(good & ~np.r_[False, good[:-1]])
    for start in starts[: 2 * LIKELY]:
        end = start + int(np.argmin(np.r_[good[start:], False]))
        # 3. Exactly, on all lines.
        bottom = start + np.argsort(coarse[start:end], kind="stable")[:LIKELY]
        exact = {int(shifts[i]): _differ(lines, int(shifts[i])) for i in np.sort(bottom)}
        period = min(exact, key=lambda shift: exact[shift])
        if exact[period] <= min(allowed, float(worst[start]) * DIP):
            return period, exact[period]
    return None


def _differ(lines: NDArray[np.uint8], shift: int) -> float:
    return int(np.count_nonzero(lines[shift:] != lines[:-shift])) / lines[shift:].size


def _measure_seam(pixels: NDArray[np.uint8], repeat: str, *, shifted: bool) -> tuple[float | None, bool]:
    """Return the ratio for the upright seam, and whether the edges may be one drawing.

    With `shifted`, the next tile lies half the height lower.
    """
    height, width = pixels.shape[:2]
    every = max(height * width // READ_STEPS, 1)
    rows = pixels[every // 2 :: every]
    lines = _measure_steps(rows[:, :-1], rows[:, 1:]) if width > 1 else np.zeros(1)
    inside = float(lines.mean(dtype=np.float64))
    if repeat == "mirror":
        return (0.0 if inside else None), True
    next_edge = np.roll(pixels[:, 0], height // 2, axis=0) if shifted else pixels[:, 0]
    seam = float(_measure_steps(pixels[:, -1:], next_edge[:, None])[0])
    if inside == 0:  # level stripes, which may break where the next tile lies half the height lower
        return None, seam == 0
    return seam / inside, seam <= SEAM_LIMIT * inside or float((lines >= seam).mean()) >= COMMON_SHARE


def _measure_steps(pixels: NDArray[np.uint8], neighbours: NDArray[np.uint8]) -> Floats:
    """Return the mean step (w,) of each column of pixels (h, w, 3) to its neighbours."""
    step: Floats = convert_to_oklab(pixels)
    step -= convert_to_oklab(neighbours)
    return np.sqrt((step * step).sum(axis=-1)).mean(axis=0, dtype=np.float64)


def _turn(array: NDArray[Any]) -> NDArray[Any]:
    return np.swapaxes(array, 0, 1)


def _check(array: NDArray[Any], repeat: str) -> None:
    _check_repeat(repeat)
    if array.ndim < 2 or not array.size:
        raise ValueError(f"an array of shape {array.shape}; give (h, w) or (h, w, ...) with at least one knot")


def _check_repeat(repeat: str) -> None:
    if repeat not in REPEATS:
        raise ValueError(f"no repeat is called {repeat!r}; give one of {', '.join(REPEATS)}")
