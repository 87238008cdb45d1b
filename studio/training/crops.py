"""Square crops of carpets, the training data of the VAE and its decoder."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from studio.training.examples import cut_crop, draw_crop_source
from studio.training.pixels import to_tensor

INITIAL_DESIGNS = 48
"""Designs from which the first batch is cut."""


class CropStream:
    """Batches of square crops; each batch is a pure function of its number.

    Drawing a design takes as long as learning from several crops. So crops are cut at random from a window of the
    newest `designs`; each design gives `crops_each` crops on average before it leaves the window. Designs are cached
    and drawn again when missing, so that a resumed training sees the same crops.
    """

    def __init__(self, batch: int, side_px: int, *, crops_each: float, designs: int) -> None:
        self.batch = batch
        self.side_px = side_px
        self.crops_each = crops_each
        self.designs = designs
        self._cache: dict[int, NDArray[np.uint8]] = {}

    def draw(self, number: int) -> Tensor:
        """Return batch `number` of crops (b, 3, side, side), -1..1."""
        newest = min(INITIAL_DESIGNS, self.designs) + int(number * self.batch / self.crops_each)
        oldest = max(0, newest - self.designs)
        for old in [old for old in self._cache if old < oldest]:
            del self._cache[old]
        rng = np.random.default_rng([number, 12])
        designs = [self._draw_design(int(design)) for design in rng.integers(oldest, newest, self.batch)]
        return to_tensor(np.stack([cut_crop(pixels, self.side_px, rng) for pixels in designs]))

    def _draw_design(self, design: int) -> NDArray[np.uint8]:
        if design not in self._cache:
            self._cache[design] = draw_crop_source(design)
        return self._cache[design]
