"""Pictures to latents and back by a pipeline's VAE, which sees what lies beside a repeat."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from studio.designs.structure.repeat import lay

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, StableDiffusion3Img2ImgPipeline


class Codec:
    """The VAE of a pipeline, for pictures that lie alone or in a `repeat` (None, or one whose edges meet themselves).

    Latents are scaled to mean 0 and deviation 1. One picture at a time: several at once would need several times the
    memory.
    """

    def __init__(self, pipe: StableDiffusion3Img2ImgPipeline, repeat: str | None = None) -> None:
        self._pipe = pipe
        self._repeat = repeat

    @property
    def cell_px(self) -> int:
        """How many pixels a latent stands for, each way."""
        return self._pipe.vae_scale_factor

    def encode(self, pictures: Tensor) -> Tensor:
        """Return the latents (b, c, h / cell, w / cell) of pictures (b, 3, h, w) in -1..1.

        The mode of the posterior, not a sample: a sample would be drawn by the first seed's generator, and that seed
        would give another picture alone than in a batch.
        """
        vae, margin = self._pipe.vae, self._margin_cells
        pictures = pictures.to(self._pipe._execution_device, vae.dtype)
        around = self._surround(pictures, margin * self.cell_px)
        latents = torch.cat([vae.encode(one[None]).latent_dist.mode() for one in around])
        return scale(_crop(latents, margin), vae)

    def decode(self, latents: Tensor) -> Tensor:
        """Return the pictures (b, 3, h * cell, w * cell), about -1..1, of latents (b, c, h, w)."""
        vae, margin = self._pipe.vae, self._margin_cells
        latents = latents.to(self._pipe._execution_device, vae.dtype)
        around = self._surround(unscale(latents, vae), margin)
        return _crop(torch.cat([vae.decode(one[None]).sample for one in around]), margin * self.cell_px)

    @property
    def _margin_cells(self) -> int:
        return 0 if self._repeat is None else reach_cells(self._pipe.vae)

    def _surround(self, tiles: Tensor, margin: int) -> Tensor:
        height, width = tiles.shape[-2:]
        if self._repeat is None:
            return tiles
        return look(tiles, self._repeat, np.arange(-margin, height + margin), np.arange(-margin, width + margin))


def scale(latents: Tensor, vae: AutoencoderKL) -> Tensor:
    """Return a VAE's own latents as those that a transformer knows, of mean 0 and deviation 1."""
    return (latents - vae.config.shift_factor) * vae.config.scaling_factor


def unscale(latents: Tensor, vae: AutoencoderKL) -> Tensor:
    """Return latents that a transformer knows as the VAE's own."""
    return latents / vae.config.scaling_factor + vae.config.shift_factor


def reach_cells(vae: AutoencoderKL) -> int:
    """Return how many latent cells away the decoder's convolutions look, which look farther than the encoder's.

    Each of 3x3 looks one pixel further, of the size at which it works.
    """
    blocks, residuals = len(vae.config.block_out_channels), vae.config.layers_per_block + 1
    reach = 1.0 + 2 * 2  # the first one, and the two residual blocks in the middle
    for block in range(blocks):
        reach += 2 * residuals / 2**block
        reach += 1 / 2 ** min(block + 1, blocks - 1)  # the one after an enlargement, or the last one
    return math.ceil(reach)


def look(tiles: Tensor, repeat: str, ys: NDArray[np.int64], xs: NDArray[np.int64]) -> Tensor:
    """Return what lies at these rows and columns of the endless cloths of tiles (..., h, w)."""
    rows, columns = lay(tiles.shape[-2:], repeat, ys, xs)
    return tiles[..., torch.from_numpy(rows), torch.from_numpy(columns)]


def _crop(tiles: Tensor, margin: int) -> Tensor:
    height, width = tiles.shape[-2:]
    return tiles[..., margin : height - margin, margin : width - margin]
