"""The reconstruction loss of the VAE: differences of pictures and of their yarns.

The yarns of a crop are its distinct colours. Distances of colours are Euclidean in RGB of -1..1.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from studio.designs.colours.colour_spaces import count_colours
from studio.training.pixels import to_pixels

ROOT_SOFTENING = 0.01
"""A distance of colours below which the square root flattens out: one or two steps of 8 bits."""
YARNS_MOST = 32
"""A crop of more colours has blended edges, as it was shrunk from a larger drawing, and so has no yarns."""


@dataclass(frozen=True)
class LossWeights:
    """Weights of the terms of `measure_loss` relative to the L1 difference, whose weight is 1.

    - `gradient_weight`: L1 of the differences between neighbouring pixels.
    - `block_weight`: L1 of the means over 8x8 px. Without it lines are right, but hues are wrong.
    - `hue_weight`: L1 of red - green and yellow - blue, averaged over 4x4 px. The norms of the network remove the mean
      from its features; without this term only one or two of the three colour axes are learnt for a long time.
    - `yarn_weight`: cross-entropy of the right yarn. The likelihood of a yarn falls with its squared distance, by a
      factor of e per `yarn_spread`. Knots take the nearest yarn, so a pixel halfway between two yarns is worse than
      one that is slightly off.
    - `exact_weight`: square root of the colour distance of a pixel, which rewards almost right pixels becoming right
      more than wrong ones becoming less wrong.
    - `flat_weight`: square root of the distance to the nearest yarn, whether or not it is the right one.
    """

    gradient_weight: float = 1.0
    block_weight: float = 2.0
    hue_weight: float = 2.0
    yarn_weight: float = 0.3
    yarn_spread: float = 0.04
    exact_weight: float = 0.5
    flat_weight: float = 1.0


def measure_loss(output: Tensor, target: Tensor, weights: LossWeights) -> Tensor:
    """Return the scalar loss of pictures (b, 3, h, w), -1..1."""
    confusion, straying = measure_yarns(output, target, weights.yarn_spread)
    difference = output - target
    gradients = difference.diff(dim=2).abs().mean() + difference.diff(dim=3).abs().mean()
    blocks = F.avg_pool2d(difference, 8).abs().mean()
    coarse = F.avg_pool2d(difference, 4)
    red, green, blue = coarse.unbind(dim=1)
    hues = (red - green).abs().mean() + ((red + green) / 2 - blue).abs().mean()
    return (
        difference.abs().mean()
        + weights.hue_weight * hues
        + weights.gradient_weight * gradients
        + weights.block_weight * blocks
        + weights.exact_weight * _soft_root(difference.square().sum(dim=1)).mean()
        + weights.yarn_weight * confusion
        + weights.flat_weight * straying
    )


def measure_yarns(output: Tensor, target: Tensor, spread: float) -> tuple[Tensor, Tensor]:
    """Return the scalar yarn losses (confusion, straying) of pictures (b, 3, h, w), -1..1.

    Confusion is the mean cross-entropy of the right yarns in nats, straying the mean square root of the distance to
    the nearest yarn. Pictures without yarns add nothing to either.
    """
    confusion, straying = output.new_zeros(()), output.new_zeros(())
    for drawn, wanted in zip(output, target, strict=True):
        yarns = find_yarns(wanted)
        if yarns is None:
            continue
        right = measure_squared_distances(wanted, yarns).argmin(dim=-1)
        squared = measure_squared_distances(drawn, yarns)
        confusion = confusion + F.cross_entropy((-squared / spread).flatten(0, 1), right.flatten()) / len(output)
        straying = straying + _soft_root(squared.min(dim=-1).values).mean() / len(output)
    return confusion, straying


def find_yarns(picture: Tensor) -> Tensor | None:
    """Return the distinct colours (n, 3) of a picture (3, h, w), both -1..1; None for more than `YARNS_MOST`."""
    colours, _ = count_colours(to_pixels(picture[None])[0])
    if len(colours) > YARNS_MOST:
        return None
    return torch.from_numpy(colours).to(picture.device).float().div(127.5).sub(1)


def measure_squared_distances(picture: Tensor, yarns: Tensor) -> Tensor:
    """Return the squared distances (h, w, n) between the pixels of a picture (3, h, w) and yarns (n, 3)."""
    return (picture.permute(1, 2, 0)[:, :, None] - yarns).square().sum(dim=-1)


def _soft_root(squared: Tensor) -> Tensor:
    """Return the square root of distances given squared, of any shape, softened below `ROOT_SOFTENING`."""
    return (squared + ROOT_SOFTENING**2).pow(0.25)
