"""Prices that keep a drawing in balance: no patch is used too often, no yarn is lost, plain ground does not win."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from studio.recompose import kernels
from studio.recompose.contents import Contents, Floats
from studio.recompose.levels import Level
from studio.recompose.plates import Field

EVENNESS = 0.006
"""What each use of a patch adds to its price, in squared OKLab (Kaspar et al., Self tuning texture optimization, EG
2015)."""
MOST_USES = 8
"""More uses than this cost no more."""
STEP, MEMORY = 0.5, 0.9
"""How much of a share's error is added to its pressure at each look, and how much of the pressure lasts to the next."""
GAIN, MOST_GAIN = 0.2, 0.3
"""The price of a yarn that is used too much, and the largest spread of prices, in units of the design's contrast."""
MOST_GAIN_OF_YARN = 0.06
"""The largest spread for each yarn that counts, where this is more: many yarns would share too little of it."""
SLACK = 0.002
"""Shares below this count for little: a yarn of a few knots need not be kept to the knot."""


@dataclass(slots=True)
class Balance:
    """The running prices of one sketch.

    `yarns` (k,) and `designs` (n,) are the shares to reach. `gain` is how hard they are kept. `pressure` (k + n,) grows
    while a share is too large.
    """

    yarns: Floats
    designs: Floats
    gain: float
    pressure: Floats

    def price(self, field: Field, contents: Contents, contrast: float) -> Floats:
        """Return the price of each source patch (rows, stride), 0 and more, after one more look at a field.

        `contrast` is the mean squared difference of patches one knot apart (`measure_contrast`). The yarns that count
        are as many as would be mixed as evenly in equal shares: 1 over the sum of squared shares (Simpson, Measurement
        of diversity, Nature 1949).
        """
        shares, wanted = np.concatenate(contents.count(field)), np.concatenate([self.yarns, self.designs])
        self.pressure = MEMORY * (self.pressure + STEP * np.log((shares + SLACK) / (wanted + SLACK)))
        each = self.pressure / (wanted + 0.01) * (GAIN * self.gain * contrast)
        price = contents.price(each[: len(self.yarns)], each[len(self.yarns) :])
        most = max(MOST_GAIN, MOST_GAIN_OF_YARN / float((self.yarns**2).sum())) * self.gain * contrast
        price *= min(1.0, most / max(float(price.std()), 1e-9))
        price = price.clip(-3 * most, 3 * most)
        return np.asarray(price - price.min(), np.float64)


def price_of_uses(level: Level, field: Field, unit: float) -> NDArray[np.int32]:
    """Return the price (rows, stride) of each source patch for the times that a field uses it already."""
    uses = np.zeros(level.plates.labels.shape, np.int32)
    kernels.count_uses(field, uses)
    return np.minimum(uses, MOST_USES) * np.int32(round(EVENNESS * unit))


def measure_contrast(level: Level) -> float:
    """Return the mean squared difference of patches one knot apart at a level of colours."""
    picture = level.plates.picture[..., :3].astype(np.float64)
    steps = (np.diff(picture, axis=0) ** 2).sum(axis=-1)
    inside = (level.plates.labels[:-1] > 0) & (level.plates.labels[1:] > 0)
    return float(steps[inside].mean()) * kernels.PATCH**2 if inside.any() else 0.0
