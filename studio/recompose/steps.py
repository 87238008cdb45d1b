"""Each step of a drawing over one level: a compiled loop over bands of rows, side by side on all processors."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from studio.recompose import kernels
from studio.recompose.kernels import PATCH
from studio.recompose.levels import Colours, Knots, Level
from studio.recompose.plates import Field, Matches, Prices, Target, Walk
from studio.recompose.regions import ON_LEVEL_AXIS, ON_UPRIGHT_AXIS

_Result = TypeVar("_Result")

BAND_ROWS = 24
"""Rows done as one piece of work. Results depend on it, and not on the number of threads."""

CONFIDENCE = 2
"""In the vote a patch with this many unequal knots counts half as much as one without."""

_pool = ThreadPoolExecutor(max_workers=os.cpu_count() or 1, thread_name_prefix="recompose")

Check = Callable[[], None]
"""Called after each band of rows; raises to stop."""


def in_bands(height: int, work: Callable[[int, int], _Result], check: Callable[[], None]) -> list[_Result]:
    """Return what `work(top, bottom)` returns for each band of the rows 0 to `height`.

    `check` is called after each band and may raise to stop; bands that have not begun are then left out.
    """
    futures = [_pool.submit(work, top, min(top + BAND_ROWS, height)) for top in range(0, height, BAND_ROWS)]
    try:
        results = []
        for future in futures:
            results.append(future.result())
            check()
        return results
    finally:
        for future in futures:
            future.cancel()
        for future in futures:
            if not future.cancelled():
                future.exception()  # no band may still write when the caller goes on


def _weigh_patch() -> NDArray[np.int64]:
    """Return the weight of each knot of a patch in means and votes: a bell round its middle."""
    at = np.arange(PATCH) - (PATCH - 1) / 2
    bell = np.exp(-(at**2) / (2 * 4.0**2))
    weights: NDArray[np.int64] = np.rint(np.outer(bell, bell) * 256).astype(np.int64)
    return weights


WEIGHTS = _weigh_patch()


def scatter(level: Level, rng: np.random.Generator) -> Field:
    """Return random patches of the first plate. Kept ones are the design's own, those on an axis stay on it."""
    rows, columns = level.plates.table[0, 4:6]
    shape = level.labels.shape
    ys, xs = rng.integers(0, rows, shape), rng.integers(0, columns, shape)
    own_y, own_x = np.indices(shape)
    ys = np.where(np.isin(level.labels, (0, ON_LEVEL_AXIS)), own_y, ys)
    xs = np.where(np.isin(level.labels, (0, ON_UPRIGHT_AXIS)), own_x, xs)
    return np.asarray(ys * level.plates.picture.shape[1] + xs, np.int32)


def place_own(level: Level) -> Field:
    """Return the field that puts each patch of the design at its own place."""
    rows, columns = level.plates.table[0, 4:6]
    ys, xs = (
        np.minimum(at, last - 1) for at, last in zip(np.indices(level.labels.shape), (rows, columns), strict=True)
    )
    return np.asarray(ys * level.plates.picture.shape[1] + xs, np.int32)


def enlarge(field: Field, old: Level, new: Level, check: Check) -> Field:
    """Return the field of a level from that of the level before."""
    out = np.empty(new.labels.shape, np.int32)
    old_grid, grid = old.grid, new.grid

    def work(top: int, bottom: int) -> None:
        kernels.enlarge_field(field, old_grid, grid, out, top=top, bottom=bottom)

    in_bands(len(out), work, check)
    return out


def search(level: Level, matches: Matches, picture: NDArray[Any], prices: Prices, walk: Walk, *, check: Check) -> None:
    """Improve `matches.field` and `matches.cost` in place by one pass over a picture with what lies beside it."""
    target = Target(picture, level.labels, level.origin)

    def work(top: int, bottom: int) -> None:
        kernels.search(target, level.plates, matches, prices, walk, top=top, bottom=bottom)

    in_bands(len(matches.field), work, check)


def average(level: Level, field: Field, check: Check) -> Colours:
    """Return the picture (h, w, 4) that a field makes at a level of colours."""
    shown = np.zeros((*level.size, 4), np.int16)

    def work(top: int, bottom: int) -> None:
        kernels.mean_of_patches(level.plates.picture, field, WEIGHTS, level.origin, shown, top=top, bottom=bottom)

    in_bands(level.size[0], work, check)
    return shown


def vote(level: Level, field: Field, cost: NDArray[np.int32], check: Check) -> Knots:
    """Return the knots (h, w) that the patches of a field vote for at the level of knots."""
    knots = np.zeros(level.size, np.uint8)

    def work(top: int, bottom: int) -> None:
        kernels.vote_of_patches(
            *(level.plates, field, cost, level.inside, knots),
            origin=level.origin,
            weights=WEIGHTS,
            softness=CONFIDENCE,
            votes=np.zeros(256, np.int64),
            top=top,
            bottom=bottom,
        )

    in_bands(level.size[0], work, check)
    return knots


def copy(level: Level, field: Field, check: Check) -> Knots:
    """Return the knots (h, w) that a field makes where patches are copied as they are."""
    knots = np.zeros(level.size, np.uint8)

    def work(top: int, bottom: int) -> None:
        kernels.copy_knots(level.plates, field, level.origin, knots, top=top, bottom=bottom)

    in_bands(level.size[0], work, check)
    return knots
