"""The weight at which an adapter acts best, as its evaluation has found it."""

from __future__ import annotations

import functools
from pathlib import Path

from studio.adapter_evaluation.results import AdapterEvaluation, read_evaluation
from studio.errors import StudioError
from studio.jobs.trainings import Training
from studio.ui.shared.trained_adapter import stamp

USUAL = 1.0


def find_evaluation(training: Training) -> AdapterEvaluation | str | None:
    """Return the evaluation of a training's adapter, a sentence on why it cannot be read, None where there is none."""
    file = training.folder.root / "evaluation.json"
    return _read(file, stamp(file))


def find_best_weight(training: Training) -> tuple[float, str]:
    """Return the weight to draw with, and in a sentence where it comes from."""
    found = find_evaluation(training)
    if found is None:
        return USUAL, "It was not evaluated yet: 1 is the weight at which it was trained."
    if isinstance(found, str):
        return USUAL, found
    if found.best.weight is None:
        return USUAL, f"{found.best.reason} 1 is the weight at which it was trained."
    return found.best.weight, found.best.reason


@functools.lru_cache(maxsize=16)
def _read(file: Path, _stamp: int) -> AdapterEvaluation | str | None:
    try:
        return read_evaluation(file)
    except StudioError as error:
        return str(error)
