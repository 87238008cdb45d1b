"""Training of the transformer and the text encoders by flow matching (rectified flow).

x0 are scaled latents and z_sigma = (1 - sigma) * x0 + sigma * noise. The model predicts the velocity v = noise - x0 at
timestep 1000 * sigma; `FlowMatchEulerDiscreteScheduler` integrates it back to x0.

A recoloured pair starts img2img from the latents s of one colourway with noise at sigma_s, and moves on a straight path
to the latents x0 of another: z_sigma = r * ((1 - sigma_s) * s + sigma_s * noise) + (1 - r) * x0 with
r = sigma / sigma_s, and v = noise + ((1 - sigma_s) * s - x0) / sigma_s. With s = x0 this is the flow above, so one
model learns both and the ordinary pipeline samples both.

The broad loss is the loss of errors averaged over blocks: it measures low frequencies.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from studio.generation.cycle_spinning import roll, spin
from studio.generation.sampling import Corner, Step, sample_euler
from studio.generation.vae import unscale
from studio.models.device import mixed_precision
from studio.models.pipeline import TRAINED_TIMESTEPS
from studio.optimisation.flow_path import place_on_path
from studio.optimisation.running_average import RunningAverage
from studio.training.checkpoint import BuiltinParts
from studio.training.examples import PairShares, draw_held_out
from studio.training.latents import Batch, LatentStream, plan_buckets
from studio.training.optimisers import MixedOptimiser, Schedule, split_matrices
from studio.training.pixels import to_pixels

KEEP_OUT_OF_MUON = ("text_encoder", "embed", "norm", "proj_out")
"""Muon optimises the attention and feed-forward layers of the transformer's blocks, AdamW the embeddings, the
modulation of the blocks, the last layer and the text encoders, whose matrices are too small to be worth Muon's cost."""
CAPTIONLESS = ""
STRIDE = 0.1
"""Step size in sigma, about that of the built-in model's default steps."""
VALIDATION_DESIGNS = range(100, 116)
"""Indices of held-out designs for validation."""
ELSEWHERE = (43, 29)
"""The shift, in latents, for a second validation on them: not a multiple of a patch, and within every picture."""
SAMPLE_DESIGNS = range(200, 208)
"""Indices of held-out designs for samples."""
BROAD_BLOCKS = (4, 8, 16)
"""Block sizes of the broad loss in latents, at most the shorter side. Incomplete blocks at the right and at the bottom
are left out."""
SHARES = PairShares(recoloured=0.35, plain=0.12)


@dataclass(frozen=True)
class FlowRecipe:
    """Settings of the flow training.

    Sigma is uniform up to `sigma_most`, except for `noisy_share` of the examples, whose sigma is above it: img2img
    seldom starts from more noise. `large_share` of the batches are larger pictures. Recoloured pairs start at a sigma
    uniform in `pair_sigmas`. They are needed because noise hides colours so little that plain flow matching learns
    nothing from the prompt.

    `broad_weight` is the weight of the broad loss for each of `BROAD_BLOCKS`. Block means are multiplied by the side of
    the block, so that white noise has the same loss at every size. In the flow loss alone the shade of a motif of 64
    latents has a weight of one sixty-fourth. But a yarn that drifts from one motif to the next becomes two yarns in
    the weave, and only distant context gives the transformer its shade more accurately than the noisy latents do.
    Except for recoloured pairs, the weight does not change the optimal prediction.
    """

    batch: int = 8
    large_share: float = 0.5
    muon_rate: float = 2.5e-3
    adamw_rate: float = 1e-3
    warm_up_steps: int = 100
    sigma_most: float = 0.85
    noisy_share: float = 0.08
    caption_dropout: float = 0.1
    shares: PairShares = SHARES
    pair_sigmas: tuple[float, float] = (0.45, 0.95)
    average_decay: float = 0.999
    broad_weight: float = 0.25


class FlowModel:
    """The transformer with its text encoders. Latents (b, c, h, w) have mean 0 and standard deviation 1."""

    def __init__(self, parts: BuiltinParts, device: torch.device) -> None:
        self._parts, self._device = parts, device
        for module in parts.flow_modules.values():
            module.to(device)

    def predict_velocity(self, noisy: Tensor, texts: list[str], sigmas: Tensor) -> Tensor:
        """Return the velocity (b, c, h, w) of noisy latents (b, c, h, w) at sigmas (b)."""
        with mixed_precision(self._device):
            states, pooled = encode_prompts(self._parts, texts)
            velocity: Tensor = self._parts.transformer(
                hidden_states=noisy,
                timestep=TRAINED_TIMESTEPS * sigmas,
                encoder_hidden_states=states,
                pooled_projections=pooled,
                return_dict=False,
            )[0]
        return velocity

    @torch.no_grad()
    def sample(self, noisy: Tensor, texts: list[str], sigma: float, steps: int = 8) -> Tensor:
        """Return noisy latents sampled from `sigma` to 0 in even Euler steps, with cycle spinning as in a run."""

        def velocity(latents: Tensor, step: Step) -> Tensor:
            return self.predict_velocity(latents, texts, step.sigma.expand(len(texts))).float()

        sigmas = torch.linspace(sigma, 0, steps + 1, device=self._device)
        patch = self._parts.transformer.config["patch_size"]
        return sample_euler(spin(velocity, None, patch), noisy, sigmas)

    def sample_captionless(self, noisy: Tensor, sigma: float) -> Tensor:
        """Return noisy latents sampled from `sigma` to 0 for the empty caption, in strides of about `STRIDE`."""
        return self.sample(noisy, [CAPTIONLESS] * len(noisy), sigma, max(1, round(sigma / STRIDE)))


class FlowTraining:
    """Training of the transformer and the text encoders; the VAE does not change."""

    name = "flow"

    def __init__(
        self,
        parts: BuiltinParts,
        device: torch.device,
        recipe: FlowRecipe | None = None,
        stream: LatentStream | None = None,
    ) -> None:
        self.recipe = FlowRecipe() if recipe is None else recipe
        self.device = device
        self.parts = parts
        if stream is None:
            buckets = plan_buckets(self.recipe.batch, self.recipe.large_share)
            stream = LatentStream(parts.vae, device, buckets, self.recipe.shares)
        self.stream = stream
        named = []
        self.model = FlowModel(parts, device)
        for name, module in parts.flow_modules.items():
            module.train()
            named += [(f"{name}.{key}", value) for key, value in module.named_parameters()]
        matrices, others = split_matrices(named, KEEP_OUT_OF_MUON)
        head_dim = parts.transformer.config["attention_head_dim"]
        self.optimiser = MixedOptimiser(matrices, others, self.recipe.muon_rate, self.recipe.adamw_rate, head_dim)
        self.average = RunningAverage(parts.flow_modules, self.recipe.average_decay)
        self.schedule = Schedule(self.recipe.warm_up_steps)
        self.steps_done = 0

    def advance(self) -> dict[str, float]:
        """Take one step and return its figures."""
        step = self.steps_done
        batch = self.stream.draw(step)
        rng = np.random.default_rng([step, 22])
        dropped = (rng.random(len(batch.captions)) < self.recipe.caption_dropout) & ~batch.recoloured.cpu().numpy()
        texts = [CAPTIONLESS if drop else text for drop, text in zip(dropped, batch.captions, strict=True)]
        starts = torch.from_numpy(rng.uniform(*self.recipe.pair_sigmas, len(texts)).astype(np.float32)).to(self.device)
        ratios = torch.from_numpy(rng.random(len(texts), dtype=np.float32)).to(self.device)
        sigmas = torch.from_numpy(draw_sigmas(rng, len(texts), self.recipe)).to(self.device)
        sigmas = torch.where(batch.recoloured, ratios * starts, sigmas)
        generator = torch.Generator("cpu").manual_seed(step)
        noise = torch.randn(batch.targets.shape, generator=generator).to(self.device)
        fine, broad = self._measure(batch, texts, sigmas, starts, noise)
        loss = self._weigh(fine, broad)
        loss.backward()  # type: ignore[no-untyped-call]  # torch, untyped
        norm = self.optimiser.step(self.schedule.factor(step))
        self.average.update(step)
        self.steps_done += 1
        figures = {"loss": fine.item(), "norm": norm}
        plain = int((~batch.recoloured).sum())
        if plain:  # recoloured pairs have no broad loss
            figures["broad_loss"] = broad.mean().item() * len(texts) / plain
        return figures

    def validate(self) -> dict[str, float]:
        """Return losses on held-out designs with fixed sigmas and noise, of recoloured pairs at their start."""
        self.average.swap()
        figures: dict[str, float] = {}
        plain, recoloured = self._draw_held_out(colourway=0), self._draw_held_out(colourway=1)
        noise = torch.randn(plain.targets.shape, generator=torch.Generator("cpu").manual_seed(0)).to(self.device)
        for name, batch, sigma in (
            *((f"held_out_loss_{sigma}", plain, sigma) for sigma in (0.2, 0.4, 0.6, 0.8)),
            ("held_out_turned_loss_0.4", _rolled(plain, ELSEWHERE), 0.4),
            ("held_out_recoloured_loss_0.6", recoloured, 0.6),
        ):
            with torch.no_grad():
                sigmas = torch.full((len(batch.captions),), sigma, device=self.device)
                loss, broad = self._measure(batch, batch.captions, sigmas, sigmas, noise)
            figures[name] = loss.item()
            if name == "held_out_loss_0.4":
                figures["held_out_broad_loss_0.4"] = broad.mean().item()
        self.average.swap()
        fine = [value for key, value in figures.items() if key.startswith("held_out_loss")]
        return figures | {"held_out_loss": float(np.mean(fine))}

    def draw_samples(self) -> NDArray[np.uint8]:
        """Return a picture, uint8 (h, w, 3), of held-out designs above their variations from sigma 0.4, 0.6 and 0.8."""
        self.average.swap()
        examples = [draw_held_out(index, 192, 256) for index in SAMPLE_DESIGNS]
        latents = torch.stack([self.stream.encode(example.pixels) for example in examples]).to(self.device)
        texts = [example.caption for example in examples]
        noise = torch.randn(latents.shape, generator=torch.Generator("cpu").manual_seed(1)).to(self.device)
        rows = [np.concatenate([example.pixels for example in examples], axis=1)]
        for sigma in (0.4, 0.6, 0.8):
            denoised = self.model.sample((1 - sigma) * latents + sigma * noise, texts, sigma)
            rows.append(np.concatenate(list(self._decode(denoised)), axis=1))
        self.average.swap()
        return np.concatenate(rows)

    def state(self) -> dict[str, Any]:
        """Return everything that the next step depends on except the VAE."""
        return {
            "steps_done": self.steps_done,
            "modules": {name: module.state_dict() for name, module in self.parts.flow_modules.items()},
            "average": self.average.values,
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state_dict(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Restore a state."""
        self.steps_done = state["steps_done"]
        for name, module in self.parts.flow_modules.items():
            module.load_state_dict(state["modules"][name])
        self.average.values = {key: value.to(self.device) for key, value in state["average"].items()}
        self.optimiser.load_state_dict(state["optimiser"])
        self.schedule.load_state_dict(state["schedule"])

    def _draw_held_out(self, colourway: int) -> Batch:
        """Return held-out designs of 192x256 px, with sources in this colourway: 0 is their own."""
        examples = [draw_held_out(index, 192, 256) for index in VALIDATION_DESIGNS]
        targets = torch.stack([self.stream.encode(example.pixels) for example in examples]).to(self.device)
        sources = targets
        if colourway:
            others = [draw_held_out(index, 192, 256, colourway) for index in VALIDATION_DESIGNS]
            sources = torch.stack([self.stream.encode(example.pixels) for example in others]).to(self.device)
        captions = [example.caption for example in examples]
        recoloured = torch.full((len(captions),), colourway > 0, device=self.device)
        return Batch(sources, targets, captions, recoloured)

    def _measure(
        self, batch: Batch, texts: list[str], sigmas: Tensor, starts: Tensor, noise: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return the scalar flow loss and the broad losses (one per entry of `BROAD_BLOCKS`) at sigmas (b).

        The path of an example starts at the sigma in `starts` (b); `noise` is (b, c, h, w). For examples that are not
        recoloured the start makes no difference. Sigmas of recoloured ones must not exceed their start; their loss is
        weighted by its square, because their v, and so its errors, grow with 1 / start.

        Recoloured examples have no broad loss. Their low-frequency errors are of hues that neither caption nor context
        determines, and would outweigh all else.
        """
        noisy, velocity = place_on_path(batch.sources, batch.targets, noise, sigmas, starts)
        errors = self.model.predict_velocity(noisy, texts, sigmas).float() - velocity
        weights = torch.where(batch.recoloured, starts.square(), 1)
        fine = (weights * errors.square().mean(dim=(1, 2, 3))).mean()
        sides = [min(side, *errors.shape[-2:]) for side in BROAD_BLOCKS]
        averaged = [side * F.avg_pool2d(errors, side) for side in sides]
        plain = ~batch.recoloured
        broad = [(plain * means.square().mean(dim=(1, 2, 3))).mean() for means in averaged]
        return fine, torch.stack(broad)

    def _weigh(self, fine: Tensor, broad: Tensor) -> Tensor:
        """Return the weighted mean of the losses from `_measure`, a scalar."""
        weight = self.recipe.broad_weight
        return (fine + weight * broad.sum()) / (1 + weight * len(broad))

    @torch.no_grad()
    def _decode(self, latents: Tensor) -> NDArray[np.uint8]:
        """Return the pictures, uint8 (b, h, w, 3), of scaled latents (b, c, h / 2, w / 2)."""
        vae = self.parts.vae
        return to_pixels(vae.decode(unscale(latents, vae)).sample)


def _rolled(batch: Batch, corner: Corner) -> Batch:
    """Return a batch whose latents are shifted to begin at another corner."""
    return replace(batch, sources=roll(batch.sources, corner), targets=roll(batch.targets, corner))


def draw_sigmas(rng: np.random.Generator, count: int, recipe: FlowRecipe) -> NDArray[np.float32]:
    """Return sigmas (count), stratified so that every batch has low and high ones."""
    even = (rng.permutation(count) + rng.random(count)) / count
    noisy = rng.random(count) < recipe.noisy_share
    above = recipe.sigma_most + (1 - recipe.sigma_most) * even
    return np.where(noisy, above, recipe.sigma_most * even).astype(np.float32)


def encode_prompts(parts: BuiltinParts, texts: list[str]) -> tuple[Tensor, Tensor]:
    """Return states (b, 2 * tokens, width) and pooled states (b, 2 * CLIP width) as the pipeline computes them.

    The second-to-last states of both CLIP encoders are concatenated, padded with zeros to T5's width, and followed by
    T5's states; the pooled states are the projections. Source: `StableDiffusion3Pipeline.encode_prompt`.
    """
    device = parts.text_encoder_3.device
    tokens = parts.tokenizer.model_max_length
    options = {"padding": "max_length", "max_length": tokens, "truncation": True, "return_tensors": "pt"}
    clip_ids = parts.tokenizer(texts, **options).input_ids.to(device)
    t5_ids = parts.tokenizer_3(texts, **options).input_ids.to(device)
    towers = [tower(clip_ids, output_hidden_states=True) for tower in (parts.text_encoder, parts.text_encoder_2)]
    joined = torch.cat([tower.hidden_states[-2] for tower in towers], dim=-1)
    t5_states = parts.text_encoder_3(t5_ids)[0]
    joined = F.pad(joined, (0, t5_states.shape[-1] - joined.shape[-1]))
    return torch.cat([joined, t5_states], dim=1), torch.cat([tower.text_embeds for tower in towers], dim=-1)
