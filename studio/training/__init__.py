"""Training of the built-in model: its architecture, data, objectives, and stretches that add up."""
