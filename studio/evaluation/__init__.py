"""Metrics: variations against their source, sets against an archive, palettes, copies. numpy and Pillow only."""

from studio.evaluation.metrics import SET_METRICS, VARIATION_METRICS, Score, score_variations
from studio.evaluation.palettes import measure_off_palette_share
from studio.evaluation.structure import (
    Diversity,
    Structure,
    correlate_edges,
    count_differing_bits,
    measure_diversity,
    measure_likeness,
    read_structure,
)

__all__ = [
    "SET_METRICS",
    "VARIATION_METRICS",
    "Diversity",
    "Score",
    "Structure",
    "correlate_edges",
    "count_differing_bits",
    "measure_diversity",
    "measure_likeness",
    "measure_off_palette_share",
    "read_structure",
    "score_variations",
]
