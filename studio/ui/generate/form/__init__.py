"""The form for the next run: design, yarns, constraints, prompt and settings."""
