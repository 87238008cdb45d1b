"""How much more noise a coarse design is given, so that a strength changes each about as much."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from studio.evaluation.structure import measure_detail

FINE_DETAIL = 1.03
"""Detail from which on a design gets no more noise than its strength says."""
MOST_SHIFT = 1.8
"""Beyond it broad shapes come out in steps of a patch."""


def choose_shift(pixels: NDArray[np.uint8]) -> float:
    """Return the scheduler's shift, from 1 to `MOST_SHIFT`, for a design (h, w, 3) at the size it is drawn at.

    Noise hides large shapes last: at one strength five variations of a broad kilim were nearly alike, where those of
    a fine garden had fallen into pieces. A drawing twice as large has half the detail, and hides as much behind a shift
    of 2 (P. Esser et al., Scaling Rectified Flow Transformers, 2024, section 5.3.2: sigma = shift s / (1 + (shift - 1)
    s), with the root of the ratio of pixels for a shift). How large a sheet is does not count: a dense design is as
    fragile on a large one.
    """
    detail = measure_detail(pixels)
    if detail is None:
        return 1.0
    return float(np.clip(FINE_DETAIL / detail, 1.0, MOST_SHIFT))
