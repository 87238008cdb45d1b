"""What the variations are measured against: the held-out designs in all figures, read once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from studio.adapter_evaluation.held_out import Family, Knots, Pixels
from studio.datasets import Dataset
from studio.designs import Design
from studio.designs.colours.colour_spaces import Floats
from studio.designs.weaving.neighbourhoods import LARGE, SMALL
from studio.designs.yarns import read_yarns
from studio.evaluation.archive_distance import Archive, Floor, measure_floor, read_archive
from studio.evaluation.known_patterns import KnownPatterns
from studio.evaluation.line_widths import measure_line_widths, measure_width_gap
from studio.evaluation.patches import KINDS, PatchSpace, average, fit_patch_space
from studio.evaluation.structure import correlate_edges, measure_diversity, read_structure

LEAST_DESIGNS = 2


@dataclass(frozen=True, slots=True)
class DesignFigures:
    """The variations of one design: their patches by kind, taken together, and the means of the other figures."""

    features: Mapping[str, Floats] = field(repr=False)
    values: Mapping[str, float | None]

    def with_value(self, name: str, value: float | None) -> DesignFigures:
        """Return the figures with one more."""
        return DesignFigures(self.features, {**self.values, name: value})


@dataclass(frozen=True, slots=True, eq=False)
class ArchiveView:
    """The held-out designs as an archive. A design's own place in it is left out where its variations are measured.

    `widths` and `own` have one entry for each design: shares of the widths of its lines, and its figures against the
    others.
    """

    space: PatchSpace
    archives: Mapping[str, Archive]
    patterns: Mapping[str, KnownPatterns]
    widths: Sequence[NDArray[np.float64] | None]
    own: Sequence[Mapping[str, float | None]]

    def measure(
        self, family: Family, source: Pixels, pictures: Sequence[Pixels], knots: Sequence[Knots]
    ) -> DesignFigures:
        """Return the figures of a design's variations: pictures as the model drew them, and their knots.

        A design with a number beyond the archive's is none of its own.
        """
        own = self.find_own(family)
        described = [self.space.describe(picture, family.number) for picture in pictures]
        structure = read_structure(Image.fromarray(source))
        read = [read_structure(Image.fromarray(one), size_px=structure.size_px) for one in pictures]
        diversity = measure_diversity(read)
        drawn = [_measure_knots(self.patterns, self.widths, one, own) for one in knots]
        values = {name: _mean([one[name] for one in drawn]) for name in drawn[0]}
        values["fidelity"] = _mean([correlate_edges(structure, one) for one in read])
        values["diversity"] = None if diversity is None else diversity.edges_mean
        return DesignFigures(average(described), values)

    def find_own(self, family: Family) -> int | None:
        """Return the number of a design in the archive, None where it is not in it."""
        return family.number if family.number < len(self.own) else None

    def measure_floors(self) -> dict[str, Floor]:
        """Return the archive's own floor for each kind of patches that has one."""
        floors = {kind: measure_floor(archive) for kind, archive in self.archives.items()}
        return {kind: floor for kind, floor in floors.items() if floor is not None}


def read_archive_view(
    held_out: Dataset,
    families: Sequence[Family],
    show: Callable[[Design], Pixels],
    report: Callable[[int], None],
    *,
    seed: int = 0,
) -> ArchiveView:
    """Return the archive of a held-out set; `report` is called with the number of designs read.

    `show` returns a design as the model's VAE reconstructs it, uint8 (h, w, 3): variations pass through the VAE too,
    and what it does to every picture is no distance. Knots are those of the designs themselves.

    Raises `ValueError` for fewer than two designs.
    """
    if len(families) < LEAST_DESIGNS:
        raise ValueError(f"{len(families)} designs; give at least {LEAST_DESIGNS}")
    knots: list[list[Knots]] = []

    def read() -> Iterator[Pixels]:
        for family in families:
            members = [held_out.open_design(one) for one in family.members]
            knots.append([read_yarns(one).indices for one in members])
            report(len(knots))
            yield show(members[0])

    space, described = fit_patch_space(read(), seed)
    archives = {kind: read_archive([one[kind] for one in described], space.weights(kind)) for kind in KINDS}
    count = sum(len(members) for members in knots)
    patterns = {
        "known_small": KnownPatterns(knots, SMALL, count),
        "known_large": KnownPatterns(knots, LARGE, count),
    }
    widths = [measure_line_widths(members[0]) for members in knots]
    own = [_measure_knots(patterns, widths, members[0], number) for number, members in enumerate(knots)]
    return ArchiveView(space, archives, patterns, widths, own)


def _measure_knots(
    patterns: Mapping[str, KnownPatterns], every: Sequence[NDArray[np.float64] | None], knots: Knots, own: int | None
) -> dict[str, float | None]:
    """Return the figures of knots (h, w) against all designs, without number `own` where there is one."""
    others = [one for number, one in enumerate(every) if number != own and one is not None]
    widths = measure_line_widths(knots)
    return {
        **{name: known.measure_known(knots, own) for name, known in patterns.items()},
        "width_gap": None if widths is None else measure_width_gap(widths, others),
    }


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
