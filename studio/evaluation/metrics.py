"""The metrics of a set of variations: each variation against its source, and the set as a whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from studio.evaluation.structure import (
    Diversity,
    Structure,
    correlate_edges,
    count_differing_bits,
    measure_diversity,
    measure_likeness,
)

VARIATION_METRICS: Mapping[str, Callable[[Structure, Structure], float | None]] = {
    "fidelity": correlate_edges,  # 1 is the same drawing, 0 an unrelated one; colours do not count
    "likeness": measure_likeness,  # 1 is the same picture
    "hash_distance": lambda source, variation: float(count_differing_bits(source, variation)),
}
"""Figures of a variation by id. A metric takes the source and the variation; None means not applicable."""

SET_METRICS: Mapping[str, Callable[[Diversity], float | None]] = {
    "diversity_edges_mean": lambda diversity: diversity.edges_mean,  # 0 for recolourings of one design
    "diversity_edges_least": lambda diversity: diversity.edges_least,
    "diversity_likeness_mean": lambda diversity: diversity.likeness_mean,
    "diversity_likeness_least": lambda diversity: diversity.likeness_least,
    "near_duplicates": lambda diversity: float(len(diversity.near_duplicates)),
}
"""Figures of a set of at least two variations by id; None means not applicable."""


@dataclass(frozen=True, slots=True)
class Score:
    """The figures of a set by metric id: `each` has one mapping per variation, in order; `whole` is of the set.

    `near_duplicates` are pairs of indices into the set, the lower index first.
    """

    each: tuple[Mapping[str, float | None], ...]
    whole: Mapping[str, float | None]
    near_duplicates: tuple[tuple[int, int], ...]


def score_variations(source: Structure, variations: Sequence[Structure]) -> Score:
    """Return all figures for the variations of a source.

    It takes structures, so that a caller can read one picture at a time and free it. Read variations at the
    `size_px` of their source; raises `ValueError` for another size.
    """
    diversity = measure_diversity(variations)
    return Score(
        each=tuple({name: measure(source, one) for name, measure in VARIATION_METRICS.items()} for one in variations),
        whole={name: None if diversity is None else measure(diversity) for name, measure in SET_METRICS.items()},
        near_duplicates=() if diversity is None else diversity.near_duplicates,
    )
