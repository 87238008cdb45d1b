"""Generated carpet designs with captions: layouts by family, yarns by palette. Uses numpy and Pillow only."""
