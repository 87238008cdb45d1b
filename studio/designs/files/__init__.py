"""Files of designs: opened and brought to sRGB, and written for the loom."""
