"""The form of the next run: design, yarns, constraints, prompt and settings."""
