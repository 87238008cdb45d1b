"""Colours and knots without any order, for tests of yarns."""

import numpy as np


def draw_colours(count, seed=0) -> np.ndarray:
    """Colours that are all different, in no order."""
    rng = np.random.default_rng(seed)
    packed = rng.choice(1 << 24, count, replace=False)
    return np.stack([packed >> 16, packed >> 8 & 255, packed & 255], -1).astype(np.uint8)


def draw_knots(count, width=40, height=48, seed=0) -> np.ndarray:
    """Knots that have every number below count."""
    rng = np.random.default_rng(seed)
    knots = np.concatenate([np.arange(count), rng.integers(0, count, width * height - count)])
    return rng.permutation(knots).reshape(height, width).astype(np.uint8)
