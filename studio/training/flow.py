"""Training the transformer and the text encoders of the built-in model together, by flow matching.

x0 = (z - shift) * scale; z_sigma = (1 - sigma) * x0 + sigma * noise; the model says v = noise - x0 at time
1000 * sigma. Under `FlowMatchEulerDiscreteScheduler` this v walks back to x0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from studio.training.autoencoder import to_pixels
from studio.training.checkpoint import BuiltinParts
from studio.training.latents import LatentStream, plan_buckets
from studio.training.optimisers import MixedOptimiser, RunningAverage, Schedule, split_matrices
from studio.training.precision import mixed_precision
from studio.training.stream import draw_held_out

KEEP_OUT_OF_MUON = ("text_encoder", "embed", "norm", "proj_out")
"""Muon takes the attention and the feed-forward of the transformer's blocks; AdamW embeddings, the modulation of
the blocks, the last layer, and the text encoders, whose matrices are too small to be worth its arithmetic."""
CAPTIONLESS = ""


@dataclass(frozen=True)
class FlowRecipe:
    """Settings of the flow training.

    Sigma is uniform up to `sigma_most` but for `noisy_share` of the samples, which lie between it and 1: img2img
    seldom starts from more noise. `large_share` of the batches are larger pictures.
    """

    batch: int = 8
    large_share: float = 0.5
    muon_rate: float = 2.5e-3
    adamw_rate: float = 1e-3
    warm_up_steps: int = 100
    sigma_most: float = 0.85
    noisy_share: float = 0.08
    caption_dropout: float = 0.1
    average_decay: float = 0.999


class FlowTraining:
    """Transformer, text encoders, their optimiser and the number of steps taken. The VAE stays as it is."""

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
        buckets = plan_buckets(self.recipe.batch, self.recipe.large_share)
        self.stream = LatentStream(parts.vae, device, buckets) if stream is None else stream
        named = []
        for name, module in parts.flow_modules.items():
            module.to(device).train()
            named += [(f"{name}.{key}", value) for key, value in module.named_parameters()]
        matrices, others = split_matrices(named, KEEP_OUT_OF_MUON)
        head_dim = parts.transformer.config.attention_head_dim
        self.optimiser = MixedOptimiser(matrices, others, self.recipe.muon_rate, self.recipe.adamw_rate, head_dim)
        self.average = RunningAverage(parts.flow_modules, self.recipe.average_decay)
        self.schedule = Schedule(self.recipe.warm_up_steps)
        self.steps_done = 0

    def advance(self) -> dict[str, float]:
        """Take one step; returns its figures."""
        step = self.steps_done
        latents, captions = self.stream.draw(step)
        rng = np.random.default_rng([step, 22])
        dropped = rng.random(len(captions)) < self.recipe.caption_dropout
        texts = [CAPTIONLESS if drop else text for drop, text in zip(dropped, captions, strict=True)]
        sigmas = torch.from_numpy(draw_sigmas(rng, len(texts), self.recipe)).to(self.device)
        generator = torch.Generator("cpu").manual_seed(step)
        noise = torch.randn(latents.shape, generator=generator).to(self.device)
        loss = self._measure(latents, texts, sigmas, noise)
        loss.backward()
        norm = self.optimiser.step(self.schedule.factor(step))
        self.average.update(step)
        self.steps_done += 1
        return {"loss": loss.item(), "norm": norm}

    def validate(self) -> dict[str, float]:
        """Return the loss on held-out designs at fixed sigmas and noise."""
        self.average.swap()
        losses = {}
        examples = [draw_held_out(100 + place, 192, 256) for place in range(16)]
        latents = torch.stack([self.stream.encode(example.pixels) for example in examples]).to(self.device)
        texts = [example.caption for example in examples]
        noise = torch.randn(latents.shape, generator=torch.Generator("cpu").manual_seed(0)).to(self.device)
        for sigma in (0.2, 0.4, 0.6, 0.8):
            with torch.no_grad():
                sigmas = torch.full((len(texts),), sigma, device=self.device)
                losses[f"held_out_loss_{sigma}"] = self._measure(latents, texts, sigmas, noise).item()
        self.average.swap()
        return losses | {"held_out_loss": float(np.mean(list(losses.values())))}

    def draw_samples(self) -> NDArray[np.uint8]:
        """Return held-out designs, and below them variations from sigma 0.4, 0.6 and 0.8 with their own captions."""
        self.average.swap()
        examples = [draw_held_out(200 + place, 192, 256) for place in range(8)]
        latents = torch.stack([self.stream.encode(example.pixels) for example in examples]).to(self.device)
        texts = [example.caption for example in examples]
        noise = torch.randn(latents.shape, generator=torch.Generator("cpu").manual_seed(1)).to(self.device)
        rows = [np.concatenate([example.pixels for example in examples], axis=1)]
        for sigma in (0.4, 0.6, 0.8):
            walked = self._walk((1 - sigma) * latents + sigma * noise, texts, sigma)
            rows.append(np.concatenate(list(self._decode(walked)), axis=1))
        self.average.swap()
        return np.concatenate(rows)

    def state(self) -> dict[str, Any]:
        """Return everything that the next step depends on, but for the VAE."""
        return {
            "steps_done": self.steps_done,
            "modules": {name: module.state_dict() for name, module in self.parts.flow_modules.items()},
            "average": self.average.values,
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state_dict(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self.steps_done = state["steps_done"]
        for name, module in self.parts.flow_modules.items():
            module.load_state_dict(state["modules"][name])
        self.average.values = {key: value.to(self.device) for key, value in state["average"].items()}
        self.optimiser.load_state_dict(state["optimiser"])
        self.schedule.load_state_dict(state["schedule"])

    def _measure(self, latents: Tensor, texts: list[str], sigmas: Tensor, noise: Tensor) -> Tensor:
        """Return the flow loss of latents (b, c, h, w) at sigmas (b)."""
        mix = sigmas.view(-1, 1, 1, 1)
        return F.mse_loss(self._say((1 - mix) * latents + mix * noise, texts, sigmas).float(), noise - latents)

    def _say(self, noisy: Tensor, texts: list[str], sigmas: Tensor) -> Tensor:
        with mixed_precision(self.device):
            states, pooled = encode_prompts(self.parts, texts)
            return self.parts.transformer(
                hidden_states=noisy,
                timestep=1000 * sigmas,
                encoder_hidden_states=states,
                pooled_projections=pooled,
                return_dict=False,
            )[0]

    @torch.no_grad()
    def _walk(self, noisy: Tensor, texts: list[str], sigma: float, steps: int = 8) -> Tensor:
        """Return latents walked from `sigma` to 0 in even Euler steps."""
        for i in range(steps):
            now = torch.full((len(texts),), sigma * (1 - i / steps), device=self.device)
            noisy = noisy - sigma / steps * self._say(noisy, texts, now).float()
        return noisy

    @torch.no_grad()
    def _decode(self, latents: Tensor) -> NDArray[np.uint8]:
        config = self.parts.vae.config
        return to_pixels(self.parts.vae.decode(latents / config.scaling_factor + config.shift_factor).sample)


def draw_sigmas(rng: np.random.Generator, count: int, recipe: FlowRecipe) -> NDArray[np.float32]:
    """Return sigmas (count), spread evenly over the batch so that every batch sees little and much noise."""
    even = (rng.permutation(count) + rng.random(count)) / count
    noisy = rng.random(count) < recipe.noisy_share
    above = recipe.sigma_most + (1 - recipe.sigma_most) * even
    return np.where(noisy, above, recipe.sigma_most * even).astype(np.float32)


def encode_prompts(parts: BuiltinParts, texts: list[str]) -> tuple[Tensor, Tensor]:
    """Return states (b, 2 * tokens, width) and pooled states (b, 2 * CLIP width) as the pipeline makes them.

    Source: `StableDiffusion3Pipeline.encode_prompt`: the last states but one of both CLIP towers side by side,
    padded with zeros to T5's width, then T5's states; pooled states from the projections.
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
