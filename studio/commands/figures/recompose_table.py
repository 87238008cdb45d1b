"""The table that `benchmark recompose` prints for each design, and the bounds beside its figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studio.commands.figures.recomposed_figures import ABSENT, COLUMNS

EXTENTS = ("subtle", "medium", "strong")
_LABEL, _CELL = 20, 20


@dataclass(frozen=True, slots=True)
class Bound:
    """A bound of a figure: the least it may be where `least`, else the most."""

    value: float
    least: bool = False

    def allows(self, value: float) -> bool:
        """Return whether a value is within the bound."""
        return value >= self.value if self.least else value <= self.value

    def __str__(self) -> str:
        return f"{'≥' if self.least else '≤'} {self.value:g}"


BOUNDS: Mapping[str, Mapping[str, Bound]] = {
    "memory_mb": dict.fromkeys(EXTENTS, Bound(1000)),
    "known_small": dict.fromkeys(EXTENTS, Bound(0.98, least=True)),
    "known_large": {"medium": Bound(0.95, least=True), "strong": Bound(0.92, least=True)},
    "stray_difference": dict.fromkeys(EXTENTS, Bound(0.002)),
    "least_yarn_ratio": {"medium": Bound(0.667, least=True)},
    "greatest_yarn_ratio": {"medium": Bound(1.333)},
    "lost_yarns": dict.fromkeys(EXTENTS, Bound(0)),
    "symmetry": dict.fromkeys(EXTENTS, Bound(1, least=True)),
    "seam_ratio": dict.fromkeys(EXTENTS, Bound(1.1)),
    "pair_ratio": dict.fromkeys(EXTENTS, Bound(0.6, least=True)),
}
"""Bounds by figure and extent. Those of a variation are for the worst of the set."""
SECONDS: Mapping[str, Mapping[str, Bound]] = {
    "quarter": {"first_seconds": Bound(3), "five_seconds": Bound(15)},
    "half": {"five_seconds": Bound(45)},
    "whole": {"five_seconds": Bound(45)},
}
"""Bounds of the seconds by the part that is drawn, for 900 x 1200 knots on two cores."""
_OF_RUN = {
    "first_seconds": ("first variation, s", ".1f"),
    "five_seconds": ("five variations, s", ".1f"),
    "processor_seconds": ("processor time, s", ".1f"),
    "memory_mb": ("memory, MB", ".0f"),
}
_OF_SET = {"pair_ratio": ("pair ratio", ".2f"), "near_duplicates": ("near-duplicates", "d")}


def find_bounds(drawn: str) -> dict[str, Mapping[str, Bound]]:
    """Return the bounds by figure and extent for a design of which this part is drawn: quarter, half or whole."""
    return {name: dict.fromkeys(EXTENTS, bound) for name, bound in SECONDS[drawn].items()} | dict(BOUNDS)


def list_lines(figures: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines about one design, with the figures that `measure_recomposing` returns for it.

    A cell of a variation's figure is the mean and, in brackets, the worst. A cell beyond its bound ends with a star.
    """
    runs: list[Mapping[str, Any]] = [figures["extents"][extent] for extent in EXTENTS]
    bounds = find_bounds(figures["drawn"])
    width, height = figures["design_px"]
    name = Path(figures["design"]).name
    yield f"{name}: {width} x {height} knots, {figures['yarns']} yarns, {figures['drawn']} drawn"
    yield f"compiled code loaded beforehand in {max(run['loading_seconds'] for run in runs):.1f} s"
    yield _join("", EXTENTS, "bound")
    for name, (title, form) in _OF_RUN.items():
        yield _list_row(title, [(format(run[name], form), run[name]) for run in runs], bounds.get(name, {}))
    yield _join("", ["mean (worst)"] * len(EXTENTS), "")
    for name, column in COLUMNS.items():
        means, worst = ([run[kind][name] for run in runs] for kind in ("mean", "worst"))
        texts = [_pair(column.show(mean), column.show(value)) for mean, value in zip(means, worst, strict=True)]
        if name == "changed":
            wanted = ", ".join(f"{run['wanted']:g}" for run in runs)
            yield _join(column.title, texts, f"wanted {wanted}")
        else:
            yield _list_row(column.title, list(zip(texts, worst, strict=True)), bounds.get(name, {}))
    for name, (title, form) in _OF_SET.items():
        shown = [(ABSENT if run[name] is None else format(run[name], form), run[name]) for run in runs]
        yield _list_row(title, shown, bounds.get(name, {}))


def _list_row(title: str, cells: Sequence[tuple[str, float | None]], bounds: Mapping[str, Bound]) -> str:
    """Return a line with the text of each cell; the value is compared with the extent's bound."""
    texts = []
    for (text, value), extent in zip(cells, EXTENTS, strict=True):
        beyond = value is not None and extent in bounds and not bounds[extent].allows(value)
        texts.append(f"{text}{'*' if beyond else ' '}")
    return _join(title, texts, _describe(bounds))


def _describe(bounds: Mapping[str, Bound]) -> str:
    """Return the bounds of a row as text, once where they are the same for all extents."""
    if len(bounds) == len(EXTENTS) and len(set(bounds.values())) == 1:
        return str(bounds[EXTENTS[0]])
    return ", ".join(f"{extent} {bound}" for extent, bound in bounds.items())


def _pair(mean: str, worst: str) -> str:
    return mean if mean == ABSENT else f"{mean} ({worst})"


def _join(title: str, cells: Sequence[str], last: str) -> str:
    texts = [cell if cell.endswith(("*", " ")) else f"{cell} " for cell in cells]
    return f"{title:{_LABEL}}{''.join(f'{text:>{_CELL}}' for text in texts)}  {last}".rstrip()
