"""Carpet Diffusion Studio: variations of carpet designs, from the picture to the loom."""

__version__ = "0.2.0"
