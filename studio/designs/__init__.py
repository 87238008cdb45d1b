"""Pictures as designs: opened, checked, fitted to what a model needs and back. numpy and Pillow only."""

from studio.designs.canvas import Canvas, fit, plan_canvas, unfit
from studio.designs.opening import FINE_FORMATS, FORMATS, Design, browser_ready, open_design
from studio.designs.samples import SAMPLES, Sample

__all__ = [
    "FINE_FORMATS",
    "FORMATS",
    "SAMPLES",
    "Canvas",
    "Design",
    "Sample",
    "browser_ready",
    "fit",
    "open_design",
    "plan_canvas",
    "unfit",
]
