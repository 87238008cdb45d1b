"""Training of the VAE's decoder alone, on latents that the transformer has denoised.

A transformer of this size leaves grain and visible edges of patches. Convolutions are good at repairing such local
errors, and the latents do not change, so the transformer stays valid.

The drawing of a variation differs from its design's, so the design is not the target. The target comes from the
variation: it is decoded, encoded and decoded again, which removes much of the grain, and then woven, that is, each
knot gets a yarn of the design. The decoder learns to give this result directly.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from studio.designs.weaving.orphans import clean_orphans
from studio.generation.vae import unscale
from studio.models.device import mixed_precision
from studio.training.autoencoder import CropRecipe, CropTraining
from studio.training.latents import encode_scaled
from studio.training.losses import find_yarns, measure_squared_distances

if TYPE_CHECKING:
    from diffusers.models import AutoencoderKL

LEAST_SIGMA = 0.1
"""Below this sigma latents are not denoised, as it would hardly change them."""
PREFERENCE = 0.25
"""A knot gets the design's own yarn if that is at most this much farther than the nearest, in RGB of -1..1."""
Sample = Callable[[Tensor, float], Tensor]
"""Denoises scaled latents (b, c, h, w) from a sigma to 0 with the transformer."""


@dataclass(frozen=True)
class DecoderRecipe(CropRecipe):
    """Settings of the decoder's training; the crops have a size on which the transformer was trained.

    The transformer denoises the latents of a batch from a random sigma, at most `highest_sigma`. `clean_share` of the
    batches keep their encoded latents, so that the decoder still reconstructs designs. Denoising costs more than a step
    of training, so a batch is used `uses` times on average while it is among the newest `window`, each time with new
    noise of a standard deviation up to `latent_noise` on its scaled latents.
    """

    batch: int = 4
    side_px: int = 160
    crops_each: int = 4
    designs: int = 64
    muon_rate: float = 1e-3
    adamw_rate: float = 2e-4
    latent_noise: float = 0.05
    average_decay: float = 0.995
    exact_weight: float = 1.0
    flat_weight: float = 12.0
    yarn_weight: float = 0.8
    highest_sigma: float = 0.7
    clean_share: float = 0.15
    uses: int = 3
    window: int = 24


class DecoderTraining(CropTraining):
    """Training of the decoder; encoder and transformer do not change."""

    name = "decoder"
    recipe: DecoderRecipe

    def __init__(
        self, vae: AutoencoderKL, device: torch.device, sample: Sample, recipe: DecoderRecipe | None = None
    ) -> None:
        vae.encoder.requires_grad_(False)
        super().__init__(vae, device, DecoderRecipe() if recipe is None else recipe)
        self.frozen_vae = copy.deepcopy(self.vae).eval().requires_grad_(False)
        self.sample = sample
        self._cache: dict[int, tuple[Tensor, Tensor]] = {}

    def state(self) -> dict[str, Any]:
        """Return everything that the next step depends on, including the frozen VAE that makes the targets."""
        return super().state() | {"held": self.frozen_vae.state_dict()}

    def load(self, state: dict[str, Any]) -> None:
        """Restore a state. Raises `InputError` if it belongs to a VAE of another size."""
        super().load(state)
        self.frozen_vae.load_state_dict(state["held"])

    def rebuild_batch(self, step: int) -> tuple[Tensor, Tensor, float]:
        """Return targets and decoded latents (b, 3, side, side), -1..1, and no additional loss."""
        newest = step // self.recipe.uses
        oldest = max(0, newest + 1 - self.recipe.window)
        for old in [old for old in self._cache if old < oldest]:
            del self._cache[old]
        rng = np.random.default_rng([step, 16])
        number = int(rng.integers(oldest, newest + 1))
        if number not in self._cache:
            self._cache[number] = self._denoise_batch(number)
        target, latents = self._cache[number]
        amplitudes = torch.from_numpy(self.recipe.latent_noise * rng.random((len(target), 1, 1, 1), dtype=np.float32))
        noise = torch.randn(latents.shape, generator=torch.Generator("cpu").manual_seed(step)) * amplitudes
        noisy = unscale(latents + noise.to(self.device), self.vae)
        with mixed_precision(self.device):
            output = self.vae.decode(noisy).sample
        return target, output, 0.0

    @torch.no_grad()
    def _denoise_batch(self, number: int) -> tuple[Tensor, Tensor]:
        """Return targets (b, 3, side, side), -1..1, and scaled latents (b, c, h, w) of batch `number`.

        A batch has one sigma, so that no step of denoising is wasted. Crops without yarns keep their encoded latents.
        """
        target = self.crops.draw(number).to(self.device)
        latents = encode_scaled(self.frozen_vae, target)
        rng = np.random.default_rng([number, 15])
        sigma = self.recipe.highest_sigma * rng.random()
        if sigma < LEAST_SIGMA or rng.random() < self.recipe.clean_share:
            return target, latents
        noise = torch.randn(latents.shape, generator=torch.Generator("cpu").manual_seed(number)).to(self.device)
        denoised = self.sample((1 - sigma) * latents + sigma * noise, sigma)
        with mixed_precision(self.device):
            decoded = self.frozen_vae.decode(unscale(denoised, self.vae)).sample.float()
            again = self.frozen_vae.encode(decoded.clamp(-1, 1)).latent_dist.mode()
            drawn = self.frozen_vae.decode(again).sample.float()
        for index, (variation, design) in enumerate(zip(drawn, target.clone(), strict=True)):
            woven = weave_crop(variation, design)
            if woven is None:
                denoised[index] = latents[index]
            else:
                target[index] = woven
        return target, denoised


def weave_crop(drawn: Tensor, design: Tensor) -> Tensor | None:
    """Return a variation (3, h, w), -1..1, in the yarns of its design (3, h, w); None if the design has no yarns.

    A knot gets the design's own yarn if that is hardly farther than the nearest (`PREFERENCE`), since the variation
    probably keeps the design there; otherwise it gets the nearest. Orphan knots are removed, except where the nearest
    yarn is the design's own.
    """
    yarns = find_yarns(design)
    if yarns is None:
        return None
    distances = measure_squared_distances(drawn, yarns).sqrt()
    own = measure_squared_distances(design, yarns).argmin(dim=-1, keepdim=True)
    distances.scatter_add_(-1, own, torch.full_like(own, -PREFERENCE, dtype=distances.dtype))
    nearest, designed = (knots.byte().cpu().numpy() for knots in (distances.argmin(dim=-1), own[..., 0]))
    knots, _ = clean_orphans(nearest, most_share=0.0, protected=nearest == designed)
    return yarns[torch.from_numpy(knots).long().to(yarns.device)].permute(2, 0, 1)
