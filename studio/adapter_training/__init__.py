"""The training of an adapter on a dataset: a LoRA of a Stable Diffusion 3 transformer."""
