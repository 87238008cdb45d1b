"""How far a drawing departs from its design, fitted by sketches: each takes some hundredths of a second."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from studio.designs.index_map import find_counted
from studio.recompose.leading import Lead
from studio.recompose.parts import Parts, choose_parts
from studio.recompose.synthesis import Sketch, Synthesis, derive_seed

FIRST_NOISE, FIRST_KEPT = 0.5, 0.9
"""The noise, and the part of what a sketch changes that is kept, before a design is fitted."""
LEAST_NOISE, MOST_NOISE = 0.02, 4.0
FITTING_SKETCHES = 6
"""Sketches that fit the noise to a design, once for each wanted share."""
SKETCHES = 12
"""A variation is chosen from at most this many sketches. One that seems near enough is looked at more closely
(`Synthesis.foretell`), and the next ones aim as much higher or lower as it was off."""
NEAR, NEAR_ENOUGH, SLACK = 0.1, 0.18, 0.005
"""A sketch whose share of changed knots is this near the wanted one, as a share of it, is near enough; and how near
it must still be when looked at more closely. Of a small share this much of all knots more."""
LEAST_CHANGED, UNCHANGED = 0.25, 10.0
"""A sketch that changes less than this part of what is wanted looks like the design; the fault of such a sketch."""
GAINS = (1.0, 1.5, 0.6)
MOST_RATIO = 1.1
"""Parts are put together up to this many times the wanted share."""
LESS_PULL = 0.6
"""The pull of a leading picture after a sketch that changed too little, as a share of the pull before."""
YARN_RATIO, MANY_YARNS = 1.3, 24
"""A yarn's share may become this many times as large, or small, without being held against a sketch. In designs of more
yarns than the second number what is held against it is divided among them: by chance alone one of 100 near shades goes
astray, and what changes would count for nothing."""


@dataclass(frozen=True, slots=True)
class Fit:
    """The noise that changes a share of a design, in OKLab, and how much of what its sketches change is kept."""

    noise: float
    kept: float


@dataclass(frozen=True, slots=True)
class _Divided:
    sketch: Sketch
    parts: Parts


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
            noise, kept = FIRST_NOISE, FIRST_KEPT
            for attempt in range(FITTING_SKETCHES):
                sketch = self.synthesis.sketch(derive_seed(attempt), noise)
                noise = _follow(noise, sketch.changed * kept, changed)
                if attempt == FITTING_SKETCHES // 2:
                    whole = sketch if self._crossed else self._put_together([self._divide(sketch)], 1.0, 1.0, 0)
                    kept = (kept + _compare(self.synthesis.foretell(whole).changed, whole.changed)) / 2
            self._fitted[changed] = Fit(noise, kept)
        return self._fitted[changed]

    def _choose(self, changed: float, seed: int, fit: Fit, lead: Lead | None) -> _Chosen:
        """Return the sketch with the least fault, and its lead. One that is not good enough sets the next one."""
        noise, kept = fit.noise, fit.kept
        best: _Chosen | None = None
        pool: list[_Divided] = []
        alone = lead is None and not self._crossed
        for attempt in range(SKETCHES):
            drawn = self.synthesis.sketch(derive_seed(seed, attempt), noise, GAINS[attempt % len(GAINS)], lead)
            sketch = drawn
            if alone:
                pool.append(self._divide(drawn))
                sketch = self._put_together(pool, changed, kept, derive_seed(seed, attempt, 1))
            expected = sketch.changed * kept
            fault = self._fault(sketch, expected, changed, NEAR, lead)
            if fault == 0:
                expected = self.synthesis.foretell(sketch, lead).changed
                kept = (kept + _compare(expected, sketch.changed)) / 2
                fault = self._fault(sketch, expected, changed, NEAR_ENOUGH, lead)
            if best is None or fault < best.fault:
                best = _Chosen(fault, sketch, lead)
            if fault == 0:
                break
            if alone:
                noise = _follow(noise, drawn.changed * kept, changed)
            elif expected < changed:
                noise = _follow(noise, expected, changed)
                lead = None if lead is None else _loosen(lead)
        assert best is not None
        return best

    def _divide(self, sketch: Sketch) -> _Divided:
        return _Divided(sketch, self.synthesis.find_parts(sketch))

    def _put_together(self, pool: list[_Divided], wanted: float, kept: float, seed: int) -> Sketch:
        """Return the best sketch found of the parts of a few that depart from the same design."""

        def judge(changed: float, yarns: NDArray[np.float64]) -> float:
            return _miss(changed * kept, wanted, NEAR) + self._unbalance(yarns, np.ones(1))

        parts = [one.parts for one in pool]
        most = MOST_RATIO * wanted / kept
        found = choose_parts(parts, most, self._yarns, judge, np.random.default_rng(seed))
        return self.synthesis.put_together(
            pool[-1].sketch.seed, [(pool[i].sketch, parts[i].cells[j]) for i, j in found]
        )

    def _fault(self, sketch: Sketch, expected: float, wanted: float, near: float, lead: Lead | None) -> float:
        """Return how far a sketch is from what is wanted; 0 is good enough. A led or crossed one may change more.

        `expected` and `wanted` are shares of changed knots, and `near` how far they may be apart.
        """
        if lead is not None or self._crossed:
            expected = min(expected, wanted)
        fault = _miss(expected, wanted, near) + self._unbalance(sketch.yarns, sketch.designs)
        return fault + UNCHANGED if expected < LEAST_CHANGED * wanted else fault

    @property
    def _crossed(self) -> bool:
        return len(self._designs) > 1

    def _unbalance(self, yarns: NDArray[np.float64], designs: NDArray[np.float64]) -> float:
        """Return how far the shares of yarns (k,) and designs (n,) are out of balance, 0 where none is."""
        shares, wanted = np.r_[yarns, designs], np.r_[self._yarns, self._designs]
        counted = find_counted(wanted)
        ratios = np.abs(np.log((shares[counted].clip(0) + 1e-4) / (wanted[counted] + 1e-4)))
        excess = float(np.maximum(ratios - np.log(YARN_RATIO), 0).sum())
        return excess / max(int(counted.sum()) / MANY_YARNS, 1.0)


def _miss(expected: float, wanted: float, near: float) -> float:
    """Return how far a share is from being near another one, as a part of it."""
    return max((abs(expected - wanted) - SLACK) / wanted - near, 0.0)


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
