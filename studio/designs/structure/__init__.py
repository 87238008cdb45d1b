"""Structure of a design: symmetry, border and repeat."""
