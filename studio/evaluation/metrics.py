"""METRICS: what is measured of each variation and of a whole set, and the words to show it with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from studio.evaluation.structure import (
    Diversity,
    Structure,
    correlate_edges,
    count_differing_bits,
    measure_diversity,
    measure_likeness,
)

Better = Literal["higher", "lower", "neither"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What every metric reads from: the structures of the source and of its variations, and the set's diversity."""

    source: Structure
    variations: tuple[Structure, ...]
    diversity: Diversity | None


@dataclass(frozen=True, slots=True)
class VariationMetric:
    """A figure of one variation against its source. `measure` returns None where the figure would say nothing."""

    id: str
    title: str
    meaning: str
    better: Better
    measure: Callable[[Structure, Structure], float | None]


@dataclass(frozen=True, slots=True)
class SetMetric:
    """A figure of a whole set. `measure` returns None where the figure would say nothing."""

    id: str
    title: str
    meaning: str
    better: Better
    measure: Callable[[Evidence], float | None]


@dataclass(frozen=True, slots=True)
class Score:
    """The figures of a set, by metric id: one mapping for each variation, in order, and one for the whole."""

    each: tuple[Mapping[str, float | None], ...]
    whole: Mapping[str, float | None]
    near_duplicates: tuple[tuple[int, int], ...]


VARIATION_METRICS: tuple[VariationMetric, ...] = (
    VariationMetric(
        "fidelity",
        "Fidelity to the source",
        "Do edges lie where the source has them? 1 is the same drawing, 0 an unrelated one. Colours do not count.",
        "neither",
        correlate_edges,
    ),
    VariationMetric(
        "likeness",
        "Likeness to the source",
        "Do light and dark lie as in the source (SSIM of L*)? 1 is the same picture.",
        "neither",
        measure_likeness,
    ),
    VariationMetric(
        "hash_distance",
        "Distance of fingerprints",
        "In how many of 64 coarse cells does light and dark turn round? Up to 6 is a near-duplicate of the source.",
        "higher",
        lambda source, variation: float(count_differing_bits(source, variation)),
    ),
)

SET_METRICS: tuple[SetMetric, ...] = (
    SetMetric(
        "diversity_edges_mean",
        "Difference of drawings, mean",
        "How differently are the variations drawn, pair by pair? 0 is five recolourings of one design.",
        "higher",
        lambda evidence: evidence.diversity and evidence.diversity.edges_mean,
    ),
    SetMetric(
        "diversity_edges_least",
        "Difference of drawings, least",
        "How differently are the two most alike variations drawn?",
        "higher",
        lambda evidence: evidence.diversity and evidence.diversity.edges_least,
    ),
    SetMetric(
        "diversity_likeness_mean",
        "Difference of light and dark, mean",
        "How differently do light and dark lie (1 - SSIM of L*), pair by pair?",
        "higher",
        lambda evidence: evidence.diversity and evidence.diversity.likeness_mean,
    ),
    SetMetric(
        "diversity_likeness_least",
        "Difference of light and dark, least",
        "How differently do light and dark lie in the two most alike variations?",
        "higher",
        lambda evidence: evidence.diversity and evidence.diversity.likeness_least,
    ),
    SetMetric(
        "near_duplicates",
        "Near-duplicates",
        "How many pairs of variations are nearly the same picture?",
        "lower",
        lambda evidence: evidence.diversity and float(len(evidence.diversity.near_duplicates)),
    ),
)

METRICS: tuple[VariationMetric | SetMetric, ...] = (*VARIATION_METRICS, *SET_METRICS)


def score_variations(source: Structure, variations: Sequence[Structure]) -> Score:
    """Return the figures of all METRICS for the variations of a source.

    Structures, not pictures: a caller reads one picture at a time, and lets it go. Variations are read at the
    `size_px` of their source; raises `ValueError` where one is not.
    """
    structures = tuple(variations)
    evidence = Evidence(source, structures, measure_diversity(structures))
    return Score(
        each=tuple({metric.id: metric.measure(source, one) for metric in VARIATION_METRICS} for one in structures),
        whole={metric.id: metric.measure(evidence) for metric in SET_METRICS},
        near_duplicates=evidence.diversity.near_duplicates if evidence.diversity is not None else (),
    )
