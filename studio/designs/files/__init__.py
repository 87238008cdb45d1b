"""Design files: opening, conversion to sRGB, and export for the loom."""
