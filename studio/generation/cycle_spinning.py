"""From which corner of the cloth a model looks at each step, so that nothing of its grid is left in a picture."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from studio.generation.codec import look

Corner = tuple[int, int]
"""A row and a column of latents."""


class Turning:
    """Shows a model the latents (b, c, h, w) from another corner of an endless cloth.

    A transformer sees patches at numbered places, and errs by them: shapes come out in steps of a patch, and a yarn is
    a little lighter here than there. Seen from elsewhere it errs elsewhere, and what one step has drawn a little off
    the next one mends, at no cost (after R. R. Coifman and D. L. Donoho, Translation-Invariant De-Noising, 1995, who
    average over shifts of a picture what is here spread over the steps). Of a `repeat` no place is a seam at every
    step. A sheet without one is turned as if it were a straight repeat, and comes back to its own corner at every
    other step: it has edges, and a drawing that begins at its corner is best understood there.
    """

    def __init__(self, repeat: str | None, patch: int) -> None:
        """`patch` is how many latents a side the transformer sees as one: a corner lies on none of its own borders."""
        self._repeat, self._returns = "straight" if repeat is None else repeat, repeat is None
        self._patch = patch

    def begin(self, steps: int) -> None:
        """Begin a walk of so many steps, the first from the design's own corner; each walk turns as the last one did.

        Of latents that are to be walked, `turn_back` undoes what `turn` did before the step, and `turn` follows.
        """
        self._steps, self._steps_done = steps, 0
        self._corner: Corner = (0, 0)
        self._corners = np.random.default_rng(0)

    def turn_back(self, latents: Tensor) -> Tensor:
        """Return latents of a step as they are seen from the design's own corner."""
        return look_from(latents, (-self._corner[0], -self._corner[1]), self._repeat)

    def turn(self, latents: Tensor) -> Tensor:
        """Return latents, seen from the design's own corner, as the step to come shall see them.

        After the last step, as they are.
        """
        self._steps_done += 1
        self._corner = (0, 0)
        if self._steps_done < self._steps and (not self._returns or self._steps_done % 2):
            self._corner = _draw_corner(self._corners, latents, self._patch)
        return look_from(latents, self._corner, self._repeat)


def _draw_corner(rng: np.random.Generator, latents: Tensor, patch: int) -> Corner:
    """Return a place on latents (..., h, w), in rows and in columns between the borders of their patches."""
    row, column = (int(rng.integers(side // patch) * patch + rng.integers(1, patch)) for side in latents.shape[-2:])
    return row, column


def look_from(latents: Tensor, corner: Corner, repeat: str = "straight") -> Tensor:
    """Return as much as latents (..., h, w) are of their endless cloths, from a corner on."""
    if corner == (0, 0):
        return latents
    height, width = latents.shape[-2:]
    return look(latents, repeat, np.arange(height) + corner[0], np.arange(width) + corner[1])
