"""Training of the VAE: it learns to reconstruct crops of carpets from noisy latents."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
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
from studio.optimisation.running_average import RunningAverage
from studio.training.crops import CropStream
from studio.training.examples import draw_held_out
from studio.training.losses import LossWeights, measure_loss
from studio.training.optimisers import MixedOptimiser, Schedule, split_matrices
from studio.training.pixels import measure_psnr, to_pixels, to_tensor

if TYPE_CHECKING:
    from diffusers.models import AutoencoderKL

VALIDATION_DESIGNS = range(24)
"""Indices of held-out designs for validation."""
SAMPLE_DESIGNS = range(8)
"""Indices of held-out designs for samples."""
LATENT_STATISTICS_DESIGNS = range(24, 56)
"""Indices of held-out designs on which shift and scale of the latents are measured."""
BROAD_BLOCKS = (4, 8, 16, 32)
"""Block sizes of the low-frequency noise in latents. After denoising from sigma 0.5 the error of the latents has a
standard deviation of 0.45, and its means over such blocks are 1.2, 1.5, 1.9 and 2.7 times those of white noise."""
POSTERIOR_STD = 0.01
"""Standard deviation of the posterior; that of the unscaled latents is about 1 to 2."""


@dataclass(frozen=True)
class CropRecipe(LossWeights):
    """Settings of a training on square crops of `side_px`.

    A design gives `crops_each` crops on average while it is among the newest `designs`, since drawing a design takes as
    long as learning from several crops.
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
        """Return the stream of training crops."""
        return CropStream(self.batch, self.side_px, crops_each=self.crops_each, designs=self.designs)


@dataclass(frozen=True)
class AutoencoderRecipe(CropRecipe):
    """Settings of the VAE training.

    Crops are decoded from latents with about as much noise as the transformer leaves. The amplitude of the noise is
    uniform up to `latent_noise`, or up to `low_noise` for `low_noise_share` of the crops, in standard deviations of the
    latents. So the encoder learns a code that this noise does not destroy: it gives broad shapes, which have most of
    the amplitude in latents that resemble the picture, no more amplitude than lines. `broad_noise` is the relative
    amplitude of the noise in blocks of each of `BROAD_BLOCKS`, which teaches the VAE to keep yarns apart over a whole
    motif. `size_weight` weighs the mean square of the latents: the noise is relative to their standard deviation, so
    nothing else limits it.
    """

    yarn_weight: float = 0.5
    flat_weight: float = 4.0
    latent_noise: float = 0.5
    broad_noise: float = 0.1
    low_noise: float = 0.05
    low_noise_share: float = 0.35
    size_weight: float = 1.5e-4


class CropTraining(ABC):
    """A training of the VAE or a part of it: its parameters that require gradients are optimised."""

    name: str
    recipe: CropRecipe

    def __init__(self, vae: AutoencoderKL, device: torch.device, recipe: CropRecipe) -> None:
        self.recipe = recipe
        self.device = device
        vae.to(device, memory_format=torch.channels_last)  # type: ignore[arg-type]  # diffusers, wrapped method
        self.vae = vae.train()
        self.crops = recipe.open_crops()
        named = [(key, value) for key, value in vae.named_parameters() if value.requires_grad]
        matrices, others = split_matrices(named, keep_out=("conv_in.weight", "conv_out.weight"))
        self.optimiser = MixedOptimiser(matrices, others, recipe.muon_rate, recipe.adamw_rate)
        self.average = RunningAverage({"vae": vae}, recipe.average_decay)
        self.schedule = Schedule(recipe.warm_up_steps)
        self.steps_done = 0

    @abstractmethod
    def rebuild_batch(self, step: int) -> tuple[Tensor, Tensor, Tensor | float]:
        """Return targets and outputs (b, 3, side, side), -1..1, and an additional scalar loss."""

    def advance(self) -> dict[str, float]:
        """Take one step and return its figures."""
        step = self.steps_done
        target, output, extra = self.rebuild_batch(step)
        loss = measure_loss(output.float(), target, self.recipe) + extra
        loss.backward()  # type: ignore[no-untyped-call]  # torch, untyped
        norm = self.optimiser.step(self.schedule.factor(step))
        self.average.update(step)
        self.steps_done += 1
        error = F.mse_loss(output.detach().float().clamp(-1, 1), target).item()
        return {"loss": loss.item(), "norm": norm, "psnr": 10 * math.log10(4 / max(error, 1e-12))}

    def validate(self) -> dict[str, float]:
        """Return PSNR over held-out designs of 288x384 px, and mean and standard deviation of their latents."""
        self.average.swap()
        self.vae.eval()
        scores, latents = [], []
        for index in VALIDATION_DESIGNS:
            pixels = draw_held_out(index, 288, 384).pixels
            latent, output = self.rebuild(pixels)
            latents.append(latent)
            scores.append(measure_psnr(pixels, output))
        stacked = torch.stack(latents)
        self.vae.train()
        self.average.swap()
        return {
            "held_out_psnr": float(np.mean(scores)),
            "held_out_psnr_worst": float(np.min(scores)),
            "latent_mean": stacked.mean().item(),
            "latent_std": stacked.std().item(),
        }

    def draw_samples(self) -> NDArray[np.uint8]:
        """Return a picture, uint8 (h, w, 3), of held-out designs above their reconstructions."""
        self.average.swap()
        self.vae.eval()
        originals = [draw_held_out(index, 192, 256).pixels for index in SAMPLE_DESIGNS]
        outputs = [self.rebuild(pixels)[1] for pixels in originals]
        self.vae.train()
        self.average.swap()
        return np.concatenate([np.concatenate(originals, axis=1), np.concatenate(outputs, axis=1)])

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
        """Restore a state. Raises `InputError` if it belongs to a VAE of another size."""
        self.steps_done = state["steps_done"]
        try:
            self.vae.load_state_dict(state["vae"])
        except RuntimeError as error:
            raise InputError(
                f"The {self.name} training in this folder is of a VAE of another size. Delete state/{self.name}.pt to "
                "start it again from the model."
            ) from error
        self.average.values = {key: value.to(self.device) for key, value in state["average"].items()}
        self.optimiser.load_state_dict(state["optimiser"])
        self.schedule.load_state_dict(state["schedule"])

    @torch.no_grad()
    def rebuild(self, pixels: NDArray[np.uint8]) -> tuple[Tensor, NDArray[np.uint8]]:
        """Return the latent (c, h / 2, w / 2) and the reconstruction (h, w, 3) of a picture (h, w, 3)."""
        latent = self.vae.encode(to_tensor(pixels[None]).to(self.device)).latent_dist.mode()
        return latent[0].cpu(), to_pixels(self.vae.decode(latent).sample)[0]


class AutoencoderTraining(CropTraining):
    """Training of encoder and decoder together."""

    name = "vae"
    recipe: AutoencoderRecipe

    def __init__(self, vae: AutoencoderKL, device: torch.device, recipe: AutoencoderRecipe | None = None) -> None:
        super().__init__(vae, device, AutoencoderRecipe() if recipe is None else recipe)

    def measure_latents(self) -> dict[str, float]:
        """Return shift and scale that give the latents of held-out designs mean 0 and standard deviation 1."""
        designs = [draw_held_out(index, 192, 256).pixels for index in LATENT_STATISTICS_DESIGNS]
        latents = torch.stack([self.rebuild(pixels)[0] for pixels in designs])
        return {"shift_factor": latents.mean().item(), "scaling_factor": 1 / latents.std().item()}

    def rebuild_batch(self, step: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return crops and their reconstructions (b, 3, side, side), -1..1, and the scalar loss of the latents."""
        recipe = self.recipe
        target = self.crops.draw(step).to(self.device)
        with mixed_precision(self.device):
            latents = self.vae.encode(target).latent_dist.mean
            noise = draw_noise(latents.shape, step, recipe.broad_noise).to(self.device)
            noisy = latents + latents.float().std() * self._draw_amplitudes(step, len(target)) * noise
            output = self.vae.decode(noisy).sample
        return target, output, recipe.size_weight * latents.float().square().mean()

    def _draw_amplitudes(self, step: int, count: int) -> Tensor:
        """Return the noise amplitude of each crop (count, 1, 1, 1) in standard deviations of the latents."""
        rng = np.random.default_rng([step, 13])
        low = rng.random(count) < self.recipe.low_noise_share
        amplitudes = rng.random(count) * np.where(low, self.recipe.low_noise, self.recipe.latent_noise)
        return torch.from_numpy(amplitudes.astype(np.float32)).view(-1, 1, 1, 1).to(self.device)


def draw_noise(shape: Sequence[int], seed: int, broad: float) -> Tensor:
    """Return white noise (b, c, h, w) of standard deviation 1 plus noise in blocks, of amplitude `broad` for each size.

    This imitates the errors of latents from the transformer. The grids of blocks have random offsets.
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


@torch.no_grad()
def fix_posterior_variance(vae: AutoencoderKL) -> None:
    """Set the posterior's standard deviation to `POSTERIOR_STD` in place.

    A pipeline that samples from the posterior must still reconstruct the picture. The trainings add their own noise.
    """
    channels = vae.config["latent_channels"]
    vae.encoder.get_parameter("conv_out.weight")[channels:] = 0
    vae.encoder.get_parameter("conv_out.bias")[channels:] = 2 * math.log(POSTERIOR_STD)
