"""A drawn picture made into one that can be woven: yarns, symmetry and kept parts, exact to the knot."""
