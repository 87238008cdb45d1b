"""The built-in model: architecture, training data, losses, optimisers, checkpoints, resumable training, evaluation."""
