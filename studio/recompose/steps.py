"""Each step of a drawing over one level: a compiled loop over bands of rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from studio.recompose import kernels
from studio.recompose.bands import in_bands
from studio.recompose.kernels import PATCH
from studio.recompose.levels import Colours, Knots, Level
from studio.recompose.plates import Field, Matches, Prices, Target, Walk

CONFIDENCE = 2
"""In the vote a patch with this many unequal knots counts half as much as one without."""

Check = Callable[[], None]
"""Called after each band of rows; raises to stop."""


def _weigh_patch() -> NDArray[np.int64]:
    """Return the weight of each knot of a patch in means and votes: a bell round its middle."""
    at = np.arange(PATCH) - (PATCH - 1) / 2
    bell = np.exp(-(at**2) / (2 * 4.0**2))
    weights: NDArray[np.int64] = np.rint(np.outer(bell, bell) * 256).astype(np.int64)
    return weights


WEIGHTS = _weigh_patch()


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
