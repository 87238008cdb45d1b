"""Encoding and decoding by a pipeline's VAE; a repeat is padded with its neighbours on the cloth first."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from studio.designs.structure.repeat import lay
from studio.models.pipeline import SD3Pipeline, execution_device

if TYPE_CHECKING:
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL


class Codec:
    """A pipeline's VAE, for single pictures (`repeat` None) or for a repeat, whose edges meet one another.

    Latents are scaled to mean 0 and standard deviation 1. Pictures are coded one at a time: several at once need
    several times the memory.
    """

    def __init__(self, pipe: SD3Pipeline, repeat: str | None = None) -> None:
        self._pipe = pipe
        self._repeat = repeat

    @property
    def cell_px(self) -> int:
        """Side of a latent cell in pixels."""
        return self._pipe.vae_scale_factor

    def encode(self, pictures: Tensor) -> Tensor:
        """Return the latents (b, c, h / cell, w / cell) of pictures (b, 3, h, w) in -1..1.

        Takes the mode of the posterior. A sample would use the first seed's generator, so that this seed would give
        different pictures alone and in a batch.
        """
        vae, margin = self._pipe.vae, self._margin_cells
        pictures = pictures.to(execution_device(self._pipe), vae.dtype)
        around = self._surround(pictures, margin * self.cell_px)
        latents = torch.cat([vae.encode(one[None]).latent_dist.mode() for one in around])
        return scale(_crop(latents, margin), vae)

    def decode(self, latents: Tensor) -> Tensor:
        """Return the pictures (b, 3, h * cell, w * cell), about -1..1, of latents (b, c, h, w)."""
        vae, margin = self._pipe.vae, self._margin_cells
        latents = latents.to(execution_device(self._pipe), vae.dtype)
        around = self._surround(unscale(latents, vae), margin)
        return _crop(torch.cat([vae.decode(one[None]).sample for one in around]), margin * self.cell_px)

    @property
    def _margin_cells(self) -> int:
        return 0 if self._repeat is None else receptive_field_cells(self._pipe.vae)

    def _surround(self, tiles: Tensor, margin: int) -> Tensor:
        height, width = tiles.shape[-2:]
        if self._repeat is None:
            return tiles
        return take_cells(tiles, self._repeat, np.arange(-margin, height + margin), np.arange(-margin, width + margin))


def scale(latents: Tensor, vae: AutoencoderKL) -> Tensor:
    """Return a VAE's own latents scaled for the transformer, to mean 0 and standard deviation 1."""
    scaled: Tensor = (latents - vae.config["shift_factor"]) * vae.config["scaling_factor"]
    return scaled


def unscale(latents: Tensor, vae: AutoencoderKL) -> Tensor:
    """Return latents of the transformer scaled back to the VAE's own."""
    own: Tensor = latents / vae.config["scaling_factor"] + vae.config["shift_factor"]
    return own


def receptive_field_cells(vae: AutoencoderKL) -> int:
    """Return how many latent cells the decoder's convolutions reach to each side; the encoder's reach less far.

    Each 3x3 convolution adds one pixel at its own resolution.
    """
    blocks, residuals = len(vae.config["block_out_channels"]), vae.config["layers_per_block"] + 1
    reach = 1.0 + 2 * 2  # the first convolution, and the two residual blocks in the middle
    for block in range(blocks):
        reach += 2 * residuals / 2**block
        reach += 1 / 2 ** min(block + 1, blocks - 1)  # the convolution after upsampling, or the last one
    return math.ceil(reach)


def take_cells(tiles: Tensor, repeat: str, ys: NDArray[np.int64], xs: NDArray[np.int64]) -> Tensor:
    """Return rows ys (n,) and columns xs (m,) of the endless cloths of tiles (..., h, w), shape (..., n, m)."""
    height, width = tiles.shape[-2:]
    rows, columns = lay((height, width), repeat, ys, xs)
    return tiles[..., torch.from_numpy(rows), torch.from_numpy(columns)]


def _crop(tiles: Tensor, margin: int) -> Tensor:
    height, width = tiles.shape[-2:]
    return tiles[..., margin : height - margin, margin : width - margin]
