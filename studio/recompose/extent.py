"""How far a drawing departs from its design, fitted by sketches: each takes some hundredths of a second."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from studio.recompose.synthesis import Lead, Sketch, Synthesis, derive_seed

FIRST_NOISE = 0.5
LEAST_NOISE, MOST_NOISE = 0.02, 4.0
FITTING_SKETCHES, SKETCHES = 6, 8
"""Sketches that fit the noise to a design, once, and those that a variation chooses from."""
NEAR = 0.12
"""A sketch whose share of changed knots is this near the wanted one, as a share of it, is near enough."""
LEAST_CHANGED, UNCHANGED = 0.25, 10.0
"""A sketch that changes less than this part of what is wanted looks like the design; the fault of such a sketch."""
GAINS = (1.0, 1.5, 0.6)
LESS_PULL = 0.6
"""The pull of a leading picture after a sketch that changed too little, as a share of the pull before."""
COUNTED_YARN = 0.005
"""Yarns of at least this share of the design must not be lost."""
YARN_RATIO = 1.3
"""A yarn's share may become this many times as large, or small, without being held against a sketch."""


class Extent:
    """Chooses sketches that change a wanted share of a design."""

    def __init__(self, synthesis: Synthesis, yarns: NDArray[np.float64], designs: NDArray[np.float64]) -> None:
        self.synthesis, self._yarns, self._designs = synthesis, yarns, designs
        self._fitted: dict[float, float] = {}

    def choose(self, changed: float, seed: int) -> Sketch:
        """Return the best of a few sketches that change about this share of the knots, the same for the same seed."""
        return self._choose(changed, seed, self._fit(changed), None)[0]

    def led(self, lead: Lead, noise: float, changed: float, seed: int) -> tuple[Sketch, Lead]:
        """Return the best of a few sketches that a picture leads, and the lead that it was drawn with.

        They change at least about this share of the knots: a picture like the design alone would bring the design back.
        So each sketch that changes less is followed by one with more noise and less pull.
        """
        sketch, used = self._choose(changed, seed, noise, lead)
        return sketch, lead if used is None else used

    def _choose(self, changed: float, seed: int, noise: float, lead: Lead | None) -> tuple[Sketch, Lead | None]:
        """Return the sketch with the least fault, and its lead. One that is not good enough sets the next one."""
        best: tuple[float, Sketch, Lead | None] | None = None
        for attempt in range(SKETCHES):
            gain = GAINS[attempt % len(GAINS)]
            sketch = self.synthesis.sketch(derive_seed(seed, attempt), noise, gain, lead)
            fault = self._fault(sketch, changed) if lead is None else self._led_fault(sketch, changed)
            if best is None or fault < best[0]:
                best = fault, sketch, lead
            if fault == 0:
                break
            if lead is None or sketch.changed < changed:
                noise = _follow(noise, sketch.changed, changed)
                lead = None if lead is None else _loosen(lead)
        assert best is not None
        return best[1], best[2]

    def _fit(self, changed: float) -> float:
        """Return the noise that changes this share of the design on the whole."""
        if changed not in self._fitted:
            noise = FIRST_NOISE
            for attempt in range(FITTING_SKETCHES):
                noise = _follow(noise, self.synthesis.sketch(derive_seed(attempt), noise).changed, changed)
            self._fitted[changed] = noise
        return self._fitted[changed]

    def _fault(self, sketch: Sketch, changed: float) -> float:
        """Return how far a sketch is from what is wanted; 0 is good enough."""
        fault = max(abs(sketch.changed / changed - 1) - NEAR, 0.0) + self._unbalance(sketch)
        return fault + UNCHANGED if sketch.changed < LEAST_CHANGED * changed else fault

    def _led_fault(self, sketch: Sketch, changed: float) -> float:
        """Return how far a sketch that a picture leads is from what is wanted; it may change more than that."""
        return max(1 - sketch.changed / changed - NEAR, 0.0) + self._unbalance(sketch)

    def _unbalance(self, sketch: Sketch) -> float:
        """Return how far the shares of yarns and designs are out of balance; 0 where all are within bounds."""
        shares, wanted = np.r_[sketch.yarns, sketch.designs], np.r_[self._yarns, self._designs]
        counted = wanted >= COUNTED_YARN
        ratios = np.abs(np.log((shares[counted] + 1e-4) / (wanted[counted] + 1e-4)))
        return float(np.maximum(ratios - np.log(YARN_RATIO), 0).sum())


def _loosen(lead: Lead) -> Lead:
    """Return a lead with less pull at all levels but the first."""
    return replace(lead, pull=(*lead.pull[:1], *(LESS_PULL * pull for pull in lead.pull[1:])))


def _follow(noise: float, changed: float, wanted: float) -> float:
    """Return a noise that should bring the changed share nearer to the wanted one."""
    step = ((wanted + 0.01) / (changed + 0.01)) ** 0.5
    return float(np.clip(noise * np.clip(step, 0.6, 1.6), LEAST_NOISE, MOST_NOISE))
