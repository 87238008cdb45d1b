"""What the VAE's trainings make small: differences of pictures, and of their yarns."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from studio.designs.colours.colour_spaces import count_colours
from studio.training.pixels import to_pixels

ALL_BUT_RIGHT = 0.01
"""A distance of colours, in -1..1, below which being nearer counts for little: a step or two of 8 bits."""
YARNS_MOST = 32
"""A crop of more colours was shrunk from a larger drawing: its edges are blended, none of its colours is a yarn."""


@dataclass(frozen=True)
class LossWeights:
    """Weights of the terms of `measure_loss`; they multiply the L1 difference, which counts once.

    `block_weight` is for the pictures averaged over 8x8 px: without it lines come out right and hues wrong.
    `hue_weight` is for the differences red - green and yellow - blue averaged over 4x4 px: the norms of the network
    take the mean out of its features, and without this term it learns only one or two of the three colour axes for
    a long while. `yarn_weight` is for the unlikelihood of the right yarn among those of the crop, when the likelihood
    of a yarn falls with the squared distance of what was drawn, by a factor of e for each `yarn_spread`: a design is
    read by its nearest yarns, so a pixel halfway between two is worse than one that is a little off. `exact_weight` is
    for the square root of a pixel's distance: it is won by pixels that are all but right, not by pixels that are less
    wrong. `flat_weight` is for the same of the distance from the nearest yarn of the crop, whichever it is.
    """

    gradient_weight: float = 1.0
    block_weight: float = 2.0
    hue_weight: float = 2.0
    yarn_weight: float = 0.3
    yarn_spread: float = 0.04
    exact_weight: float = 0.5
    flat_weight: float = 1.0


def measure_loss(made: Tensor, wanted: Tensor, weights: LossWeights) -> Tensor:
    """Return the loss of pictures (b, 3, h, w) in -1..1."""
    confusion, straying = measure_yarns(made, wanted, weights.yarn_spread)
    difference = made - wanted
    steps = difference.diff(dim=2).abs().mean() + difference.diff(dim=3).abs().mean()
    blocks = F.avg_pool2d(difference, 8).abs().mean()
    coarse = F.avg_pool2d(difference, 4)
    red, green, blue = coarse.unbind(dim=1)
    hues = (red - green).abs().mean() + ((red + green) / 2 - blue).abs().mean()
    return (
        difference.abs().mean()
        + weights.hue_weight * hues
        + weights.gradient_weight * steps
        + weights.block_weight * blocks
        + weights.exact_weight * _soft_root(difference.square().sum(dim=1)).mean()
        + weights.yarn_weight * confusion
        + weights.flat_weight * straying
    )


def measure_yarns(made: Tensor, wanted: Tensor, spread: float) -> tuple[Tensor, Tensor]:
    """Return how hard the yarns of pictures (b, 3, h, w) are to tell, and how far their colours are from any yarn.

    The first is the mean unlikelihood of the right yarns, in natural logarithms; the second the mean root of the
    distance to the nearest. The yarns of a picture are the colours of the wanted one; a picture of more than
    `YARNS_MOST` counts as right.
    """
    confusion, straying = made.new_zeros(()), made.new_zeros(())
    for drawn, picture in zip(made, wanted, strict=True):
        yarns = find_yarns(picture)
        if yarns is None:
            continue
        right, apart = measure_apart(picture, yarns).argmin(dim=-1), measure_apart(drawn, yarns)
        confusion = confusion + F.cross_entropy((-apart / spread).flatten(0, 1), right.flatten()) / len(made)
        straying = straying + _soft_root(apart.min(dim=-1).values).mean() / len(made)
    return confusion, straying


def find_yarns(picture: Tensor) -> Tensor | None:
    """Return the colours (n, 3) of a picture (3, h, w), -1..1; None for more than `YARNS_MOST`."""
    colours, _ = count_colours(to_pixels(picture[None])[0])
    if len(colours) > YARNS_MOST:
        return None
    return torch.from_numpy(colours).to(picture.device).float().div(127.5).sub(1)


def measure_apart(picture: Tensor, yarns: Tensor) -> Tensor:
    """Return how far each pixel of a picture (3, h, w) is from each yarn (n, 3), squared: (h, w, n)."""
    return (picture.permute(1, 2, 0)[:, :, None] - yarns).square().sum(dim=-1)


def _soft_root(squared: Tensor) -> Tensor:
    """Return the square root of distances given squared; below `ALL_BUT_RIGHT` it is nearly even."""
    return (squared + ALL_BUT_RIGHT**2).pow(0.25)
