"""Colours of designs: colour spaces and differences, palettes, colourways."""
