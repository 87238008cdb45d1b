"""Crops of carpets for the VAE's trainings."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from studio.training.pixels import to_tensor
from studio.training.stream import cut_crop, draw_sheet

AT_FIRST = 48
"""Designs that the first batches are cut from."""


class CropStream:
    """Square crops of designs, batch after batch, each batch a pure function of its number.

    Drawing a design takes as long as learning from several crops. So a batch is cut from the newest `designs`, each
    time elsewhere; `crops_each` is how many are cut of one before newer ones have taken its place, on average. Kept in
    memory, drawn again when missing: a resumed training meets the same crops.
    """

    def __init__(self, batch: int, side_px: int, *, crops_each: float, designs: int) -> None:
        self.batch = batch
        self.side_px = side_px
        self.crops_each = crops_each
        self.designs = designs
        self._kept: dict[int, NDArray[np.uint8]] = {}

    def draw(self, number: int) -> Tensor:
        """Return the crops (b, 3, side, side), -1..1, of a batch."""
        newest = min(AT_FIRST, self.designs) + int(number * self.batch / self.crops_each)
        oldest = max(0, newest - self.designs)
        for old in [old for old in self._kept if old < oldest]:
            del self._kept[old]
        rng = np.random.default_rng([number, 12])
        sheets = [self._keep(int(design)) for design in rng.integers(oldest, newest, self.batch)]
        return to_tensor(np.stack([cut_crop(sheet, self.side_px, rng) for sheet in sheets]))

    def _keep(self, design: int) -> NDArray[np.uint8]:
        if design not in self._kept:
            self._kept[design] = draw_sheet(design)
        return self._kept[design]
