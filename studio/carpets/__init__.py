"""Carpet designs drawn by code: layouts of families, dressed in yarn, with captions. numpy and Pillow only."""
