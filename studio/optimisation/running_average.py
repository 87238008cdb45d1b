"""The exponential moving average of trained weights."""

from __future__ import annotations

import torch
from torch import nn


class RunningAverage:
    """Exponential moving average (EMA) of parameters; its decay rises to `decay`, so that early weights fade fast."""

    def __init__(self, modules: dict[str, nn.Module], decay: float = 0.999, *, trained_only: bool = False) -> None:
        """With `trained_only` parameters that are not trained are left as they are, and take no memory."""
        self.decay = decay
        self.modules = modules
        self._trained_only = trained_only
        self.values = {key: value.detach().clone() for key, value in self._named()}

    def update(self, step: int) -> None:
        """Update the average with the weights after this step, counted from 0."""
        decay = min(self.decay, (1 + step) / (10 + step))
        keys = [key for key, _ in self._named()]
        now = [value.detach() for _, value in self._named()]
        torch._foreach_lerp_([self.values[key] for key in keys], now, 1 - decay)

    def swap(self) -> None:
        """Exchange the weights of the modules with their averages; a second call restores them."""
        with torch.no_grad():
            for key, value in self._named():
                kept = value.detach().clone()
                value.copy_(self.values[key])
                self.values[key] = kept

    def _named(self) -> list[tuple[str, nn.Parameter]]:
        return [
            (f"{name}.{key}", value)
            for name, part in self.modules.items()
            for key, value in part.named_parameters()
            if value.requires_grad or not self._trained_only
        ]
