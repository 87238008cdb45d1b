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

from studio.designs.colour import count_colours
from studio.training.optimisers import MixedOptimiser, RunningAverage, Schedule, split_matrices
from studio.training.precision import mixed_precision
from studio.training.stream import draw_crops, draw_held_out

if TYPE_CHECKING:
    from diffusers import AutoencoderKL

ALL_BUT_RIGHT = 0.01
"""A distance of colours, in -1..1, below which being nearer counts for little: a step or two of 8 bits."""
LOOKED_AT = range(24)
"""Held-out designs that a validation looks at."""
SHOWN = range(8)
"""Held-out designs that samples are drawn of."""
MEASURED_PLACES = range(24, 56)
"""Held-out designs that shift and scale of the latents are measured on."""
YARNS_MOST = 32
"""A crop of more colours was shrunk from a larger drawing: its edges are blended, none of its colours is a yarn."""


@dataclass(frozen=True)
class AutoencoderRecipe:
    """Settings of the VAE training. Weights of the loss multiply the L1 difference, which counts once.

    `block_weight` is for the pictures averaged over 8x8 px: without it lines come out right and hues wrong.
    `hue_weight` is for the differences red - green and yellow - blue averaged over 4x4 px: the norms of the network
    take the mean out of its features, and without this term it learns only one or two of the three colour axes for
    a long while. `yarn_weight` is for the unlikelihood of the right yarn among those of the crop, when the likelihood
    of a yarn falls with the squared distance of what was drawn, by a factor of e for each `yarn_spread`: a design is
    read by its nearest yarns, so a pixel halfway between two is worse than one that is a little off. `exact_weight` is
    for the square root of a pixel's distance: it is won by pixels that are all but right, not by pixels that are less
    wrong. `flat_weight` is for the same of the distance from the nearest yarn of the crop, whichever it is: what the
    transformer redraws need not be what was there, but has to be of one yarn all the same. `kl_weight` is for the
    divergence per latent.

    `crops_each` crops are taken of one drawn design: drawing one takes as long as learning from two crops.

    For refining alone: `latent_noise` is the largest deviation of the noise added to the latents, in deviations of
    the latents; `hold_weight` is for the squared distance of the latents from what they were, in their deviations.
    """

    batch: int = 8
    side_px: int = 96
    crops_each: int = 4
    muon_rate: float = 1.5e-3
    adamw_rate: float = 3e-4
    warm_up_steps: int = 100
    gradient_weight: float = 1.0
    block_weight: float = 2.0
    hue_weight: float = 2.0
    square_weight: float = 1.0
    yarn_weight: float = 0.3
    yarn_spread: float = 0.04
    exact_weight: float = 0.0
    flat_weight: float = 0.0
    kl_weight: float = 3e-4
    latent_noise: float = 0.0
    hold_weight: float = 0.0
    average_decay: float = 0.998


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
        recipe: AutoencoderRecipe | None = None,
        refine: bool = False,
    ) -> None:
        usual = REFINING if refine else AutoencoderRecipe()
        self.recipe = usual if recipe is None else recipe
        self.device = device
        self.vae = vae.to(device).train()
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
        wanted, made, cost, figures = self.rebuild_batch(step)
        loss = measure_loss(made.float(), wanted, self.recipe) + cost
        loss.backward()
        norm = self.optimiser.step(self.schedule.factor(step))
        self.average.update(step)
        self.steps_done += 1
        error = F.mse_loss(made.detach().float().clamp(-1, 1), wanted).item()
        return figures | {"loss": loss.item(), "norm": norm, "psnr": 10 * math.log10(4 / max(error, 1e-12))}

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
            latents = torch.stack(
                [self.rebuild(draw_held_out(place, 192, 256).pixels)[0] for place in MEASURED_PLACES]
            )
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
        """Go on from a state."""
        self.steps_done = state["steps_done"]
        self.vae.load_state_dict(state["vae"])
        if self.held is not None:
            self.held.load_state_dict(state["held"])
        self.average.values = {key: value.to(self.device) for key, value in state["average"].items()}
        self.optimiser.load_state_dict(state["optimiser"])
        self.schedule.load_state_dict(state["schedule"])

    def rebuild_batch(self, step: int) -> tuple[Tensor, Tensor, Tensor | float, dict[str, float]]:
        """Return crops (b, 3, side, side), -1..1, what the VAE makes of them, what its latents cost, and figures."""
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
            return wanted, made, cost, {}
        drift = self._measure_drift(latents.mean.float(), wanted)
        return wanted, made, cost + recipe.hold_weight * drift, {"drift": math.sqrt(drift.item())}

    def _spread(self, step: int, count: int) -> Tensor:
        """Return a deviation of noise for each latent of a batch (b, 1, 1, 1)."""
        shares = np.random.default_rng([step, 13]).random((count, 1, 1, 1), dtype=np.float32)
        return torch.from_numpy(shares).to(self.device) * self.recipe.latent_noise / self.vae.config.scaling_factor

    def _measure_drift(self, latents: Tensor, wanted: Tensor) -> Tensor:
        """Return how far latents are from what they were, squared, in deviations of the latents."""
        with torch.no_grad():
            before = self.held.encode(wanted).latent_dist.mean
        return F.mse_loss(latents, before) * self.vae.config.scaling_factor**2

    @torch.no_grad()
    def rebuild(self, pixels: NDArray[np.uint8]) -> tuple[Tensor, NDArray[np.uint8]]:
        """Return the latent (c, h / 2, w / 2) of a picture (h, w, 3), and the picture again."""
        latent = self.vae.encode(to_tensor(pixels[None]).to(self.device)).latent_dist.mode()
        return latent[0].cpu(), to_pixels(self.vae.decode(latent).sample)[0]


def draw_batch(step: int, recipe: AutoencoderRecipe) -> Tensor:
    """Return the crops (b, 3, side, side), -1..1, of a step."""
    designs = -(-recipe.batch // recipe.crops_each)
    numbers = range(step * designs, (step + 1) * designs)
    crops = [crop for number in numbers for crop in draw_crops(number, recipe.side_px, recipe.crops_each)]
    return to_tensor(np.stack(crops[: recipe.batch]))


def measure_loss(made: Tensor, wanted: Tensor, recipe: AutoencoderRecipe) -> Tensor:
    """Return the loss of pictures (b, 3, h, w) in -1..1."""
    confusion, straying = measure_yarns(made, wanted, recipe.yarn_spread)
    difference = made - wanted
    steps = difference.diff(dim=2).abs().mean() + difference.diff(dim=3).abs().mean()
    blocks = F.avg_pool2d(difference, 8).abs().mean()
    coarse = F.avg_pool2d(difference, 4)
    red, green, blue = coarse.unbind(dim=1)
    hues = (red - green).abs().mean() + ((red + green) / 2 - blue).abs().mean()
    return (
        difference.abs().mean()
        + recipe.hue_weight * hues
        + recipe.gradient_weight * steps
        + recipe.block_weight * blocks
        + recipe.square_weight * difference.square().mean()
        + recipe.exact_weight * _soft_root(difference.square().sum(dim=1)).mean()
        + recipe.yarn_weight * confusion
        + recipe.flat_weight * straying
    )


def measure_yarns(made: Tensor, wanted: Tensor, spread: float) -> tuple[Tensor, Tensor]:
    """Return how hard the yarns of pictures (b, 3, h, w) are to tell, and how far their colours are from any yarn.

    The first is the mean unlikelihood of the right yarns, in natural logarithms; the second the mean root of the
    distance to the nearest. The yarns of a picture are the colours of the wanted one; a picture of more than
    `YARNS_MOST` counts as right.
    """
    confusion, straying = made.new_zeros(()), made.new_zeros(())
    for drawn, picture in zip(made, wanted, strict=True):
        yarns = find_yarns(picture)
        if yarns is None:
            continue
        right = (picture.permute(1, 2, 0)[:, :, None] - yarns).square().sum(dim=-1).argmin(dim=-1)
        apart = (drawn.permute(1, 2, 0)[:, :, None] - yarns).square().sum(dim=-1)
        confusion = confusion + F.cross_entropy((-apart / spread).flatten(0, 1), right.flatten()) / len(made)
        straying = straying + _soft_root(apart.min(dim=-1).values).mean() / len(made)
    return confusion, straying


def find_yarns(picture: Tensor) -> Tensor | None:
    """Return the colours (n, 3) of a picture (3, h, w), -1..1; None for more than `YARNS_MOST`."""
    colours, _ = count_colours(to_pixels(picture[None])[0])
    if len(colours) > YARNS_MOST:
        return None
    return torch.from_numpy(colours).to(picture.device).float().div(127.5).sub(1)


def _soft_root(squared: Tensor) -> Tensor:
    """Return the square root of distances given squared; below `ALL_BUT_RIGHT` it is nearly even."""
    return (squared + ALL_BUT_RIGHT**2).pow(0.25)


def measure_psnr(wanted: NDArray[np.uint8], made: NDArray[np.uint8]) -> float:
    """Return the peak signal-to-noise ratio in dB of two uint8 pictures."""
    error = np.square(wanted.astype(np.float64) - made).mean()
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


def to_tensor(pixels: NDArray[np.uint8]) -> Tensor:
    """Return uint8 (b, h, w, 3) as float (b, 3, h, w) in -1..1."""
    return torch.from_numpy(np.array(pixels)).permute(0, 3, 1, 2).float().div(127.5).sub(1)


def to_pixels(pictures: Tensor) -> NDArray[np.uint8]:
    """Return float (b, 3, h, w) in -1..1 as uint8 (b, h, w, 3)."""
    scaled = pictures.float().clamp(-1, 1).add(1).mul(127.5).round()
    return scaled.permute(0, 2, 3, 1).to(torch.uint8).cpu().numpy()


def _divergence(mean: Tensor, logvar: Tensor) -> Tensor:
    """Return the KL divergence from the unit normal, per latent."""
    return 0.5 * (mean.float().square() + logvar.float().exp() - 1 - logvar.float()).mean()
