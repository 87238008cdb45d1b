"""The weight at which an adapter acts best, as its evaluation has found it."""

from __future__ import annotations

from studio.jobs.trainings import Training

USUAL = 1.0


def find_best_weight(training: Training) -> tuple[float, str]:
    """Return the weight to draw with, and in a sentence where it comes from."""
    return USUAL, "It was not evaluated yet: 1 is the weight at which it was trained."
