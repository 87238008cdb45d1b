"""Training the VAE of the built-in model: crops of carpets in, the same crops out."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from studio.errors import InputError
from studio.training.losses import LossWeights, measure_loss
from studio.training.optimisers import MixedOptimiser, RunningAverage, Schedule, split_matrices
from studio.training.pixels import measure_psnr, to_pixels, to_tensor
from studio.training.precision import mixed_precision
from studio.training.stream import draw_crops, draw_held_out

if TYPE_CHECKING:
    from diffusers import AutoencoderKL

LOOKED_AT = range(24)
"""Held-out designs that a validation looks at."""
SHOWN = range(8)
"""Held-out designs that samples are drawn of."""
MEASURED_PLACES = range(24, 56)
"""Held-out designs that shift and scale of the latents are measured on."""


@dataclass(frozen=True)
class CropRecipe(LossWeights):
    """Settings of a training on crops, `side_px` a side, and of its steps.

    `crops_each` crops are taken of one drawn design: drawing one takes as long as learning from two crops.
    """

    batch: int = 8
    side_px: int = 96
    crops_each: int = 4
    muon_rate: float = 1.5e-3
    adamw_rate: float = 3e-4
    warm_up_steps: int = 100
    average_decay: float = 0.998


@dataclass(frozen=True)
class AutoencoderRecipe(CropRecipe):
    """Settings of the VAE training. `kl_weight` is for the divergence per latent.

    For refining alone: `latent_noise` is the largest deviation of the noise added to the latents, in deviations of
    the latents; `hold_weight` is for the squared distance of the latents from what they were, in their deviations.
    """

    kl_weight: float = 3e-4
    latent_noise: float = 0.0
    hold_weight: float = 0.0


REFINING = AutoencoderRecipe(
    muon_rate=5e-4,
    adamw_rate=1e-4,
    warm_up_steps=50,
    yarn_weight=1.0,
    kl_weight=0.0,
    latent_noise=0.15,
    hold_weight=0.5,
    average_decay=0.995,
)
"""Gentler, since it goes on from a trained VAE, and with the yarns in mind."""


class AutoencoderTraining:
    """The VAE, its optimiser and the number of steps taken.

    With `refine` a trained VAE gets better at the latents that it has: they are held near to what they were, so that
    a transformer that knows them stays valid.
    """

    name = "vae"

    def __init__(
        self,
        vae: AutoencoderKL,
        device: torch.device,
        recipe: CropRecipe | None = None,
        refine: bool = False,
    ) -> None:
        usual = REFINING if refine else AutoencoderRecipe()
        self.recipe = usual if recipe is None else recipe
        self.device = device
        self.vae = vae.to(device, memory_format=torch.channels_last).train()
        self.held = copy.deepcopy(self.vae).eval().requires_grad_(False) if refine else None
        named = [(key, value) for key, value in self.vae.named_parameters() if value.requires_grad]
        matrices, others = split_matrices(named, keep_out=("conv_in.weight", "conv_out.weight"))
        self.optimiser = MixedOptimiser(matrices, others, self.recipe.muon_rate, self.recipe.adamw_rate)
        self.average = RunningAverage({"vae": self.vae}, self.recipe.average_decay)
        self.schedule = Schedule(self.recipe.warm_up_steps)
        self.steps_done = 0

    def advance(self) -> dict[str, float]:
        """Take one step; returns its figures."""
        step = self.steps_done
        wanted, made, cost = self.rebuild_batch(step)
        loss = measure_loss(made.float(), wanted, self.recipe) + cost
        loss.backward()
        norm = self.optimiser.step(self.schedule.factor(step))
        self.average.update(step)
        self.steps_done += 1
        error = F.mse_loss(made.detach().float().clamp(-1, 1), wanted).item()
        return {"loss": loss.item(), "norm": norm, "psnr": 10 * math.log10(4 / max(error, 1e-12))}

    def validate(self) -> dict[str, float]:
        """Return PSNR at 384x288 px over held-out designs, and the latents' mean and deviation."""
        self.average.swap()
        self.vae.eval()
        scores, latents = [], []
        for place in LOOKED_AT:
            pixels = draw_held_out(place, 288, 384).pixels
            latent, made = self.rebuild(pixels)
            latents.append(latent)
            scores.append(measure_psnr(pixels, made))
        spread = torch.stack(latents)
        self.vae.train()
        self.average.swap()
        return {
            "held_out_psnr": float(np.mean(scores)),
            "held_out_psnr_worst": float(np.min(scores)),
            "latent_mean": spread.mean().item(),
            "latent_std": spread.std().item(),
        }

    def measure_latents(self) -> dict[str, float]:
        """Return shift and scale that give the latents of held-out designs mean 0 and deviation 1."""
        with torch.no_grad():
            latents = torch.stack([self.rebuild(draw_held_out(place, 192, 256).pixels)[0] for place in MEASURED_PLACES])
        return {"shift_factor": latents.mean().item(), "scaling_factor": 1 / latents.std().item()}

    def draw_samples(self) -> NDArray[np.uint8]:
        """Return held-out designs above their reconstructions, one picture."""
        self.average.swap()
        self.vae.eval()
        originals = [draw_held_out(place, 192, 256).pixels for place in SHOWN]
        made = [self.rebuild(pixels)[1] for pixels in originals]
        self.vae.train()
        self.average.swap()
        return np.concatenate([np.concatenate(originals, axis=1), np.concatenate(made, axis=1)])

    def state(self) -> dict[str, Any]:
        """Return everything that the next step depends on."""
        return {
            "steps_done": self.steps_done,
            "vae": self.vae.state_dict(),
            "average": self.average.values,
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state_dict(),
        } | ({} if self.held is None else {"held": self.held.state_dict()})

    def load(self, state: dict[str, Any]) -> None:
        """Go on from a state. Raises `InputError` for one of a VAE of another size."""
        self.steps_done = state["steps_done"]
        try:
            self.vae.load_state_dict(state["vae"])
        except RuntimeError as error:
            raise InputError(
                f"The {self.name} training in this folder is of a VAE of another size. Delete state/{self.name}.pt to "
                "begin it anew from the model."
            ) from error
        if self.held is not None:
            self.held.load_state_dict(state["held"])
        self.average.values = {key: value.to(self.device) for key, value in state["average"].items()}
        self.optimiser.load_state_dict(state["optimiser"])
        self.schedule.load_state_dict(state["schedule"])

    def rebuild_batch(self, step: int) -> tuple[Tensor, Tensor, Tensor | float]:
        """Return crops (b, 3, side, side), -1..1, what the VAE makes of them, and what its latents cost."""
        recipe = self.recipe
        wanted = draw_batch(step, recipe).to(self.device)
        noise = torch.Generator(device="cpu").manual_seed(step)
        with mixed_precision(self.device):
            latents = self.vae.encode(wanted).latent_dist
            spread = latents.std if self.held is None else self._spread(step, len(wanted))
            drawn = latents.mean + spread * torch.randn(latents.mean.shape, generator=noise).to(self.device)
            made = self.vae.decode(drawn).sample
        cost = recipe.kl_weight * _divergence(latents.mean, latents.logvar)
        if self.held is None:
            return wanted, made, cost
        return wanted, made, cost + recipe.hold_weight * self.measure_drift(latents.mean.float(), wanted)

    def _spread(self, step: int, count: int) -> Tensor:
        """Return a deviation of noise for each latent of a batch (b, 1, 1, 1)."""
        shares = np.random.default_rng([step, 13]).random((count, 1, 1, 1), dtype=np.float32)
        return torch.from_numpy(shares).to(self.device) * self.recipe.latent_noise / self.vae.config.scaling_factor

    def measure_drift(self, latents: Tensor, wanted: Tensor) -> Tensor:
        """Return how far latents are from what they were, squared, in deviations of the latents."""
        with torch.no_grad():
            before = self.held.encode(wanted).latent_dist.mean
        return F.mse_loss(latents, before) * self.vae.config.scaling_factor**2

    @torch.no_grad()
    def rebuild(self, pixels: NDArray[np.uint8]) -> tuple[Tensor, NDArray[np.uint8]]:
        """Return the latent (c, h / 2, w / 2) of a picture (h, w, 3), and the picture again."""
        latent = self.vae.encode(to_tensor(pixels[None]).to(self.device)).latent_dist.mode()
        return latent[0].cpu(), to_pixels(self.vae.decode(latent).sample)[0]


def draw_batch(step: int, recipe: CropRecipe) -> Tensor:
    """Return the crops (b, 3, side, side), -1..1, of a step."""
    designs = -(-recipe.batch // recipe.crops_each)
    numbers = range(step * designs, (step + 1) * designs)
    crops = [crop for number in numbers for crop in draw_crops(number, recipe.side_px, recipe.crops_each)]
    return to_tensor(np.stack(crops[: recipe.batch]))


def _divergence(mean: Tensor, logvar: Tensor) -> Tensor:
    """Return the KL divergence from the unit normal, per latent."""
    return 0.5 * (mean.float().square() + logvar.float().exp() - 1 - logvar.float()).mean()
