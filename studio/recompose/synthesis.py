"""Coarse to fine: patches of designs are put together anew, first as colours, at last knot by knot.

Sources: nearest patches coarse to fine, Granot et al., Drop the GAN (CVPR 2022); the search, Barnes et al., PatchMatch
(SIGGRAPH 2009); knots by a vote of overlapping patches, Kwatra et al., Texture optimization (SIGGRAPH 2005).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from studio.recompose import kernels, steps
from studio.recompose.balance import Balance, measure_contrast, price_of_uses
from studio.recompose.contents import Contents
from studio.recompose.kernels import PATCH
from studio.recompose.leading import Lead
from studio.recompose.levels import COLOUR_UNIT, PAD, Colours, Knots, Level, sample, shrink_colours
from studio.recompose.parts import Parts, find_parts
from studio.recompose.plates import Field, Matches, Prices, Walk
from studio.recompose.pyramid import Pyramid
from studio.recompose.regions import LEVEL_BAND, UPRIGHT_BAND, Rules

ROUNDS, FINE_ROUNDS, LAST_ROUNDS = 3, 2, 5
"""Rounds of searching and averaging at each level of a sketch and at finer ones, and of searching and voting at the
last one at most. More of them changed the known neighbourhoods by .0003."""
FIRST_PASSES, PASSES = 10, 2
"""Passes of the search in each round, at the coarsest level and at the others."""
RADIUS, LAST_RADIUS = 4, 8
"""How far a patch is searched around the best one, at random. All over the design at a sketch's levels."""
SEAM = 0.1
"""The price of not going on with what a neighbour shows, in squared OKLab, at the levels of colours."""
MOST_REACH = 1 << 20
"""A reach in knots that no design is larger than."""
KEPT_BY_LEVEL = 0.97
"""About this part of what a sketch changes is kept at each finer level than that on which changes are counted."""
DROPPED_SHARE = 0.3
"""From this scale on a drawing drops the level before, if it is large. The next sketch needs coarser ones only."""

UNIT = COLOUR_UNIT**2 * PATCH**2 / 49
"""One squared unit of OKLab over a patch. Its divisor is that of the patches that the weights were first chosen for."""


@dataclass(frozen=True, slots=True)
class Sketch:
    """A drawing at its coarse levels: which patch goes where.

    `knots` (h, w) are those of the level on which changes are counted, where patches are copied as they are. `changed`
    is the share of the free ones that differ from the design, `yarns` (k,) the share of each yarn. `designs` (n,) is
    the share of each design in the ground within the border.
    """

    seed: int
    number: int
    field: Field
    knots: Knots
    changed: float
    yarns: NDArray[np.float64]
    designs: NDArray[np.float64]


class Synthesis:
    """Draws a target from the patches of designs.

    `rules` say how freely patches move; they may be set anew between drawings. `wanted_yarns` (k,) and
    `wanted_designs` (n,) are the shares to keep. Not safe for two threads at once.
    """

    def __init__(
        self,
        pyramid: Pyramid,
        rules: Rules,
        *,
        wanted_yarns: NDArray[np.float64],
        wanted_designs: NDArray[np.float64],
    ) -> None:
        self.rules = rules
        self._pyramid, self._target, self._check = pyramid, pyramid.target, pyramid.check
        self._yarns, self._designs = wanted_yarns, wanted_designs
        self._contents: dict[int, tuple[Contents, float]] = {}

    @property
    def reports(self) -> int:
        """How often `finish` reports."""
        return self._pyramid.last - self._pyramid.sketched

    def sketch(self, seed: int, noise: float, gain: float = 1.0, lead: Lead | None = None) -> Sketch:
        """Return which patches go where, at the coarse levels.

        `noise` is added to the coarsest picture, in OKLab; `gain` is how hard the balance of yarns is kept.
        """
        pyramid = self._pyramid
        rng = np.random.default_rng(seed)
        # 1. Patches at random, and the coarsest picture with noise. Beginning with the own patches would stay there.
        level = pyramid.level(0)
        field = steps.scatter(level, rng)
        shown = self._rough(level.size, lead)
        self._add_noise(shown, noise, rng, self._find_noisy(level))
        balance = Balance(self._yarns, self._designs, gain, np.zeros(len(self._yarns) + len(self._designs)))
        for number in range(pyramid.sketched + 1):
            # 2. At each further level the enlarged field, and the picture that it makes.
            if number > 0:
                before, level = level, pyramid.level(number)
                field = steps.enlarge(field, before, level, self._check)
                shown = self._average(level, field, lead, number)
            # 3. Better patches, none used too often, and each yarn about as often as in the design.
            self._improve(number, shown, field, seed, balance)
        return self._measure(seed, field)

    def find_parts(self, sketch: Sketch) -> Parts:
        """Return the parts in which a sketch departs from the design."""
        pyramid = self._pyramid
        own, size = pyramid.own_knots(sketch.knots.shape), pyramid.level(sketch.number).size
        regions = sample(pyramid.regions, size)
        return find_parts(sketch.knots, own, regions, self._target, pyramid.yarns)

    def put_together(self, seed: int, parts: Sequence[tuple[Sketch, NDArray[np.bool_]]]) -> Sketch:
        """Return the sketch that is the design but for parts (h, w) of sketches, cells of their last level."""
        level = self._pyramid.level(self._pyramid.sketched)
        field = steps.place_own(level)
        half, (rows, columns) = PATCH // 2, field.shape
        for sketch, cells in parts:
            inside = self._target.surround(cells, PAD)[half : half + rows, half : half + columns]
            field = np.where(inside, sketch.field, field)
        return self._measure(seed, field)

    def finish(
        self, sketch: Sketch, lead: Lead | None = None, report: Callable[[int, Colours], None] | None = None
    ) -> Knots:
        """Return the knots (h, w) of a sketch's target. `report(level, colours)` is called after each level."""
        pyramid, last = self._pyramid, self._pyramid.last
        if report is not None:
            report(sketch.number, self._average(pyramid.level(sketch.number), sketch.field))
        number, field = self._refine(sketch.number, sketch.field, 1.0, seed=sketch.seed, lead=lead, report=report)
        field = steps.enlarge(field, pyramid.level(number), pyramid.level(last), self._check)
        return self._weave(pyramid.level(last), field, sketch.seed)

    def foretell(self, sketch: Sketch, lead: Lead | None = None) -> Sketch:
        """Return a sketch with what it changes, and its yarns, when it is finished, from a small drawing of it."""
        pyramid = self._pyramid
        scale = pyramid.counter.scale
        number, field = self._refine(sketch.number, sketch.field, scale, seed=sketch.seed, lead=lead)
        knots = self._weave(pyramid.counter, self._count_at(number, field), sketch.seed)
        told = self._count(sketch.seed, sketch.field, knots)
        finer = sum(one > scale for one in pyramid.scales)
        return replace(told, changed=told.changed * KEPT_BY_LEVEL**finer)

    def count_changed(self, knots: Knots) -> float:
        """Return the share of the target's knots (h, w), of those that may change, that are not its own."""
        return self._pyramid.count_changed(knots)

    def _refine(
        self,
        number: int,
        field: Field,
        scale: float,
        *,
        seed: int,
        lead: Lead | None,
        report: Callable[[int, Colours], None] | None = None,
    ) -> tuple[int, Field]:
        """Return the number and the field of the last level below a scale, drawn on from the field of a level."""
        pyramid = self._pyramid
        while pyramid.scales[number + 1 :] and pyramid.scales[number + 1] < scale:
            before, level = pyramid.level(number), pyramid.level(number + 1)
            field = steps.enlarge(field, before, level, self._check)
            number += 1
            shown = self._average(level, field, lead, number)
            if level.scale >= DROPPED_SHARE:
                pyramid.forget(number - 1)
            shown = self._improve(number, shown, field, seed, None)
            if report is not None:
                report(number, shown)
        return number, field

    def _rough(self, size: tuple[int, int], lead: Lead | None) -> Colours:
        """Return the picture that a drawing begins with: the leading one if it has any pull, else the design.

        Not a mixture: even a tenth of the design brings its layout back where the leading picture is plain.
        """
        led = lead is not None and any(pull > 0 for pull in lead.pull)
        if led and lead is not None:
            return shrink_colours(lead.picture, size)
        return self._pyramid.own_colours(size).copy()

    def _find_noisy(self, level: Level) -> NDArray[np.float64]:
        """Return the factor of the noise (h, w): none on the bands of a border, of which it would leave pieces."""
        regions = sample(self._pyramid.regions, level.size)
        return np.where(np.isin(regions, (LEVEL_BAND, UPRIGHT_BAND)), 0.0, self.rules.noise[regions])

    def _add_noise(self, shown: Colours, noise: float, rng: np.random.Generator, factor: NDArray[np.float64]) -> None:
        """Add noise to a picture (h, w, 4), times a factor (h, w), but for its kept part."""
        grain = self._target.fold(rng.standard_normal((*factor.shape, 3))) * factor[..., None]
        shown[..., :3] += np.rint(noise * COLOUR_UNIT * grain).astype(np.int16)
        self._pyramid.keep(shown)

    def _improve(self, number: int, shown: Colours, field: Field, seed: int, balance: Balance | None) -> Colours:
        """Search and average a few times at a level of colours; improves the field in place, returns its picture."""
        level = self._pyramid.level(number)
        sketching = number <= self._pyramid.sketched
        passes = FIRST_PASSES if number == 0 else PASSES
        radius = max(level.size) if sketching else RADIUS
        for i in range(ROUNDS if sketching else FINE_ROUNDS):
            price = price_of_uses(level, field, UNIT) if sketching else np.zeros(level.plates.labels.shape, np.int32)
            if balance is not None:
                price = price + np.rint(balance.price(field, *self._measure_contents(number))).astype(np.int32)
            prices = self._plan_prices(level, price)
            self._search(level, shown, field, prices, passes=passes, radius=radius, seed=derive_seed(seed, number, i))
            shown = self._average(level, field)
        return shown

    def _measure_contents(self, number: int) -> tuple[Contents, float]:
        """Return what the source patches of a level hold, and the level's contrast."""
        if number not in self._contents:
            level = self._pyramid.level(number)
            self._contents[number] = (
                Contents(level, self._pyramid.motifs, self._pyramid.yarns),
                measure_contrast(level),
            )
        return self._contents[number]

    def _plan_prices(self, level: Level, patches: NDArray[np.int32]) -> Prices:
        """Return what patches cost at a level. Among knots only their difference counts."""
        reach = np.rint(self.rules.reach * level.scale).astype(np.int64).clip(0, MOST_REACH)
        unit = 0.0 if level.shows_knots else UNIT
        hold = np.rint(self.rules.hold * (unit * 1024 / min(level.size) ** 2)).astype(np.int64)
        return Prices(reach, hold, patches, round(SEAM * unit))

    def _search(
        self,
        level: Level,
        shown: NDArray[Any],
        field: Field,
        prices: Prices,
        *,
        passes: int,
        radius: int,
        seed: int,
    ) -> NDArray[np.int32]:
        """Improve a field in place by a few passes; returns what each patch costs."""
        picture = self._target.surround(shown, PAD)
        cost = np.full(field.shape, kernels.WORST, np.int32)
        done = 0 if level.shows_knots else -1  # a patch of equal knots cannot become better, one of equal colours can
        for i in range(passes):
            walk = Walk(radius, forward=i % 2 == 0, seed=derive_seed(seed, i), done=done)
            steps.search(level, Matches(field, cost, field.copy()), picture, prices, walk, check=self._check)
        return cost

    def _average(self, level: Level, field: Field, lead: Lead | None = None, number: int = 0) -> Colours:
        """Return the picture (h, w, 4) that a field makes at a level of colours, mixed with the leading one."""
        shown = self._target.fold(steps.average(level, field, self._check))
        if lead is not None and number < len(lead.pull) and lead.pull[number] > 0:
            pull = lead.pull[number]
            mixed = (1 - pull) * shown + pull * shrink_colours(lead.picture, level.size)
            shown = np.rint(mixed).astype(np.int16)
        self._pyramid.keep(shown)
        return shown

    def _weave(self, level: Level, field: Field, seed: int) -> Knots:
        """Return the knots that a field makes at a level of knots; improves the field in place.

        Each round finds the patches most like the knots, and lets these vote again.
        """
        prices = self._plan_prices(level, np.broadcast_to(np.zeros(1, np.int32), level.plates.labels.shape))
        knots = self._vote(level, field, np.zeros(field.shape, np.int32))
        for i in range(LAST_ROUNDS):
            passed = derive_seed(seed, len(self._pyramid.scales), i)
            cost = self._search(level, knots, field, prices, passes=PASSES, radius=LAST_RADIUS, seed=passed)
            before, knots = knots, self._vote(level, field, cost)
            if np.array_equal(before, knots):
                break
        return knots

    def _vote(self, level: Level, field: Field, cost: NDArray[np.int32]) -> Knots:
        knots = self._target.fold(steps.vote(level, field, cost, self._check))
        self._pyramid.keep(knots)
        return knots

    def _measure(self, seed: int, field: Field) -> Sketch:
        """Return a sketch with what its patches, copied as they are, change."""
        pyramid = self._pyramid
        enlarged = self._count_at(pyramid.sketched, field)
        knots = self._target.fold(steps.copy(pyramid.counter, enlarged, self._check))
        pyramid.keep(knots)
        return self._count(seed, field, knots)

    def _count(self, seed: int, field: Field, knots: Knots) -> Sketch:
        """Return a sketch with what these knots (h, w) change, on the level on which changes are counted."""
        pyramid = self._pyramid
        contents, _ = self._measure_contents(pyramid.sketched)
        return Sketch(
            seed,
            pyramid.sketched,
            field,
            knots,
            changed=pyramid.count_changed(knots),
            yarns=np.bincount(knots.ravel(), minlength=pyramid.yarns) / knots.size,
            designs=contents.count(field)[1],
        )

    def _count_at(self, number: int, field: Field) -> Field:
        """Return the field of a level at the level on which changes are counted."""
        return steps.enlarge(field, self._pyramid.level(number), self._pyramid.counter, self._check)


def derive_seed(*numbers: int) -> int:
    """Return a seed, 0 to 2**62, that depends on all numbers."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 2)
