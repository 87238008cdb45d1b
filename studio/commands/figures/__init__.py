"""Figures that commands measure: their titles, the table of a benchmark, and the file that they are written to."""
