"""From which corner of the cloth a model looks at each step, so that nothing of its grid is left in a picture."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from studio.codec import look


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
        self.begin()

    def begin(self) -> None:
        """Begin a batch, whose first step looks from the design's own corner; each batch turns as the last one did."""
        self._steps_done = 0
        self._corner = (0, 0)
        self._corners = np.random.default_rng(0)

    def turn_back(self, latents: Tensor) -> Tensor:
        """Return latents of a step as they are seen from the design's own corner."""
        return self._look(latents, (-self._corner[0], -self._corner[1]))

    def turn(self, latents: Tensor) -> Tensor:
        """Return latents, seen from the design's own corner, as the step to come shall see them."""
        self._steps_done += 1
        self._corner = (0, 0)
        if not self._returns or self._steps_done % 2:
            height, width = latents.shape[-2:]
            self._corner = (self._draw(height), self._draw(width))
        return self._look(latents, self._corner)

    def _draw(self, length: int) -> int:
        """Return a place on a side of so many latents, between the borders of its patches."""
        return int(self._corners.integers(length // self._patch) * self._patch + self._corners.integers(1, self._patch))

    def _look(self, latents: Tensor, corner: tuple[int, int]) -> Tensor:
        if corner == (0, 0):
            return latents
        height, width = latents.shape[-2:]
        return look(latents, self._repeat, np.arange(height) + corner[0], np.arange(width) + corner[1])
