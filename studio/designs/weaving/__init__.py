"""Weaving: a model's picture converted to knots that keep yarns, symmetry, repeat and kept parts exactly."""
