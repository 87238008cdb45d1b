"""Latents of carpets, the training data of the flow training: encoded once, used several times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from studio.generation.vae import scale
from studio.models.device import mixed_precision
from studio.training.examples import LARGE_SIZES_PX, SMALL_SIZES_PX, PairShares, draw_pair
from studio.training.pixels import to_tensor

if TYPE_CHECKING:
    from diffusers.models import AutoencoderKL


@dataclass(frozen=True)
class Bucket:
    """Examples of one size, their batch size, and their share of the batches."""

    width_px: int
    height_px: int
    batch: int
    share: float


@dataclass(frozen=True)
class Batch:
    """Latents of sources and targets (b, c, h, w), b captions, and which pairs are recoloured, bool (b)."""

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
    """Return the buckets. Larger pictures have smaller batches, so that all steps cost about the same.

    A batch has at least two pictures, as the gradient of one is too noisy.
    """
    smallest_px = min(width * height for width, height in small_px)
    small = [Bucket(*size, batch, (1 - large_share) / len(small_px)) for size in small_px]
    large = [
        Bucket(*size, max(min(2, batch), round(batch * smallest_px / (size[0] * size[1]))), large_share / len(large_px))
        for size in large_px
    ]
    return tuple(entry for entry in (*small, *large) if entry.share > 0)


class LatentStream:
    """Batches of latents; each batch is a pure function of its step.

    Batches are drawn at random from a moving window over the numbered examples of a bucket; an example is used `uses`
    times on average before it leaves the window. Latents are cached and computed again when missing, so that a resumed
    training sees the same ones.
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
        vae.to(device)  # type: ignore[arg-type]  # diffusers, wrapped method
        self.vae = vae.eval()
        self.device = device
        self.buckets = buckets
        self.uses = uses
        self.window = window
        self.shares = PairShares() if shares is None else shares
        self._cache: dict[tuple[int, int], _LatentPair] = {}

    def draw(self, step: int) -> Batch:
        """Return the batch of a step; its latents have mean 0 and standard deviation 1."""
        rng = np.random.default_rng([step, 21])
        index = int(rng.choice(len(self.buckets), p=[bucket.share for bucket in self.buckets]))
        bucket = self.buckets[index]
        newest = int(2 * bucket.batch + step * bucket.share * bucket.batch / self.uses)
        oldest = max(0, newest - int(self.window * bucket.share))
        for key in [key for key in self._cache if key[0] == index and key[1] < oldest]:
            del self._cache[key]
        numbers = rng.integers(oldest, newest, bucket.batch)
        pairs = [self._encode_pair(index, int(number)) for number in numbers]
        return Batch(
            torch.stack([pair.source for pair in pairs]).float().to(self.device),
            torch.stack([pair.target for pair in pairs]).float().to(self.device),
            [pair.caption for pair in pairs],
            torch.tensor([pair.recoloured for pair in pairs], device=self.device),
        )

    def encode(self, pixels: NDArray[np.uint8]) -> Tensor:
        """Return the scaled latent (c, h, w) of a uint8 picture (h, w, 3)."""
        return encode_scaled(self.vae, to_tensor(pixels[None]).to(self.device))[0].cpu()

    def _encode_pair(self, index: int, number: int) -> _LatentPair:
        key = (index, number)
        if key not in self._cache:
            bucket = self.buckets[index]
            number = number * len(self.buckets) + index
            pair = draw_pair(number, bucket.width_px, bucket.height_px, self.shares)
            target = self.encode(pair.target).half()
            source = self.encode(pair.source).half() if pair.recoloured else target
            self._cache[key] = _LatentPair(source, target, pair.caption, pair.recoloured)
        return self._cache[key]


@torch.no_grad()
def encode_scaled(vae: AutoencoderKL, pictures: Tensor) -> Tensor:
    """Return the scaled mode of the posterior, latents (b, c, h / 2, w / 2), of pictures (b, 3, h, w), -1..1."""
    with mixed_precision(pictures.device):
        return scale(vae.encode(pictures).latent_dist.mode().float(), vae)


@dataclass(frozen=True, slots=True)
class _LatentPair:
    """Latents of source and target, fp16 (c, h, w)."""

    source: Tensor
    target: Tensor
    caption: str
    recoloured: bool
