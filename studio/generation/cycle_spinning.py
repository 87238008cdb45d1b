"""Cycle spinning: each step of a walk sees the latents from another corner, so that no patch border stays in a picture.

A transformer sees patches at numbered places and errs by them: shapes come out in steps of a patch, and a yarn is a
little lighter here than there. Seen from another corner it errs elsewhere, so that a later step mends what an earlier
one has drawn a little off, at no cost. R. R. Coifman and D. L. Donoho (Translation-Invariant De-Noising, 1995) average
over shifts of a picture; here the shifts are spread over the steps.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from torch import Tensor

from studio.generation.sampling import Step, Velocity
from studio.generation.vae import take_cells

Corner = tuple[int, int]
"""A row and a column of latents."""


def spin(velocity: Velocity, repeat: str | None, patch: int) -> Velocity:
    """Return a velocity whose model sees the latents rolled to another corner; its answer is rolled back.

    A `repeat` is rolled as the cloth that it tiles, so that no place is a seam at every step. Latents without one
    (None) are rolled as a straight repeat, at every other step only: a picture has edges, and a drawing that begins at
    its own corner is understood best there. `patch` is how many latents a side the transformer sees as one.
    """
    cloth = "straight" if repeat is None else repeat

    def spun(latents: Tensor, step: Step) -> Tensor:
        height, width = latents.shape[-2:]
        row, column = pick_corners(height, width, step.count, patch, every=repeat is not None)[step.number - 1]
        return roll(velocity(roll(latents, (row, column), cloth), step), (-row, -column), cloth)

    return spun


@lru_cache(maxsize=16)
def pick_corners(height: int, width: int, steps: int, patch: int, *, every: bool) -> tuple[Corner, ...]:
    """Return the corner of each step, the same for every run: (0, 0) first, then random ones between patch borders.

    Without `every`, each second step has the corner (0, 0) again.
    """
    rng = np.random.default_rng(0)

    def pick(side: int) -> int:
        return int(rng.integers(side // patch) * patch + rng.integers(1, patch))

    return tuple((pick(height), pick(width)) if k and (every or k % 2) else (0, 0) for k in range(steps))


def roll(latents: Tensor, corner: Corner, repeat: str = "straight") -> Tensor:
    """Return as much as latents (..., h, w) are of the endless cloth that they tile, from a corner on."""
    if corner == (0, 0):
        return latents
    height, width = latents.shape[-2:]
    return take_cells(latents, repeat, np.arange(height) + corner[0], np.arange(width) + corner[1])
