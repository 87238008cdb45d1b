"""How good variations are, in figures: colour differences, structure, diversity, palettes. numpy and Pillow only."""

from studio.designs.colours.colour_spaces import (
    convert_from_linear,
    convert_from_oklab,
    convert_to_lab,
    convert_to_lightness,
    convert_to_linear,
    convert_to_oklab,
    count_colours,
    measure_difference,
)
from studio.evaluation.metrics import METRICS, SET_METRICS, VARIATION_METRICS, Score, score_variations
from studio.evaluation.palettes import measure_off_palette_share, measure_palette_distance
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
    "METRICS",
    "SET_METRICS",
    "VARIATION_METRICS",
    "Diversity",
    "Score",
    "Structure",
    "convert_from_linear",
    "convert_from_oklab",
    "convert_to_lab",
    "convert_to_lightness",
    "convert_to_linear",
    "convert_to_oklab",
    "correlate_edges",
    "count_colours",
    "count_differing_bits",
    "measure_difference",
    "measure_diversity",
    "measure_likeness",
    "measure_off_palette_share",
    "measure_palette_distance",
    "read_structure",
    "score_variations",
]
