"""Optimisers (Muon and AdamW) and the learning-rate schedule of the built-in model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn


@dataclass
class Schedule:
    """Learning-rate schedule: linear warm-up to `peak`, constant, and a linear cool-down to 0 on request.

    Unlike a cosine schedule it does not need the number of steps in advance, so that a training can be continued. The
    cool-down begins at step `cool_down_from` and takes `cool_down_steps`; both are saved, so that a resumed cool-down
    continues. It multiplies the warm-up if it begins within it. `peak` is a factor of the full learning rates.
    """

    warm_up_steps: int
    peak: float = 1.0
    cool_down_from: int | None = None
    cool_down_steps: int = 0

    def factor(self, step: int) -> float:
        """Return the factor of the full learning rate for this step, counted from 0."""
        factor = self.peak * min(1.0, (step + 1) / self.warm_up_steps)
        if self.cool_down_from is not None:
            factor *= max(0.0, 1 - (step - self.cool_down_from + 1) / (self.cool_down_steps + 1))
        return factor

    def restart_gently(self) -> None:
        """Lengthen the warm-up and lower the peak, for trained weights without their optimiser state.

        Without the momenta, first steps at the full rate undo what was learnt (see the model card).
        """
        self.warm_up_steps, self.peak = 4 * self.warm_up_steps, 0.7 * self.peak

    def ended(self, step: int) -> bool:
        """Return whether the cool-down is over before this step."""
        return self.cool_down_from is not None and step >= self.cool_down_from + self.cool_down_steps

    def state_dict(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        return asdict(self)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the fields from a saved state."""
        for name, value in state.items():
            setattr(self, name, value)


class Muon:
    """Muon: Nesterov momentum with orthogonalised updates, for matrices and convolutions (as output x rest).

    All directions of a matrix get the same share of an update; with small batches it learns several times as much per
    carpet as AdamW. Updates are scaled to the size of AdamW's (0.2 * sqrt of the longer side). With `block`, a matrix
    is split along its longer side into blocks of this many rows, which are orthogonalised separately: attention heads
    one by one, at a fifth of the arithmetic. Unlike `torch.optim.Muon` it takes convolutions, batches matrices of the
    same shape, and computes in fp32 on a CPU. Source: K. Jordan, "Muon", 2024; scale of Moonshot AI, 2025.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        block: int | None = None,
        momentum: float = 0.95,
        weight_decay: float = 0.01,
    ) -> None:
        self.parameters = list(parameters)
        self.block = block
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.buffers = [torch.zeros_like(parameter) for parameter in self.parameters]
        self._groups: dict[tuple[int, int], list[int]] = {}
        for i, parameter in enumerate(self.parameters):
            rows = parameter.shape[0]
            self._groups.setdefault((rows, parameter.numel() // rows), []).append(i)

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Update the parameters at this learning rate; a missing gradient counts as 0."""
        for shape, members in self._groups.items():
            parameters = [self.parameters[i] for i in members]
            gradients = [torch.zeros_like(value) if value.grad is None else value.grad for value in parameters]
            buffers = [self.buffers[i] for i in members]
            torch._foreach_lerp_(buffers, gradients, 1 - self.momentum)
            nesterov = torch._foreach_lerp(gradients, buffers, self.momentum)
            updates, longer = self._orthogonalise(torch.stack([update.reshape(shape) for update in nesterov]))
            scale = 0.2 * longer**0.5
            for value, update in zip(parameters, updates, strict=True):
                value.mul_(1 - rate * self.weight_decay)
                value.sub_(update.reshape(value.shape), alpha=rate * scale)

    def _orthogonalise(self, updates: torch.Tensor) -> tuple[torch.Tensor, int]:
        """Return orthogonalised updates (n, rows, columns) and the longer side of the orthogonalised blocks."""
        tall = updates if updates.shape[-2] >= updates.shape[-1] else updates.mT
        rows, columns = tall.shape[-2:]
        if self.block is None or rows % self.block:
            return orthogonalise(updates), rows
        blocks = orthogonalise(tall.reshape(-1, self.block, columns)).reshape(tall.shape)
        return blocks if tall is updates else blocks.mT, max(self.block, columns)


def orthogonalise(matrices: torch.Tensor, steps: int = 5) -> torch.Tensor:
    """Return matrices (n, rows, columns) with singular values near 1, by quintic Newton-Schulz iterations."""
    tall = matrices.shape[-2] > matrices.shape[-1]
    x = matrices.mT if tall else matrices
    x = x.to(torch.bfloat16 if x.is_cuda else torch.float32)
    x = x / x.norm(dim=(-2, -1), keepdim=True).clamp(min=1e-7)
    for _ in range(steps):
        a = x @ x.mT
        b = torch.baddbmm(a, a, a, beta=-4.7750, alpha=2.0315)
        x = torch.baddbmm(x, b, x, beta=3.4445)
    x = x.to(matrices.dtype)
    return x.mT if tall else x


class MixedOptimiser:
    """Muon for the matrices given, AdamW for the other parameters."""

    def __init__(
        self,
        matrices: Iterable[nn.Parameter],
        others: Iterable[nn.Parameter],
        muon_rate: float,
        adamw_rate: float,
        block: int | None = None,
    ) -> None:
        self.muon = Muon(matrices, block)
        self.others = list(others)
        self.adamw = torch.optim.AdamW(self.others, lr=adamw_rate, betas=(0.9, 0.99), weight_decay=0.0, foreach=True)
        self._rates = (muon_rate, adamw_rate)

    def step(self, factor: float, clip_norm: float = 1.0) -> float:
        """Clip the gradients, take a step at `factor` times the learning rates and return the norm before clipping."""
        trained = [*self.muon.parameters, *self.others]
        norm = torch.nn.utils.clip_grad_norm_(trained, clip_norm)
        muon_rate, adamw_rate = self._rates
        for group in self.adamw.param_groups:
            group["lr"] = adamw_rate * factor
        self.muon.step(muon_rate * factor)
        self.adamw.step()
        for parameter in trained:
            parameter.grad = None
        return float(norm)

    def state_dict(self) -> dict[str, Any]:
        """Return the states of both optimisers."""
        return {"muon": self.muon.buffers, "adamw": self.adamw.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the states of both optimisers."""
        for buffer, kept in zip(self.muon.buffers, state["muon"], strict=True):
            buffer.copy_(kept)
        self.adamw.load_state_dict(state["adamw"])


def split_matrices(
    named: Iterable[tuple[str, nn.Parameter]], keep_out: tuple[str, ...]
) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Return (weights for Muon, other parameters).

    Muon gets matrices and convolutions of at least 8 x 8 channels whose names contain none of the words in `keep_out`.
    """
    matrices: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for name, parameter in named:
        large = parameter.ndim in (2, 4) and min(parameter.shape[:2]) >= 8
        (matrices if large and not any(word in name for word in keep_out) else others).append(parameter)
    return matrices, others
