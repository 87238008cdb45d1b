"""The built-in model: the carpets it learns from, drawn by code, and its training in stretches that add up."""
