"""Cycle spinning: the latents are shifted differently at each step, so that no patch border shows in the picture.

A transformer's errors follow its grid of patches: shapes end at patch borders, and the lightness of a yarn varies from
place to place. With shifted latents the errors fall elsewhere, so that a later step corrects those of an earlier one
at no cost. R. R. Coifman and D. L. Donoho (Translation-Invariant De-Noising, 1995) average over shifts of a picture;
here the shifts are spread over the steps.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
from torch import Tensor

from studio.generation.sampling import Corner, Step, Velocity
from studio.generation.vae import take_cells


def spin(velocity: Velocity, repeat: str | None, patch: int) -> Velocity:
    """Return a velocity that is computed on shifted latents and shifted back.

    The latents of a `repeat` are shifted on the cloth that they tile, so that no place is a seam at every step. Without
    a repeat (None) they wrap round as a straight repeat, and only at every other step: a picture has edges, and the
    model predicts best with them in place. `patch` is the side of the transformer's patches in latent cells.
    """
    cloth = "straight" if repeat is None else repeat

    def spun(latents: Tensor, step: Step) -> Tensor:
        height, width = latents.shape[-2:]
        corner = pick_corners(height, width, step.count, patch, every=repeat is not None)[step.number - 1]
        shifted = velocity(roll(latents, corner, cloth), replace(step, corner=corner))
        return roll(shifted, (-corner[0], -corner[1]), cloth)

    return spun


@lru_cache(maxsize=16)
def pick_corners(height: int, width: int, steps: int, patch: int, *, every: bool) -> tuple[Corner, ...]:
    """Return the corner of each step, the same for every run: (0, 0) first, then random ones off the patch borders.

    Without `every`, every other step has the corner (0, 0).
    """
    rng = np.random.default_rng(0)

    def pick(side: int) -> int:
        return int(rng.integers(side // patch) * patch + rng.integers(1, patch))

    return tuple((pick(height), pick(width)) if k and (every or k % 2) else (0, 0) for k in range(steps))


def roll(latents: Tensor, corner: Corner, repeat: str = "straight") -> Tensor:
    """Return latents (..., h, w) shifted on the endless cloth that they tile, so that they begin at a corner."""
    if corner == (0, 0):
        return latents
    height, width = latents.shape[-2:]
    return take_cells(latents, repeat, np.arange(height) + corner[0], np.arange(width) + corner[1])
