"""Carpets as latents, for the flow training: drawn and encoded once, learnt from a few times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from studio.training.autoencoder import to_tensor
from studio.training.stream import LARGE_SIZES_PX, SMALL_SIZES_PX, draw_example

if TYPE_CHECKING:
    from diffusers import AutoencoderKL


@dataclass(frozen=True)
class Bucket:
    """Examples of one size: how many to a batch, and which part of the batches they make."""

    width_px: int
    height_px: int
    batch: int
    share: float


def plan_buckets(
    batch: int,
    large_share: float,
    small_px: tuple[tuple[int, int], ...] = SMALL_SIZES_PX,
    large_px: tuple[tuple[int, int], ...] = LARGE_SIZES_PX,
) -> tuple[Bucket, ...]:
    """Return the buckets: the larger a picture, the fewer to a batch, so that every step costs about the same.

    At least two, for the gradient of a single picture is too noisy a guide.
    """
    smallest_px = min(width * height for width, height in small_px)
    small = [Bucket(*size, batch, (1 - large_share) / len(small_px)) for size in small_px]
    large = [
        Bucket(*size, max(min(2, batch), round(batch * smallest_px / (size[0] * size[1]))), large_share / len(large_px))
        for size in large_px
    ]
    return tuple(entry for entry in (*small, *large) if entry.share > 0)


class LatentStream:
    """The latents of step after step, each step a pure function of its number.

    A bucket's examples are numbered; at a step those of a moving window are in use. `uses` is how often an example
    is learnt from before the window has left it, on average. Kept in memory, made again when missing: a resumed
    training meets the same latents.
    """

    def __init__(
        self,
        vae: AutoencoderKL,
        device: torch.device,
        buckets: tuple[Bucket, ...],
        uses: float = 6.0,
        window: int = 2000,
    ) -> None:
        self.vae = vae.to(device).eval()
        self.device = device
        self.buckets = buckets
        self.uses = uses
        self.window = window
        self._kept: dict[tuple[int, int], tuple[Tensor, str]] = {}

    def draw(self, step: int) -> tuple[Tensor, list[str]]:
        """Return latents (b, c, h, w) of mean 0 and deviation 1, and their captions."""
        rng = np.random.default_rng([step, 21])
        place = int(rng.choice(len(self.buckets), p=[bucket.share for bucket in self.buckets]))
        bucket = self.buckets[place]
        newest = int(2 * bucket.batch + step * bucket.share * bucket.batch / self.uses)
        oldest = max(0, newest - int(self.window * bucket.share))
        for key in [key for key in self._kept if key[0] == place and key[1] < oldest]:
            del self._kept[key]
        numbers = rng.integers(oldest, newest, bucket.batch)
        entries = [self._keep(place, int(number)) for number in numbers]
        return torch.stack([latent for latent, _ in entries]).float().to(self.device), [text for _, text in entries]

    def encode(self, pixels: np.ndarray) -> Tensor:
        """Return the scaled latent (c, h, w) of a uint8 picture (h, w, 3)."""
        with torch.no_grad():
            latent = self.vae.encode(to_tensor(pixels[None]).to(self.device)).latent_dist.mode()
        return ((latent - self.vae.config.shift_factor) * self.vae.config.scaling_factor)[0].cpu()

    def _keep(self, place: int, number: int) -> tuple[Tensor, str]:
        key = (place, number)
        if key not in self._kept:
            bucket = self.buckets[place]
            example = draw_example(number * len(self.buckets) + place, bucket.width_px, bucket.height_px)
            self._kept[key] = (self.encode(example.pixels).half(), example.caption)
        return self._kept[key]
