"""The ladder of weights: figures of the variations at each weight, their differences to the base, and the best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from studio.adapter_evaluation.archive_view import ArchiveView, DesignFigures
from studio.adapter_evaluation.held_out import Family
from studio.adapter_evaluation.results import BASE, FIGURES, BestWeight, LadderStep, LossStep
from studio.evaluation.archive_distance import Compared, compare, measure_distance, measure_distance_difference
from studio.evaluation.intervals import (
    LEAST_DESIGNS,
    LEVEL,
    Counts,
    Estimate,
    estimate,
    estimate_difference,
    estimate_mean,
)
from studio.evaluation.patches import KINDS

Drawn = Mapping[float, Sequence[DesignFigures]]
"""The figures of the designs at each weight, of the same designs in the same order."""

RULE = (
    "Of the weights above 0 whose variations are nearer to the archive than the base's (the whole interval of the "
    "difference below 0, at 95 % for all weights together), the lowest that is not surely farther from it than the "
    "nearest one."
)


class Ladder:
    """The variations of several weights against one archive."""

    def __init__(self, view: ArchiveView, families: Sequence[Family], drawn: Drawn) -> None:
        """`families` are the source designs, as in each sequence of `drawn`."""
        self._drawn = drawn
        own = [view.find_own(family) for family in families]
        self._compared: dict[float, dict[str, Compared]] = {
            weight: {kind: compare(view.archives[kind], [one.features[kind] for one in designs], own) for kind in KINDS}
            for weight, designs in drawn.items()
            if designs
        }

    def list_steps(self, pictures: int) -> tuple[LadderStep, ...]:
        """Return the figures of each weight, the base first; `pictures` is how many were drawn at each."""
        weights = sorted(self._compared)
        return tuple(
            LadderStep(one, pictures, self._measure(one), {} if one == BASE else self.compare(one, BASE))
            for one in weights
        )

    def compare(self, one: float, other: float, level: float = LEVEL) -> dict[str, Estimate]:
        """Return the figures at one weight less those at another, design by design; empty without the other."""
        if one not in self._compared or other not in self._compared:
            return {}
        first, second = self._compared[one], self._compared[other]
        found = {kind: measure_distance_difference(first[kind], second[kind], level=level) for kind in KINDS}
        found["archive"] = self.compare_archive(one, other, level)
        for name in self._names():
            found[name] = estimate_difference(self._values(one, name), self._values(other, name), level=level)
        return _sort_known(found)

    def compare_archive(self, one: float, other: float, level: float = LEVEL) -> Estimate | None:
        """Return the distance to the archive at one weight less that at another."""
        first, second = list(self._compared[one].values()), list(self._compared[other].values())
        count = len(first[0].to_archive)

        def difference(counts: Counts) -> float:
            return _measure_all(first, counts) - _measure_all(second, counts)

        return estimate(difference, count, level=level) if count > 1 else None

    def _measure(self, weight: float) -> dict[str, Estimate]:
        compared = self._compared[weight]
        found = {kind: measure_distance(compared[kind]) for kind in KINDS}
        every = list(compared.values())
        count = len(every[0].to_archive)
        found["archive"] = estimate(lambda counts: _measure_all(every, counts), count) if count > 1 else None
        for name in self._names():
            found[name] = estimate_mean(self._values(weight, name))
        return _sort_known(found)

    def _names(self) -> list[str]:
        return list(next(iter(self._drawn[weight] for weight in self._compared))[0].values)

    def _values(self, weight: float, name: str) -> list[float | None]:
        return [one.values.get(name) for one in self._drawn[weight]]


def choose_weight(ladder: Ladder | None, steps: Sequence[LadderStep]) -> BestWeight:
    """Return the best weight by `RULE`, None where no weight is better than the base."""
    tried = [step.weight for step in steps if step.weight != BASE and "archive" in step.figures]
    if ladder is None or not tried or len(tried) == len(steps):
        return _name_none("No variations were drawn at two weights, so no weight can be named.")
    designs = steps[0].figures["archive"].count
    if designs < LEAST_DESIGNS:
        return _name_none(
            f"{designs} designs are too few to name a weight: evaluate on at least {LEAST_DESIGNS} held-out designs."
        )
    level = 1 - (1 - LEVEL) / len(tried)
    gains = {weight: ladder.compare_archive(weight, BASE, level) for weight in tried}
    better = {weight: gain for weight, gain in gains.items() if gain is not None and gain.below_zero}
    if not better:
        return _name_none("No weight is better than the base: at none are the variations surely nearer to the archive.")
    nearest = min(better, key=lambda weight: better[weight].value)
    for best in sorted(better):
        farther = ladder.compare_archive(best, nearest)
        if best == nearest or farther is None or not farther.above_zero:
            break
    gain = better[best]
    reason = f"At {best:g} the distance to the archive changes by {show_estimate(gain)}."
    if best != nearest:
        reason += f" At {nearest:g} it is lower, but not surely."
    return BestWeight(best, reason, gain, RULE)


def show_estimate(found: Estimate) -> str:
    """Return a figure with its interval as text."""
    if found.low is None or found.high is None:
        return f"{found.value:.3f}"
    return f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"


def summarise_losses(losses: Mapping[float, Sequence[Sequence[float]]], names: Sequence[str]) -> tuple[LossStep, ...]:
    """Return the held-out loss at each weight, the base first, from those of each design at each noise level.

    `losses` has (designs, levels) for each weight, of the same designs; `names` are those of the levels.
    """
    steps = []
    means = {weight: [float(np.mean(row)) for row in rows] for weight, rows in losses.items() if len(rows)}
    for weight in sorted(means):
        mean = estimate_mean(means[weight])
        levels = {name: estimate_mean([row[at] for row in losses[weight]]) for at, name in enumerate(names)}
        difference = None if weight == BASE or BASE not in means else estimate_difference(means[weight], means[BASE])
        if mean is not None:
            steps.append(
                LossStep(weight, mean, difference, {name: one for name, one in levels.items() if one is not None})
            )
    return tuple(steps)


def _name_none(reason: str) -> BestWeight:
    return BestWeight(None, reason, None, RULE)


def _measure_all(compared: Sequence[Compared], counts: Counts) -> float:
    """Return the mean of the distances in all kinds of patches."""
    return float(np.mean([one.measure(counts) for one in compared]))


def _sort_known(found: Mapping[str, Estimate | None]) -> dict[str, Estimate]:
    return {name: one for name in FIGURES if (one := found.get(name)) is not None}
