"""Training the VAE's decoder alone: to draw cleanly from what the transformer leaves.

A transformer of this size leaves a grain, and the edges of its patches, where the noise was. Mending what is near at
hand is what convolutions are good at; and the latents stay as they are, so the transformer stays valid.

A variation has another drawing than its design, so the design is no picture to learn from. What is learnt from is the
variation woven in the design's yarns, after the VAE has read its own picture and drawn it once more, which clears much
of it: the decoder is to draw at once, and by itself, what all that makes of its picture.
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
from studio.generation.codec import unscale
from studio.models.device import mixed_precision
from studio.training.autoencoder import AutoencoderTraining, CropRecipe
from studio.training.latents import encode_scaled
from studio.training.losses import find_yarns, measure_apart

if TYPE_CHECKING:
    from diffusers import AutoencoderKL

LEAST_SIGMA = 0.1
"""A walk from less noise than this leaves latents as they were."""
PREFERENCE = 0.25
"""How much farther the design's own yarn may be than the nearest, in colours of -1..1, and still be the one meant."""
Walk = Callable[[Tensor, float], Tensor]
"""Takes scaled noisy latents (b, c, h, w) and their sigma; returns what the transformer makes of them."""


@dataclass(frozen=True)
class DecoderRecipe(CropRecipe):
    """Settings of the decoder's training: crops of a size that the transformer knows.

    `latent_noise` is the largest deviation of the noise added to the latents, in deviations of the latents.
    `walk_sigma` is the most noise from which the transformer walks the latents back; `clean_share` of the batches stay
    as they were encoded, so that a design is still given back as it is. A walk costs more than learning from it, so a
    batch is met `uses` times on average, while it is one of the newest `window`.
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
    walk_sigma: float = 0.7
    clean_share: float = 0.15
    uses: int = 3
    window: int = 24


class DecoderTraining(AutoencoderTraining):
    """The decoder, its optimiser and the number of steps taken; the encoder and the transformer stay as they are."""

    name = "decoder"
    recipe: DecoderRecipe

    def __init__(
        self, vae: AutoencoderKL, device: torch.device, walk: Walk, recipe: DecoderRecipe | None = None
    ) -> None:
        vae.encoder.requires_grad_(False)
        super().__init__(vae, device, DecoderRecipe() if recipe is None else recipe)
        self.held = copy.deepcopy(self.vae).eval().requires_grad_(False)
        self.walk = walk
        self._kept: dict[int, tuple[Tensor, Tensor]] = {}

    def state(self) -> dict[str, Any]:
        """Return everything that the next step depends on, the VAE that draws what is woven among it."""
        return super().state() | {"held": self.held.state_dict()}

    def load(self, state: dict[str, Any]) -> None:
        """Go on from a state. Raises `InputError` for one of a VAE of another size."""
        super().load(state)
        self.held.load_state_dict(state["held"])

    def rebuild_batch(self, step: int) -> tuple[Tensor, Tensor, float]:
        """Return pictures (b, 3, side, side), -1..1, what the decoder makes of their walked latents, and no cost."""
        newest = step // self.recipe.uses
        oldest = max(0, newest + 1 - self.recipe.window)
        for number in [number for number in self._kept if number < oldest]:
            del self._kept[number]
        rng = np.random.default_rng([step, 16])
        number = int(rng.integers(oldest, newest + 1))
        if number not in self._kept:
            self._kept[number] = self._walk_batch(number)
        wanted, walked = self._kept[number]
        spread = self.recipe.latent_noise * rng.random((len(wanted), 1, 1, 1), dtype=np.float32)
        noise = torch.randn(walked.shape, generator=torch.Generator("cpu").manual_seed(step)) * torch.from_numpy(spread)
        drawn = unscale(walked + noise.to(self.device), self.vae)
        with mixed_precision(self.device):
            made = self.vae.decode(drawn).sample
        return wanted, made, 0.0

    @torch.no_grad()
    def _walk_batch(self, number: int) -> tuple[Tensor, Tensor]:
        """Return latents of crops, of deviation 1, as the transformer leaves them, and the pictures that they mean.

        One sigma a batch: so a walk takes no more steps than it needs. A crop without yarns stays as it was encoded.
        """
        wanted = self.crops.draw(number).to(self.device)
        latents = encode_scaled(self.held, wanted)
        rng = np.random.default_rng([number, 15])
        sigma = self.recipe.walk_sigma * rng.random()
        if sigma < LEAST_SIGMA or rng.random() < self.recipe.clean_share:
            return wanted, latents
        noise = torch.randn(latents.shape, generator=torch.Generator("cpu").manual_seed(number)).to(self.device)
        walked = self.walk((1 - sigma) * latents + sigma * noise, sigma)
        with mixed_precision(self.device):
            made = self.held.decode(unscale(walked, self.vae)).sample.float()
            made = self.held.decode(self.held.encode(made.clamp(-1, 1)).latent_dist.mode()).sample.float()
        for place, (drawn, picture) in enumerate(zip(made, wanted.clone(), strict=True)):
            woven = weave_crop(drawn, picture)
            if woven is None:
                walked[place] = latents[place]
            else:
                wanted[place] = woven
        return wanted, walked


def weave_crop(drawn: Tensor, design: Tensor) -> Tensor | None:
    """Return a picture (3, h, w), -1..1, in the yarns of its design; None if the design has none.

    Each knot takes the design's own yarn there if that is hardly farther than the nearest (`PREFERENCE`), else the
    nearest: where the drawing is still the design's, that is what was meant. Stray knots that the design has not are
    cleaned away.
    """
    yarns = find_yarns(design)
    if yarns is None:
        return None
    apart = measure_apart(drawn, yarns).sqrt()
    own = measure_apart(design, yarns).argmin(dim=-1, keepdim=True)
    apart.scatter_add_(-1, own, torch.full_like(own, -PREFERENCE, dtype=apart.dtype))
    nearest, meant = (knots.byte().cpu().numpy() for knots in (apart.argmin(dim=-1), own[..., 0]))
    knots, _ = clean_orphans(nearest, most_share=0.0, protected=nearest == meant)
    return yarns[torch.from_numpy(knots).long().to(yarns.device)].permute(2, 0, 1)
