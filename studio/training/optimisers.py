"""What both trainings share: Muon with AdamW, the schedule, the running average of the weights."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn


@dataclass
class Schedule:
    """Learning rate over the steps: warm-up, then constant, then a cool-down once it is asked for.

    A schedule that needs to know the last step (a cosine) cannot be continued tomorrow. Here the constant part has
    no end; a cool-down of `cool_down_steps` begins at step `cool_down_from`, falls to nothing, and is part of the
    saved state, so that a cut cool-down goes on as it began. A cool-down from the first step on falls over the
    warm-up too. `peak` is the part of the full rates that is reached.
    """

    warm_up_steps: int
    peak: float = 1.0
    cool_down_from: int | None = None
    cool_down_steps: int = 0

    def factor(self, step: int) -> float:
        """Return the part of the full learning rate for this step, counted from 0."""
        part = self.peak * min(1.0, (step + 1) / self.warm_up_steps)
        if self.cool_down_from is not None:
            part *= max(0.0, 1 - (step - self.cool_down_from + 1) / (self.cool_down_steps + 1))
        return part

    def go_gently(self) -> None:
        """Rise longer and less far: for trained weights whose optimiser's state is not at hand.

        Without its old momenta the first steps at the full rate undo what was learnt (see the model card).
        """
        self.warm_up_steps, self.peak = 4 * self.warm_up_steps, 0.7 * self.peak

    def ended(self, step: int) -> bool:
        """Whether the cool-down is over before this step."""
        return self.cool_down_from is not None and step >= self.cool_down_from + self.cool_down_steps

    def state_dict(self) -> dict[str, Any]:
        """Return plain values for the saved state."""
        return asdict(self)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a saved schedule."""
        for name, value in state.items():
            setattr(self, name, value)


class Muon:
    """Momentum whose steps are made orthogonal, for weights that are matrices (convolutions seen as out x rest).

    Every direction of a matrix gets the same share of a step; with small batches it learns several times as much
    from a carpet as AdamW does. Steps are scaled to the size of AdamW's (0.2 * sqrt of the longer side). With
    `block` a matrix is cut along its longer side into blocks of so many rows, each made orthogonal by itself: the
    heads of an attention one by one, and a fifth of the arithmetic. Source:
    K. Jordan, "Muon", 2024; scale of Moonshot AI, 2025. Unlike `torch.optim.Muon` it takes convolutions, walks
    matrices of one shape together, and computes in fp32 where the machine has no bf16 arithmetic.
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
        """Take a step along the gradients; a parameter without one counts as at rest."""
        for shape, members in self._groups.items():
            gradients = [
                torch.zeros_like(self.parameters[i]) if self.parameters[i].grad is None else self.parameters[i].grad
                for i in members
            ]
            buffers = [self.buffers[i] for i in members]
            torch._foreach_lerp_(buffers, gradients, 1 - self.momentum)
            ahead = torch._foreach_lerp(gradients, buffers, self.momentum)
            moves, longer = self._orthogonalise(torch.stack([move.reshape(shape) for move in ahead]))
            scale = 0.2 * longer**0.5
            for i, move in zip(members, moves, strict=True):
                self.parameters[i].mul_(1 - rate * self.weight_decay)
                self.parameters[i].sub_(move.reshape(self.parameters[i].shape), alpha=rate * scale)

    def _orthogonalise(self, moves: torch.Tensor) -> tuple[torch.Tensor, int]:
        """Return moves (n, rows, columns) made orthogonal, and the longer side of what was made so."""
        upright = moves if moves.shape[-2] >= moves.shape[-1] else moves.mT
        rows, columns = upright.shape[-2:]
        if self.block is None or rows % self.block:
            return orthogonalise(moves), rows
        blocks = orthogonalise(upright.reshape(-1, self.block, columns)).reshape(upright.shape)
        return blocks if upright is moves else blocks.mT, max(self.block, columns)


def orthogonalise(matrices: torch.Tensor, steps: int = 5) -> torch.Tensor:
    """Return (n, rows, columns) with singular values near 1, by Newton and Schulz's iteration of the fifth order."""
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
    """Muon for the inner matrices, AdamW for all other parameters."""

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
        """Take a step at this part of the learning rates; gradients are clipped and dropped. Returns their norm."""
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
        """Return both optimisers' states."""
        return {"muon": self.muon.buffers, "adamw": self.adamw.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over both optimisers' states."""
        for buffer, kept in zip(self.muon.buffers, state["muon"], strict=True):
            buffer.copy_(kept)
        self.adamw.load_state_dict(state["adamw"])


class RunningAverage:
    """Exponential moving average of parameters; `decay` is reached slowly, so that early noise is forgotten."""

    def __init__(self, modules: dict[str, nn.Module], decay: float = 0.999) -> None:
        self.decay = decay
        self.modules = modules
        self.values = {key: value.detach().clone() for key, value in self._named()}

    def update(self, step: int) -> None:
        """Take in the weights after this step, counted from 0."""
        decay = min(self.decay, (1 + step) / (10 + step))
        keys = [key for key, _ in self._named()]
        now = [value.detach() for _, value in self._named()]
        torch._foreach_lerp_([self.values[key] for key in keys], now, 1 - decay)

    def swap(self) -> None:
        """Exchange the modules' weights with their averages; a second call brings them back."""
        with torch.no_grad():
            for key, value in self._named():
                kept = value.detach().clone()
                value.copy_(self.values[key])
                self.values[key] = kept

    def _named(self) -> list[tuple[str, nn.Parameter]]:
        return [
            (f"{name}.{key}", value) for name, part in self.modules.items() for key, value in part.named_parameters()
        ]


def split_matrices(
    named: Iterable[tuple[str, nn.Parameter]], keep_out: tuple[str, ...]
) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Return (weights for Muon, all others): matrices whose name holds none of the words in `keep_out`."""
    matrices, others = [], []
    for name, parameter in named:
        inner = parameter.ndim in (2, 4) and min(parameter.shape[:2]) >= 8
        (matrices if inner and not any(word in name for word in keep_out) else others).append(parameter)
    return matrices, others
