"""Pictures as designs: opened, checked, fitted to what a model needs and back. numpy and Pillow only."""

from studio.designs.canvas import Canvas, fit, plan_canvas, unfit
from studio.designs.index_map import EXACT_LIMIT, IndexMap, index_colours, read_index_map
from studio.designs.opening import FINE_FORMATS, FORMATS, Design, browser_ready, open_design
from studio.designs.orphans import clean_orphans, measure_orphan_share
from studio.designs.palette import find_near_yarns, snap, suggest_palette
from studio.designs.samples import SAMPLES, Sample

__all__ = [
    "EXACT_LIMIT",
    "FINE_FORMATS",
    "FORMATS",
    "SAMPLES",
    "Canvas",
    "Design",
    "IndexMap",
    "Sample",
    "browser_ready",
    "clean_orphans",
    "find_near_yarns",
    "fit",
    "index_colours",
    "measure_orphan_share",
    "open_design",
    "plan_canvas",
    "read_index_map",
    "snap",
    "suggest_palette",
    "unfit",
]
