"""A picture that leads a drawing, brought into the design's own tones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from studio.recompose.levels import Colours

QUANTILES = 512


@dataclass(frozen=True, slots=True)
class Lead:
    """A picture that says what goes where.

    `picture` (h, w, 4) is as large as the target's domain, in colours (see `levels`). `pull` is its share in the
    picture in work, level by level from the coarsest.
    """

    picture: Colours
    pull: tuple[float, ...]


def match_tones(picture: Colours, design: Colours) -> Colours:
    """Return a picture (h, w, 4) whose values have the distribution of the design's (any shape, 4), channel by channel.

    The n-th lightest part becomes as light as the design's n-th lightest (histogram matching; Gonzalez and Woods,
    Digital Image Processing, 3.3.2).
    """
    matched = picture.copy()
    at = (np.arange(QUANTILES) + 0.5) / QUANTILES
    for channel in range(3):
        values = picture[..., channel].astype(np.int64)
        values -= values.min()
        counts = np.bincount(values.ravel())
        # Equal values share the middle of their ranks: a picture in a few flat tones would become too light otherwise.
        ranks = (np.cumsum(counts) - counts / 2) / values.size
        ours = np.quantile(design[..., channel].astype(np.float64), at)
        matched[..., channel] = np.rint(np.interp(ranks, at, ours)).astype(np.int16)[values]
    return matched
