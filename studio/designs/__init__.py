"""Carpet designs: open, inspect (yarns, symmetry, border, repeat), weave and export them. numpy and Pillow only.

>>> from pathlib import Path
>>> from studio.designs import SAMPLES, encode_png, inspect_design, make_colourways, open_design
>>> design = open_design(Path(SAMPLES[0].path).read_bytes())
>>> inspect_design(design).indexed
True
>>> knots = design.index_map
>>> colourway = make_colourways(knots.palette, knots.shares(), count=1, seed=1)[0]
>>> encode_png(knots.with_palette(colourway.palette))[1:4]
b'PNG'
"""

from studio.designs.canvas import Canvas, fit, plan_canvas, unfit
from studio.designs.colours.colourways import Colourway, make_colourways, match_palette
from studio.designs.colours.palette import find_near_yarns, snap, suggest_palette
from studio.designs.files.export import Density, encode_bmp, encode_png
from studio.designs.files.opening import FINE_FORMATS, FORMATS, Design, browser_ready, open_design
from studio.designs.index_map import EXACT_LIMIT, IndexMap, index_colours
from studio.designs.inspection import Inspection, describe, inspect_design
from studio.designs.samples import SAMPLES, Sample
from studio.designs.structure.borders import Border, border_mask, find_border
from studio.designs.structure.repeat import close_seams, find_repeat, measure_seams, tile
from studio.designs.structure.symmetry import Axis, find_axis, is_symmetric, mirror
from studio.designs.weaving.orphans import clean_orphans, measure_orphan_share
from studio.designs.weaving.plan import WeavePlan, plan_weave
from studio.designs.weaving.weave import Woven, weave
from studio.designs.yarns import read_index_map, read_yarns

__all__ = [
    "EXACT_LIMIT",
    "FINE_FORMATS",
    "FORMATS",
    "SAMPLES",
    "Axis",
    "Border",
    "Canvas",
    "Colourway",
    "Density",
    "Design",
    "IndexMap",
    "Inspection",
    "Sample",
    "WeavePlan",
    "Woven",
    "border_mask",
    "browser_ready",
    "clean_orphans",
    "close_seams",
    "describe",
    "encode_bmp",
    "encode_png",
    "find_axis",
    "find_border",
    "find_near_yarns",
    "find_repeat",
    "fit",
    "index_colours",
    "inspect_design",
    "is_symmetric",
    "make_colourways",
    "match_palette",
    "measure_orphan_share",
    "measure_seams",
    "mirror",
    "open_design",
    "plan_canvas",
    "plan_weave",
    "read_index_map",
    "read_yarns",
    "snap",
    "suggest_palette",
    "tile",
    "unfit",
    "weave",
]
