"""Training the VAE of the built-in model: crops of carpets in, the same crops out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from studio.errors import InputError
from studio.models.device import mixed_precision
from studio.training.crops import CropStream
from studio.training.losses import LossWeights, measure_loss
from studio.training.optimisers import MixedOptimiser, RunningAverage, Schedule, split_matrices
from studio.training.pixels import measure_psnr, to_pixels, to_tensor
from studio.training.stream import draw_held_out

if TYPE_CHECKING:
    from diffusers import AutoencoderKL

LOOKED_AT = range(24)
"""Held-out designs that a validation looks at."""
SHOWN = range(8)
"""Held-out designs that samples are drawn of."""
MEASURED_PLACES = range(24, 56)
"""Held-out designs that shift and scale of the latents are measured on."""
BROAD_BLOCKS = (4, 8, 16, 32)
"""Latents a side that one draw of coarse noise covers. What walks from 0.5 leave is 0.45 of a deviation; its means over
so many latents are 1.2, 1.5, 1.9 and 2.7 times those of white noise."""
STILL_DEVIATION = 0.01
"""Of the latents, whose own deviation is about 1 to 2 before they are scaled."""


@dataclass(frozen=True)
class CropRecipe(LossWeights):
    """Settings of a training on crops, `side_px` a side, and of its steps.

    A design gives `crops_each` crops, on average, while it is one of the newest `designs`: drawing one takes as long
    as learning from several crops.
    """

    batch: int = 8
    side_px: int = 112
    crops_each: int = 16
    designs: int = 400
    muon_rate: float = 1.5e-3
    adamw_rate: float = 3e-4
    warm_up_steps: int = 100
    average_decay: float = 0.998

    def open_crops(self) -> CropStream:
        """Return the crops that a training of this recipe meets."""
        return CropStream(self.batch, self.side_px, crops_each=self.crops_each, designs=self.designs)


@dataclass(frozen=True)
class AutoencoderRecipe(CropRecipe):
    """Settings of the VAE training.

    A crop is drawn from latents with noise of up to `latent_noise` deviations of the latents, or up to `calm_noise` for
    `calm_share` of them. A transformer leaves about as much: the encoder has to write where such noise does not
    reach, and broad shapes, which latents alike with the picture spend themselves on, become no larger than lines.
    Nor is what it leaves all fine: `broad_noise` is the part that noise of each coarseness of `BROAD_BLOCKS` has, so
    that a yarn is told from the next over a whole motif. `size_weight` is for the squares of the latents: noise goes
    by their deviation, which nothing else holds.
    """

    yarn_weight: float = 0.5
    flat_weight: float = 4.0
    latent_noise: float = 0.5
    broad_noise: float = 0.1
    calm_noise: float = 0.05
    calm_share: float = 0.35
    size_weight: float = 1.5e-4


class AutoencoderTraining:
    """The VAE, its optimiser and the number of steps taken."""

    name = "vae"

    def __init__(self, vae: AutoencoderKL, device: torch.device, recipe: CropRecipe | None = None) -> None:
        self.recipe = AutoencoderRecipe() if recipe is None else recipe
        self.device = device
        self.vae = vae.to(device, memory_format=torch.channels_last).train()
        self.crops = self.recipe.open_crops()
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
        }

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
        self.average.values = {key: value.to(self.device) for key, value in state["average"].items()}
        self.optimiser.load_state_dict(state["optimiser"])
        self.schedule.load_state_dict(state["schedule"])

    def rebuild_batch(self, step: int) -> tuple[Tensor, Tensor, Tensor | float]:
        """Return crops (b, 3, side, side), -1..1, what the VAE makes of them, and what its latents cost."""
        recipe = self.recipe
        wanted = self.crops.draw(step).to(self.device)
        with mixed_precision(self.device):
            latents = self.vae.encode(wanted).latent_dist.mean
            noise = draw_noise(latents.shape, step, recipe.broad_noise).to(self.device)
            drawn = latents + latents.float().std() * self._spread(step, len(wanted)) * noise
            made = self.vae.decode(drawn).sample
        return wanted, made, recipe.size_weight * latents.float().square().mean()

    def _spread(self, step: int, count: int) -> Tensor:
        """Return how much noise each crop of a batch is drawn from (b, 1, 1, 1), in deviations of the latents."""
        rng = np.random.default_rng([step, 13])
        calm = rng.random(count) < self.recipe.calm_share
        shares = rng.random(count) * np.where(calm, self.recipe.calm_noise, self.recipe.latent_noise)
        return torch.from_numpy(shares.astype(np.float32)).view(-1, 1, 1, 1).to(self.device)

    @torch.no_grad()
    def rebuild(self, pixels: NDArray[np.uint8]) -> tuple[Tensor, NDArray[np.uint8]]:
        """Return the latent (c, h / 2, w / 2) of a picture (h, w, 3), and the picture again."""
        latent = self.vae.encode(to_tensor(pixels[None]).to(self.device)).latent_dist.mode()
        return latent[0].cpu(), to_pixels(self.vae.decode(latent).sample)[0]


def draw_noise(shape: Sequence[int], seed: int, broad: float) -> Tensor:
    """Return noise (b, c, h, w) as a transformer leaves it: white, of deviation 1, and `broad` in blocks of each size.

    The blocks lie elsewhere for each seed.
    """
    generator = torch.Generator("cpu").manual_seed(seed)
    noise = torch.randn(*shape, generator=generator)
    for side in BROAD_BLOCKS:
        rows, columns = (-(-length // side) + 1 for length in shape[-2:])
        coarse = torch.randn(*shape[:2], rows, columns, generator=generator)
        down, right = (int(value) for value in torch.randint(side, (2,), generator=generator))
        blocks = coarse.repeat_interleave(side, dim=-2).repeat_interleave(side, dim=-1)
        noise += broad * blocks[..., down : down + shape[-2], right : right + shape[-1]]
    return noise


def still(vae: AutoencoderKL) -> None:
    """Make the noise that the VAE itself lays on latents when it encodes a picture next to none, in place.

    It is the trainings that lay noise on latents, as much as they mean. What an ordinary pipeline begins with is to be
    the picture.
    """
    last, channels = vae.encoder.conv_out, vae.config.latent_channels
    with torch.no_grad():
        last.weight[channels:] = 0
        last.bias[channels:] = 2 * math.log(STILL_DEVIATION)
