"""A design's recomposer: what is known of its carpet, and variations of it in its own motifs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from studio.designs.colours.colour_spaces import convert_from_oklab
from studio.designs.files.opening import SMALLEST_SIDE_PX
from studio.designs.index_map import IndexMap, find_counted
from studio.designs.structure.borders import Border, find_border
from studio.designs.structure.repeat import measure_seams
from studio.errors import RequestError
from studio.recompose.domain import Domain, find_domain
from studio.recompose.extent import MANY_YARNS, Extent
from studio.recompose.leading import Lead, match_tones
from studio.recompose.levels import (
    COLOUR_UNIT,
    Colours,
    Knots,
    Motifs,
    convert_colours,
    measure_free_side,
    shrink_colours,
)
from studio.recompose.pyramid import Pyramid
from studio.recompose.regions import BARRED, FIELD, Orientation, map_regions, plan_rules
from studio.recompose.synthesis import Sketch, Synthesis, derive_seed
from studio.schema import MEDIUM_CHANGE, STRONG_CHANGE, SUBTLE_CHANGE

LEAST_FREE_SIDE = 4
"""The least side of a square that may change, in knots."""
SUBTLE, MEDIUM, STRONG = SUBTLE_CHANGE, MEDIUM_CHANGE, STRONG_CHANGE
FREEING = 2
"""How motifs are set free between a subtle and a strong change: a medallion stays at its place for most of the way."""
LEAST_OPEN_SIDE = 48
"""Smaller repeats keep the patches across their edges even where these do not meet: there are too few others."""
LEAST_RATIO, MOST_RATIO, SLACK, LEAST_LEFT = 0.75, 1.35, 0.02, 0.25
"""A drawing that changes less or more than these parts of what is wanted, and that much of all knots more, or leaves
less than this part of a yarn, is drawn again. Small designs need it, where one motif may be all of a yarn, and those of
many near shades, where sketches promise more than is kept."""
YARN_RATIO = 4 / 3
"""So is one up to a medium change in which a yarn's share becomes larger or smaller by more than this, unless the
design has very many (`MANY_YARNS`)."""
DRAWINGS, FEW_DRAWINGS, LARGE_KNOTS, GROSS_FAULT = 4, 2, 100_000, 0.3
"""A variation is drawn at most this often; a part of more knots only as often as the second number, unless the fault of
all of its drawings is gross."""
LED_NOISE = 0.12
"""The noise on a leading picture, in OKLab: enough for two seeds to differ."""
SHOWN_PX = 640
"""The longer side of what is reported, at most."""
PULLS = (1.0, 1.0, 0.9, 0.8, 0.6, 0.3)
"""How much a leading picture counts at each level, times the `pull`: what goes where, not how it is drawn."""

Report = Callable[[int, Callable[[], NDArray[np.uint8]]], None]
"""Called after each level with its number, 0 and up, and a function that returns the picture (h, w, 3) so far."""


@dataclass(frozen=True, slots=True)
class Carpet:
    """What a recomposer knows of a design.

    `index_map` is the design; `vertical`, `horizontal` are the offsets of its axes (see `symmetry.Axis`), None for
    none; `repeat` how copies of it are laid; `kept` (h, w) a part that stays, None for no part; `border` its border.
    """

    index_map: IndexMap
    repeat: str = "none"
    vertical: int | None = None
    horizontal: int | None = None
    kept: NDArray[np.bool_] | None = None
    border: Border | None = None


def read_carpet(
    index_map: IndexMap,
    repeat: str = "none",
    vertical: int | None = None,
    horizontal: int | None = None,
    kept: NDArray[np.bool_] | None = None,
) -> Carpet:
    """Return what a recomposer knows of a design, with the border that it finds; a repeat has none."""
    border = find_border(index_map.indices) if repeat == "none" else None
    return Carpet(index_map, repeat, vertical, horizontal, kept, border)


class Recomposer:
    """Draws variations of one carpet in its own motifs, or in another's as well. Not safe for two threads at once."""

    def __init__(
        self, carpet: Carpet, other: Carpet | None = None, share: float = 0.0, check: Callable[[], None] = lambda: None
    ) -> None:
        """Plan the drawing. `share` is that of the ground, within the border, to take from the motifs of `other`, whose
        palette is the same.

        `check` is called often while drawing and may raise to stop. Raises `RequestError` for a design too small, and
        where too little of it may change.
        """
        design, kept = carpet.index_map, carpet.kept
        self.carpet = carpet
        shape = (design.height_px, design.width_px)
        self._domain = find_domain(shape, carpet.repeat, carpet.vertical, carpet.horizontal)
        check_size("This design", self._domain)
        if kept is not None:
            _check_free(measure_free_side(self._domain.cut(kept)))
        self._motifs = [_read_motifs(carpet, self._domain)]
        designs = np.ones(1)
        if other is not None:
            domain = find_domain(other.index_map.indices.shape, other.repeat, other.vertical, other.horizontal)
            check_size("The second design", domain)
            self._motifs.append(_leave_border(_read_motifs(other, domain)))
            designs = np.array([1 - share, share])
        self._crossed = float(1 - designs[0]) * float((self._motifs[0].regions == FIELD).mean())
        wanted = _mix_yarns(self._motifs, designs, len(design.palette))
        pyramid = Pyramid(
            target=self._domain,
            regions=self._motifs[0].regions,
            motifs=self._motifs,
            palette=design.palette,
            design=self._motifs[0].knots,
            kept=None if kept is None else self._domain.cut(kept),
            check=check,
        )
        self._synthesis = Synthesis(pyramid, plan_rules(1.0), wanted_yarns=wanted, wanted_designs=designs)
        self._extent = Extent(self._synthesis, wanted, designs)

    def draw(self, change: float, seed: int, report: Report | None = None) -> Knots:
        """Return the knots (h, w) of a variation that changes about this share of them, the same for the same seed.

        A cross changes at least what it takes from the second design.
        """
        change = max(change, self._crossed)
        self._synthesis.rules = plan_rules(_free(change))
        fit = self._extent.fit(change)

        def attempt(aim: float, seed: int) -> Knots:
            return self._finish(self._extent.choose(aim, seed, fit), None, report)

        return self._draw_well(attempt, change, seed, MOST_RATIO if len(self._motifs) == 1 else np.inf)

    def draw_led(
        self,
        picture: NDArray[np.uint8],
        pull: float,
        seed: int,
        report: Report | None = None,
        *,
        change: float = MEDIUM,
    ) -> Knots:
        """Return the knots (h, w) of a drawing whose layout is that of a picture (h, w, 3) of the design's size.

        `pull` is how much the picture leads, 0 to 1; at least about the share `change` of the knots is changed.
        """
        colours = convert_colours(self._domain.cut(picture))
        design = convert_colours(self.carpet.index_map.palette)[self._motifs[0].knots]
        lead = Lead(match_tones(colours, design), tuple(share * pull for share in PULLS))
        self._synthesis.rules = plan_rules(1.0)

        def attempt(aim: float, seed: int) -> Knots:
            return self._finish(*self._extent.led(lead, LED_NOISE, aim, seed), report)

        return self._draw_well(attempt, change, seed, np.inf)

    @property
    def domains(self) -> list[Domain]:
        """The drawn part of each design."""
        return [motifs.domain for motifs in self._motifs]

    @property
    def reports(self) -> int:
        """How often `report` is called for each variation."""
        return self._synthesis.reports

    def _draw_well(self, attempt: Callable[[float, int], Knots], change: float, seed: int, most: float) -> Knots:
        """Return the drawing with the least fault of a few attempts at a share; each tells the next how far to aim."""
        if all(one.knots.min() == one.knots.max() == self._motifs[0].knots[0, 0] for one in self._motifs):
            return self.carpet.index_map.indices.copy()  # one yarn: there is nothing to draw
        best: tuple[float, Knots] | None = None
        aim = change
        height, width = self._domain.size
        few = FEW_DRAWINGS if height * width > LARGE_KNOTS else DRAWINGS
        for number in range(DRAWINGS):
            knots = attempt(aim, seed if number == 0 else derive_seed(seed, number))
            changed = self._synthesis.count_changed(knots)
            fault = self._find_fault(knots, changed, change, most)
            if best is None or fault < best[0]:
                best = fault, knots
            if fault == 0 or (number + 1 >= few and best[0] < GROSS_FAULT):
                break
            aim = float(np.clip(aim * np.clip(change / max(changed, 1e-3), 0.5, 2), change / 3, min(3 * change, 1)))
        assert best is not None
        return np.ascontiguousarray(self._domain.unfold(best[1]))

    def _find_fault(self, knots: Knots, changed: float, wanted: float, most: float) -> float:
        """Return how far the drawn part (h, w) is from good enough, which is 0: each yarn lost counts 1."""
        design = self._motifs[0].knots
        before, after = (np.bincount(one.ravel(), minlength=256) / one.size for one in (design, knots))
        lost = find_counted(before) & (after < LEAST_LEFT * before)
        off = max(LEAST_RATIO * wanted - SLACK - changed, changed - SLACK - most * wanted, 0.0) / wanted
        if len(self._motifs) > 1:
            return off
        counted = find_counted(before) & ~lost
        if wanted <= MEDIUM and counted.sum() <= MANY_YARNS:
            ratios = np.abs(np.log(after[counted] / before[counted]))
            off += float(np.maximum(ratios - np.log(YARN_RATIO), 0).sum())
        return off + float(lost.sum())

    def _finish(self, sketch: Sketch, lead: Lead | None, report: Report | None) -> Knots:
        def tell(number: int, colours: Colours) -> None:
            if report is not None:
                report(number - sketch.number, lambda: self._show(colours))

        return self._synthesis.finish(sketch, lead, None if report is None else tell)

    def _show(self, colours: Colours) -> NDArray[np.uint8]:
        height, width = self._domain.shape
        shown = min(colours.shape[0] / self._domain.size[0], SHOWN_PX / max(height, width), 1.0)
        size = max(round(height * shown), 1), max(round(width * shown), 1)
        smaller = min(SHOWN_PX / max(height, width) * self._domain.size[0] / colours.shape[0], 1.0)
        if smaller < 1:  # the whole of a large level would take much memory in floating point
            rows, columns = (max(round(side * smaller), 1) for side in colours.shape[:2])
            colours = shrink_colours(colours, (rows, columns))
        whole = self._domain.unfold_level(colours[..., :3], size)
        return np.rint(convert_from_oklab(whole / COLOUR_UNIT) * 255).clip(0, 255).astype(np.uint8)


def check_size(name: str, domain: Domain) -> None:
    """Raise `RequestError` for a design whose drawn part is too small; `name` begins the sentence."""
    height, width = domain.size
    if min(height, width) < SMALLEST_SIDE_PX:
        raise RequestError(
            f"{name} has {domain.shape[1]} × {domain.shape[0]} knots; the part of it to draw anew is "
            f"{width} × {height}, and at least {SMALLEST_SIDE_PX} × {SMALLEST_SIDE_PX} are needed. "
            "Choose a larger design, or no symmetry."
        )


def _check_free(side: int) -> None:
    if side < LEAST_FREE_SIDE:
        raise RequestError(
            f"The part of this design that may change is {side} knots wide at its widest; at least {LEAST_FREE_SIDE} "
            "are needed to draw motifs in it. Keep less of the design."
        )


def _read_motifs(carpet: Carpet, domain: Domain) -> Motifs:
    regions = map_regions(carpet.index_map.indices.shape, carpet.border)
    orientations = [Orientation(), Orientation(across=True)]
    if carpet.horizontal is not None:  # it is drawn the same way up and upside down
        orientations += [Orientation(down=True), Orientation(down=True, across=True)]
    small = min(domain.size) < LEAST_OPEN_SIDE
    closed = domain.repeat is None or small or measure_seams(carpet.index_map.pixels(), domain.repeat).meet
    knots = domain.cut(carpet.index_map.indices)
    return Motifs(domain, knots, domain.cut(regions), tuple(orientations), BARRED, closed)


def _mix_yarns(motifs: Sequence[Motifs], designs: NDArray[np.float64], yarns: int) -> NDArray[np.float64]:
    """Return the share of each yarn (yarns,) to keep: the first design's border, and of each ground its share."""

    def count(one: Motifs, part: NDArray[np.bool_]) -> NDArray[np.float64]:
        return np.bincount(one.knots[part], minlength=yarns) / max(int(part.sum()), 1)

    first = motifs[0]
    ground = first.regions == FIELD
    inner = sum(
        (share * count(one, one.regions == FIELD) for share, one in zip(designs, motifs, strict=True)), np.zeros(yarns)
    )
    return np.asarray(ground.mean() * inner + (1 - ground.mean()) * count(first, ~ground))


def _leave_border(motifs: Motifs) -> Motifs:
    """Return the motifs of a field alone: the border of a crossed carpet is that of the first design."""
    return replace(motifs, regions=np.where(motifs.regions == FIELD, motifs.regions, np.uint8(0)))


def _free(change: float) -> float:
    """Return how freely motifs move where this share changes, 0 to 1."""
    return round(float(np.clip((change - SUBTLE) / (STRONG - SUBTLE), 0, 1) ** FREEING), 3)
