"""Initialise a larger VAE with the function of a trained smaller one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from diffusers.models import AutoencoderKL

LEAST_SHARE = 0.25
"""Added to the random shares of a channel's copies; the smaller, the less equal they are. Equal copies stay equal."""


@torch.no_grad()
def widen_autoencoder(small: AutoencoderKL, large: AutoencoderKL) -> None:
    """Set the weights of a large VAE in place, so that it computes the same function as a small one.

    Each channel of the small VAE is copied to several, and the weights that read it are split among the copies. A norm
    of one group over all channels treats the copies like the original. Added residual blocks start as identity. Shift
    and scale of the latents are copied. Source: T. Chen et al., "Net2Net", 2016.

    Raises `ValueError` if the large VAE has channels that are not multiples of those of the small one, fewer blocks or
    layers, or different widths in successive blocks where those of the small one are equal.
    """
    old, new = small.state_dict(), large.state_dict()
    if missing := sorted(old.keys() - new.keys()):
        raise ValueError(f"the larger VAE lacks {missing[0]}")
    old_blocks = {_find_block(key) for key in old}
    # An unequal pair of widths adds a shortcut to a block that has none in the small VAE.
    if added := sorted(key for key in new.keys() - old.keys() if _find_block(key) in old_blocks):
        raise ValueError(f"the smaller VAE lacks {added[0]}")
    rng = torch.Generator("cpu").manual_seed(0)
    for key, value in new.items():
        if key in old:
            value.copy_(_copy_channels(old[key], value.shape, rng, key))
        elif ".conv2." in key:
            value.zero_()
    large.register_to_config(  # type: ignore[no-untyped-call]  # diffusers, untyped
        shift_factor=small.config["shift_factor"],
        scaling_factor=small.config["scaling_factor"],
    )


def _find_block(key: str) -> str:
    """Return the name of the residual block of a parameter, or of its layer if it is outside of any."""
    found = re.match(r".*resnets\.\d+", key)
    return found[0] if found else key.rpartition(".")[0]


def _copy_channels(weights: Tensor, shape: torch.Size, rng: torch.Generator, key: str) -> Tensor:
    """Return weights (out, in, ...) repeated to a larger shape, each input weight split at random among its copies."""
    copies = [new // old for new, old in zip(shape, weights.shape, strict=True)]
    if any(new != old * times for new, old, times in zip(shape, weights.shape, copies, strict=True)):
        raise ValueError(f"{key}: {tuple(shape)} are not multiples of {tuple(weights.shape)}")
    repeated = weights.repeat(copies)
    if weights.ndim < 2 or copies[1] == 1:
        return repeated
    shares = LEAST_SHARE + torch.rand((shape[0], copies[1], weights.shape[1]), generator=rng)
    shares = (shares / shares.sum(dim=1, keepdim=True)).flatten(1)
    return repeated * shares.view(*shares.shape, *[1] * (weights.ndim - 2)).to(weights)
