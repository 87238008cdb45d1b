"""Carpets as latents, for the flow training: drawn and encoded once, learnt from a few times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from studio.generation.codec import scale
from studio.models.device import mixed_precision
from studio.training.pixels import to_tensor
from studio.training.stream import LARGE_SIZES_PX, SMALL_SIZES_PX, PairShares, draw_pair

if TYPE_CHECKING:
    from diffusers import AutoencoderKL


@dataclass(frozen=True)
class Bucket:
    """Examples of one size: how many to a batch, and which part of the batches they make."""

    width_px: int
    height_px: int
    batch: int
    share: float


@dataclass(frozen=True)
class Batch:
    """What a step learns from: latents (b, c, h, w) to begin with and to end with, captions, which are recoloured."""

    sources: Tensor
    targets: Tensor
    captions: list[str]
    recoloured: Tensor


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
        shares: PairShares | None = None,
        *,
        uses: float = 6.0,
        window: int = 2000,
    ) -> None:
        self.vae = vae.to(device).eval()
        self.device = device
        self.buckets = buckets
        self.uses = uses
        self.window = window
        self.shares = PairShares() if shares is None else shares
        self._kept: dict[tuple[int, int], _Kept] = {}

    def draw(self, step: int) -> Batch:
        """Return a batch whose latents have mean 0 and deviation 1."""
        rng = np.random.default_rng([step, 21])
        place = int(rng.choice(len(self.buckets), p=[bucket.share for bucket in self.buckets]))
        bucket = self.buckets[place]
        newest = int(2 * bucket.batch + step * bucket.share * bucket.batch / self.uses)
        oldest = max(0, newest - int(self.window * bucket.share))
        for key in [key for key in self._kept if key[0] == place and key[1] < oldest]:
            del self._kept[key]
        numbers = rng.integers(oldest, newest, bucket.batch)
        entries = [self._keep(place, int(number)) for number in numbers]
        return Batch(
            torch.stack([entry.source for entry in entries]).float().to(self.device),
            torch.stack([entry.target for entry in entries]).float().to(self.device),
            [entry.caption for entry in entries],
            torch.tensor([entry.recoloured for entry in entries], device=self.device),
        )

    def encode(self, pixels: np.ndarray) -> Tensor:
        """Return the scaled latent (c, h, w) of a uint8 picture (h, w, 3)."""
        return encode_scaled(self.vae, to_tensor(pixels[None]).to(self.device))[0].cpu()

    def _keep(self, place: int, number: int) -> _Kept:
        key = (place, number)
        if key not in self._kept:
            bucket = self.buckets[place]
            number = number * len(self.buckets) + place
            pair = draw_pair(number, bucket.width_px, bucket.height_px, self.shares)
            target = self.encode(pair.target).half()
            source = self.encode(pair.source).half() if pair.recoloured else target
            self._kept[key] = _Kept(source, target, pair.caption, pair.recoloured)
        return self._kept[key]


@torch.no_grad()
def encode_scaled(vae: AutoencoderKL, pictures: Tensor) -> Tensor:
    """Return the latents (b, c, h, w), scaled and without noise, of pictures (b, 3, h, w), -1..1."""
    with mixed_precision(pictures.device):
        return scale(vae.encode(pictures).latent_dist.mode().float(), vae)


@dataclass(frozen=True, slots=True)
class _Kept:
    """A pair as latents (c, h, w), fp16."""

    source: Tensor
    target: Tensor
    caption: str
    recoloured: bool
