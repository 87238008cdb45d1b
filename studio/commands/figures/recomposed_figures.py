"""How the figures of variations measured by their knots are shown: their titles, places and worse directions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from studio.evaluation.recomposed import SetFigures, VariationFigures

ABSENT = "–"

Read = Callable[[VariationFigures], float | None]
Choose = Callable[[Sequence[float]], float]


@dataclass(frozen=True, slots=True)
class Column:
    """One figure of a variation. `form` is its format; `worst` is `min` or `max`, None where no value is worse."""

    title: str
    read: Read
    form: str
    worst: Choose | None

    def show(self, value: float | None) -> str:
        """Return a value as text."""
        return ABSENT if value is None else format(value, self.form)


COLUMNS: Mapping[str, Column] = {
    "changed": Column("changed", lambda one: one.changed, ".3f", None),
    "known_small": Column("known 4 × 4", lambda one: one.known_small, ".3f", min),
    "known_large": Column("known 8 × 8", lambda one: one.known_large, ".3f", min),
    "complete": Column("complete 8 × 8", lambda one: one.complete, ".3f", min),
    "stray_share": Column("stray knots", lambda one: one.stray_share, ".4f", max),
    "stray_difference": Column("stray difference", lambda one: one.stray_difference, "+z.4f", max),
    "least_yarn_ratio": Column("least yarn ratio", lambda one: one.least_yarn_ratio, ".2f", min),
    "greatest_yarn_ratio": Column("greatest yarn ratio", lambda one: one.greatest_yarn_ratio, ".2f", max),
    "lost_yarns": Column("lost yarns", lambda one: float(len(one.lost_yarns)), ".2g", max),
    "symmetry": Column("symmetry", lambda one: one.symmetry, ".3f", min),
    "seam_ratio": Column("seam", lambda one: one.seam_ratio, ".2f", max),
}
"""The figures of a variation by id, in the order in which they are shown."""


def average(column: Column, figures: Sequence[VariationFigures]) -> float | None:
    """Return the mean of a figure over the variations to which it applies, None where it applies to none."""
    values = read_all(column, figures)
    return sum(values) / len(values) if values else None


def read_all(column: Column, figures: Sequence[VariationFigures]) -> list[float]:
    """Return a figure of the variations to which it applies."""
    return [value for one in figures if (value := column.read(one)) is not None]


def show_ratio(figures: SetFigures) -> str:
    """Return the ratio of the differences within a set as text."""
    return ABSENT if figures.pair_ratio is None else f"{figures.pair_ratio:.2f}"
