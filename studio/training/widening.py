"""A larger VAE that begins as a trained smaller one, output for output."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from diffusers import AutoencoderKL

UNEVENNESS = 0.25
"""The smaller, the less even the parts that a channel's copies take over. Equal ones would stay equal for ever."""


@torch.no_grad()
def widen_autoencoder(small: AutoencoderKL, large: AutoencoderKL) -> None:
    """Let an untrained VAE compute what a trained one of fewer channels and layers computes.

    A channel of the small one becomes several with the same values, and what reads it shares its weight out among
    them. A norm of one group over all channels gives each copy what it gave the original. Further residual blocks
    add nothing yet. Shift and scale of the latents are taken over. Source: T. Chen et al., "Net2Net", 2016.

    Raises `ValueError` if the large one's channels are not whole multiples, its blocks or layers fewer, or its widths
    unequal from one block to the next where those of the small one are equal.
    """
    given, taken = small.state_dict(), large.state_dict()
    if missing := sorted(given.keys() - taken.keys()):
        raise ValueError(f"the larger VAE lacks {missing[0]}")
    had = {_block_of(key) for key in given}
    if added := sorted(key for key in taken.keys() - given.keys() if _block_of(key) in had):
        raise ValueError(f"the smaller VAE lacks {added[0]}")  # two of its widths are equal that no longer are
    rng = torch.Generator("cpu").manual_seed(0)
    for key, value in taken.items():
        if key in given:
            value.copy_(_spread_out(given[key], value.shape, rng, key))
        elif ".conv2." in key:
            value.zero_()
    large.register_to_config(
        shift_factor=small.config.shift_factor,
        scaling_factor=small.config.scaling_factor,
    )


def _block_of(key: str) -> str:
    """Return the residual block, or the layer outside of any, that a parameter belongs to."""
    found = re.match(r".*resnets\.\d+", key)
    return found[0] if found else key.rpartition(".")[0]


def _spread_out(weights: Tensor, shape: torch.Size, rng: torch.Generator, key: str) -> Tensor:
    """Return weights (out, in, ...) for more outputs, each a copy, and more inputs, each with its share."""
    copies = [wanted // had for wanted, had in zip(shape, weights.shape, strict=True)]
    if any(wanted != had * times for wanted, had, times in zip(shape, weights.shape, copies, strict=True)):
        raise ValueError(f"{key}: {tuple(shape)} are no multiples of {tuple(weights.shape)}")
    repeated = weights.repeat(copies)
    if weights.ndim < 2 or copies[1] == 1:
        return repeated
    shares = UNEVENNESS + torch.rand((shape[0], copies[1], weights.shape[1]), generator=rng)
    shares = (shares / shares.sum(dim=1, keepdim=True)).flatten(1)
    return repeated * shares.view(*shares.shape, *[1] * (weights.ndim - 2)).to(weights)
