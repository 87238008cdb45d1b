"""The model card of a trained adapter, and what its training cost in energy."""
