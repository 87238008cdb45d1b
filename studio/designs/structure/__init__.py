"""The structure of a design: symmetry, border and repeat."""
