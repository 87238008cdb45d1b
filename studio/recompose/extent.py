"""How far a drawing departs from its design, fitted by sketches: each takes some hundredths of a second."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from studio.designs.index_map import find_counted
from studio.recompose.synthesis import Lead, Sketch, Synthesis, derive_seed

FIRST_NOISE = 0.5
LEAST_NOISE, MOST_NOISE = 0.02, 4.0
FITTING_SKETCHES = 6
"""Sketches that fit the noise to a design, once for each wanted share."""
SKETCHES = 12
"""A variation is chosen from at most this many sketches. One that seems near enough is looked at more closely
(`Synthesis.foretell`), and the next ones aim as much higher or lower as it was off."""
NEAR, NEAR_ENOUGH, SLACK = 0.18, 0.25, 0.01
"""A sketch whose share of changed knots is this near the wanted one, as a share of it, is near enough; and how near
it must still be when looked at more closely. Of a small share this much of all knots more."""
LEAST_CHANGED, UNCHANGED = 0.25, 10.0
"""A sketch that changes less than this part of what is wanted looks like the design; the fault of such a sketch."""
GAINS = (1.0, 1.5, 0.6)
LESS_PULL = 0.6
"""The pull of a leading picture after a sketch that changed too little, as a share of the pull before."""
YARN_RATIO, MANY_YARNS_RATIO, MANY_YARNS = 1.3, 1.6, 24
"""A yarn's share may become this many times as large, or small, without being held against a sketch; the second number
where the design has more yarns than the third. By chance alone one of 100 near shades goes further astray than one of
ten colours, and sketches would be drawn in vain to the last one."""


@dataclass(frozen=True, slots=True)
class Fit:
    """The noise that changes a share of a design, in OKLab, and how much of what its sketches change is kept."""

    noise: float
    kept: float


@dataclass(frozen=True, slots=True)
class _Chosen:
    fault: float
    sketch: Sketch
    lead: Lead | None


class Extent:
    """Chooses sketches that change a wanted share of a design."""

    def __init__(self, synthesis: Synthesis, yarns: NDArray[np.float64], designs: NDArray[np.float64]) -> None:
        self.synthesis, self._yarns, self._designs = synthesis, yarns, designs
        self._fitted: dict[float, Fit] = {}

    def choose(self, changed: float, seed: int, fit: Fit) -> Sketch:
        """Return the best of a few sketches that change about this share of the knots, the same for the same seed."""
        return self._choose(changed, seed, fit, None).sketch

    def led(self, lead: Lead, noise: float, changed: float, seed: int) -> tuple[Sketch, Lead]:
        """Return the best of a few sketches that a picture leads, and the lead that it was drawn with.

        They change at least about this share of the knots: a picture like the design alone would bring the design back.
        So each sketch that changes less is followed by one with more noise and less pull.
        """
        chosen = self._choose(changed, seed, Fit(noise, 1.0), lead)
        assert chosen.lead is not None
        return chosen.sketch, chosen.lead

    def fit(self, changed: float) -> Fit:
        """Return the noise that changes this share of the knots on the whole."""
        if changed not in self._fitted:
            noise, kept = FIRST_NOISE, 1.0
            for attempt in range(FITTING_SKETCHES):
                sketch = self.synthesis.sketch(derive_seed(attempt), noise)
                noise = _follow(noise, sketch.changed * kept, changed)
                if attempt == FITTING_SKETCHES // 2:
                    kept = _compare(self.synthesis.foretell(sketch), sketch.changed)
            self._fitted[changed] = Fit(noise, kept)
        return self._fitted[changed]

    def _choose(self, changed: float, seed: int, fit: Fit, lead: Lead | None) -> _Chosen:
        """Return the sketch with the least fault, and its lead. One that is not good enough sets the next one."""
        noise, kept = fit.noise, fit.kept
        best: _Chosen | None = None
        for attempt in range(SKETCHES):
            sketch = self.synthesis.sketch(derive_seed(seed, attempt), noise, GAINS[attempt % len(GAINS)], lead)
            expected = sketch.changed * kept
            fault = self._fault(sketch, expected, changed, NEAR, lead)
            if fault == 0:
                expected = self.synthesis.foretell(sketch, lead)
                kept = (kept + _compare(expected, sketch.changed)) / 2
                fault = self._fault(sketch, expected, changed, NEAR_ENOUGH, lead)
            if best is None or fault < best.fault:
                best = _Chosen(fault, sketch, lead)
            if fault == 0:
                break
            if expected < changed or (lead is None and not self._crossed):
                noise = _follow(noise, expected, changed)
                lead = None if lead is None else _loosen(lead)
        assert best is not None
        return best

    def _fault(self, sketch: Sketch, expected: float, wanted: float, near: float, lead: Lead | None) -> float:
        """Return how far a sketch is from what is wanted; 0 is good enough. A led or crossed one may change more.

        `expected` and `wanted` are shares of changed knots, and `near` how far they may be apart.
        """
        off = wanted - expected if lead is not None or self._crossed else abs(expected - wanted)
        fault = max((off - SLACK) / wanted - near, 0.0) + self._unbalance(sketch)
        return fault + UNCHANGED if expected < LEAST_CHANGED * wanted else fault

    @property
    def _crossed(self) -> bool:
        return len(self._designs) > 1

    def _unbalance(self, sketch: Sketch) -> float:
        """Return how far the shares of yarns and designs are out of balance; 0 where all are within bounds."""
        shares, wanted = np.r_[sketch.yarns, sketch.designs], np.r_[self._yarns, self._designs]
        counted = find_counted(wanted)
        ratios = np.abs(np.log((shares[counted] + 1e-4) / (wanted[counted] + 1e-4)))
        allowed = YARN_RATIO if counted.sum() <= MANY_YARNS else MANY_YARNS_RATIO
        return float(np.maximum(ratios - np.log(allowed), 0).sum())


def _loosen(lead: Lead) -> Lead:
    """Return a lead with less pull at all levels but the first."""
    return replace(lead, pull=(*lead.pull[:1], *(LESS_PULL * pull for pull in lead.pull[1:])))


def _compare(foretold: float, copied: float) -> float:
    """Return how much of what a sketch changes is kept when it is drawn."""
    return float(np.clip((foretold + 0.01) / (copied + 0.01), 0.3, 1.5))


def _follow(noise: float, changed: float, wanted: float) -> float:
    """Return a noise that should bring the changed share nearer to the wanted one."""
    step = ((wanted + 0.01) / (changed + 0.01)) ** 0.5
    return float(np.clip(noise * np.clip(step, 0.6, 1.6), LEAST_NOISE, MOST_NOISE))
