"""Training the transformer and the text encoders of the built-in model together, by flow matching.

x0 = (z - shift) * scale; z_sigma = (1 - sigma) * x0 + sigma * noise; the model says v = noise - x0 at time
1000 * sigma. Under `FlowMatchEulerDiscreteScheduler` this v walks back to x0.

A recoloured pair begins img2img with the latents s of one dressing, mixed with noise at sigma_s, and walks straight
to the latents x0 of the other: z_sigma = r * ((1 - sigma_s) * s + sigma_s * noise) + (1 - r) * x0 with
r = sigma / sigma_s, and v = noise + ((1 - sigma_s) * s - x0) / sigma_s. With s = x0 that is the flow above, so one
model learns both, and an ordinary pipeline walks either.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from studio.generation.codec import unscale
from studio.generation.cycle_spinning import Corner, Turning, look_from
from studio.models.device import mixed_precision
from studio.training.checkpoint import BuiltinParts
from studio.training.latents import Batch, LatentStream, plan_buckets
from studio.training.optimisers import MixedOptimiser, RunningAverage, Schedule, split_matrices
from studio.training.pixels import to_pixels
from studio.training.stream import PairShares, draw_held_out

KEEP_OUT_OF_MUON = ("text_encoder", "embed", "norm", "proj_out")
"""Muon takes the attention and the feed-forward of the transformer's blocks; AdamW embeddings, the modulation of
the blocks, the last layer, and the text encoders, whose matrices are too small to be worth its arithmetic."""
CAPTIONLESS = ""
STRIDE = 0.1
"""About what one of the built-in model's usual steps walks."""
LOOKED_AT = range(100, 116)
"""Held-out designs that a validation looks at."""
ELSEWHERE = (43, 29)
"""From where a validation looks at them once more, in latents: no multiple of a patch, and inside of all of them."""
SHOWN = range(200, 208)
"""Held-out designs that samples are drawn of."""
BROAD_BLOCKS = (4, 8, 16)
"""Latents a side, or the whole shorter side, over which errors are averaged for `FlowRecipe.broad_weight`. What is left
over at the right and below is not looked at."""
SHARES = PairShares(recoloured=0.35, plain=0.12)


@dataclass(frozen=True)
class FlowRecipe:
    """Settings of the flow training.

    Sigma is uniform up to `sigma_most` but for `noisy_share` of the samples, which lie between it and 1: img2img
    seldom starts from more noise. `large_share` of the batches are larger pictures. The walks of recoloured pairs
    begin at `pair_sigmas`: in plain flow matching the noise hides the colours of a picture so little that nothing is
    learnt from the words.

    `broad_weight` is for the errors averaged over each of `BROAD_BLOCKS`, multiplied by the block's side, which is what
    the mean of white noise is smaller by. Alone, the flow loss hardly asks for the shade of a whole motif: of 64
    latents it is one sixty-fourth. Yet a yarn that drifts from one motif to the next is two yarns to a weaver, and only
    by looking far does the transformer know it better than its noise lets it. Of examples that are not recoloured, no
    weight changes what a transformer that makes no avoidable error would say.
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
    """The transformer with its text encoders, as it walks. Latents are (b, c, h, w), of mean 0 and deviation 1."""

    def __init__(self, parts: BuiltinParts, device: torch.device) -> None:
        self._parts, self._device = parts, device
        for module in parts.flow_modules.values():
            module.to(device)

    def predict_velocity(self, noisy: Tensor, texts: list[str], sigmas: Tensor) -> Tensor:
        """Return the velocity of noisy latents at sigmas (b)."""
        with mixed_precision(self._device):
            states, pooled = encode_prompts(self._parts, texts)
            return self._parts.transformer(
                hidden_states=noisy,
                timestep=1000 * sigmas,
                encoder_hidden_states=states,
                pooled_projections=pooled,
                return_dict=False,
            )[0]

    @torch.no_grad()
    def walk(self, noisy: Tensor, texts: list[str], sigma: float, steps: int = 8) -> Tensor:
        """Return noisy latents walked from `sigma` to 0 in even Euler steps, turned as the studio turns them."""
        turning = Turning(None, self._parts.transformer.config.patch_size)
        turning.begin(steps)
        for i in range(steps):
            now = torch.full((len(texts),), sigma * (1 - i / steps), device=self._device)
            noisy = noisy - sigma / steps * self.predict_velocity(noisy, texts, now).float()
            noisy = turning.turn(turning.turn_back(noisy))
        return noisy

    def walk_captionless(self, noisy: Tensor, sigma: float) -> Tensor:
        """Return noisy latents walked from `sigma` to 0 without words, in strides of about `STRIDE`."""
        return self.walk(noisy, [CAPTIONLESS] * len(noisy), sigma, max(1, round(sigma / STRIDE)))


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
        head_dim = parts.transformer.config.attention_head_dim
        self.optimiser = MixedOptimiser(matrices, others, self.recipe.muon_rate, self.recipe.adamw_rate, head_dim)
        self.average = RunningAverage(parts.flow_modules, self.recipe.average_decay)
        self.schedule = Schedule(self.recipe.warm_up_steps)
        self.steps_done = 0

    def advance(self) -> dict[str, float]:
        """Take one step; returns its figures."""
        step = self.steps_done
        batch = self.stream.draw(step)
        rng = np.random.default_rng([step, 22])
        dropped = (rng.random(len(batch.captions)) < self.recipe.caption_dropout) & ~batch.recoloured.cpu().numpy()
        texts = [CAPTIONLESS if drop else text for drop, text in zip(dropped, batch.captions, strict=True)]
        starts = torch.from_numpy(rng.uniform(*self.recipe.pair_sigmas, len(texts)).astype(np.float32)).to(self.device)
        parts = torch.from_numpy(rng.random(len(texts), dtype=np.float32)).to(self.device)
        sigmas = torch.from_numpy(draw_sigmas(rng, len(texts), self.recipe)).to(self.device)
        sigmas = torch.where(batch.recoloured, parts * starts, sigmas)
        generator = torch.Generator("cpu").manual_seed(step)
        noise = torch.randn(batch.targets.shape, generator=generator).to(self.device)
        fine, broad = self._measure(batch, texts, sigmas, starts, noise)
        loss = self._weigh(fine, broad)
        loss.backward()
        norm = self.optimiser.step(self.schedule.factor(step))
        self.average.update(step)
        self.steps_done += 1
        figures = {"loss": fine.item(), "norm": norm}
        own = int((~batch.recoloured).sum())
        if own:  # else there is none to speak of
            figures["broad_loss"] = broad.mean().item() * len(texts) / own
        return figures

    def validate(self) -> dict[str, float]:
        """Return the loss on held-out designs at fixed sigmas and noise, and where recolouring begins."""
        self.average.swap()
        figures: dict[str, float] = {}
        plain, recoloured = self._draw_held_out(dressing=0), self._draw_held_out(dressing=1)
        noise = torch.randn(plain.targets.shape, generator=torch.Generator("cpu").manual_seed(0)).to(self.device)
        for name, batch, sigma in (
            *((f"held_out_loss_{sigma}", plain, sigma) for sigma in (0.2, 0.4, 0.6, 0.8)),
            ("held_out_turned_loss_0.4", _turned(plain, ELSEWHERE), 0.4),
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
        """Return held-out designs, and below them variations from sigma 0.4, 0.6 and 0.8 with their own captions."""
        self.average.swap()
        examples = [draw_held_out(place, 192, 256) for place in SHOWN]
        latents = torch.stack([self.stream.encode(example.pixels) for example in examples]).to(self.device)
        texts = [example.caption for example in examples]
        noise = torch.randn(latents.shape, generator=torch.Generator("cpu").manual_seed(1)).to(self.device)
        rows = [np.concatenate([example.pixels for example in examples], axis=1)]
        for sigma in (0.4, 0.6, 0.8):
            walked = self.model.walk((1 - sigma) * latents + sigma * noise, texts, sigma)
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

    def _draw_held_out(self, dressing: int) -> Batch:
        """Return held-out designs at 192x256 px, begun with in this dressing: 0 is their own."""
        examples = [draw_held_out(place, 192, 256) for place in LOOKED_AT]
        targets = torch.stack([self.stream.encode(example.pixels) for example in examples]).to(self.device)
        sources = targets
        if dressing:
            begun = [draw_held_out(place, 192, 256, dressing=dressing) for place in LOOKED_AT]
            sources = torch.stack([self.stream.encode(example.pixels) for example in begun]).to(self.device)
        captions = [example.caption for example in examples]
        recoloured = torch.full((len(captions),), dressing > 0, device=self.device)
        return Batch(sources, targets, captions, recoloured)

    def _measure(
        self, batch: Batch, texts: list[str], sigmas: Tensor, starts: Tensor, noise: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return the flow loss, and the broad ones (one for each of `BROAD_BLOCKS`), of walks seen at sigmas (b).

        Recoloured examples have no broad loss: what they miss is hues that no caption names, however far one looks, and
        it would outweigh all else.

        The walks begin at `starts` (b); recoloured ones are not seen above their start. An example that is not
        recoloured is the same walk from any start. A recoloured one counts by its start squared, as far as its errors
        go in the picture: v grows with 1 / start.
        """
        mix, start = sigmas.view(-1, 1, 1, 1), starts.view(-1, 1, 1, 1)
        first = (1 - start) * batch.sources + start * noise
        part = mix / start
        noisy, wanted = part * first + (1 - part) * batch.targets, (first - batch.targets) / start
        errors = self.model.predict_velocity(noisy, texts, sigmas).float() - wanted
        weights = torch.where(batch.recoloured, starts.square(), 1)
        fine = (weights * errors.square().mean(dim=(1, 2, 3))).mean()
        sides = [min(side, *errors.shape[-2:]) for side in BROAD_BLOCKS]
        averaged = [side * F.avg_pool2d(errors, side) for side in sides]
        own = ~batch.recoloured
        broad = [(own * means.square().mean(dim=(1, 2, 3))).mean() for means in averaged]
        return fine, torch.stack(broad)

    def _weigh(self, fine: Tensor, broad: Tensor) -> Tensor:
        """Return what a step makes smaller, of the losses of `_measure`: a weighted mean."""
        weight = self.recipe.broad_weight
        return (fine + weight * broad.sum()) / (1 + weight * len(broad))

    @torch.no_grad()
    def _decode(self, latents: Tensor) -> NDArray[np.uint8]:
        vae = self.parts.vae
        return to_pixels(vae.decode(unscale(latents, vae)).sample)


def _turned(batch: Batch, corner: Corner) -> Batch:
    """Return a batch as it is seen from a corner."""
    return replace(batch, sources=look_from(batch.sources, corner), targets=look_from(batch.targets, corner))


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
