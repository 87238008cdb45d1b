"""The training of a LoRA, step by step: the loop's state and its arithmetic."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor

from studio.adapter_training.batches import BatchPlan, Sample
from studio.adapter_training.encoded import EncodedPictures, EncodedPrompts
from studio.adapter_training.lora import add_lora, load_state, read_state
from studio.adapter_training.objective import Levels, draw_levels, make_path, measure_loss
from studio.adapter_training.optimisers import make_optimiser
from studio.errors import StorageError
from studio.models.pipeline import TRAINED_TIMESTEPS
from studio.models.prompts import TextEmbeds
from studio.optimisation.running_average import RunningAverage
from studio.schema import LoraRecipe

if TYPE_CHECKING:
    from diffusers.models.transformers.transformer_sd3 import SD3Transformer2DModel

_NOISE = 3


@dataclass(frozen=True, slots=True)
class Material:
    """What is trained on: the batches, and their pictures and captions encoded."""

    plan: BatchPlan
    pictures: EncodedPictures
    prompts: EncodedPrompts


class LoraTraining:
    """A transformer with a LoRA in training. The next step depends on `state`, recipe and batches alone."""

    def __init__(
        self,
        transformer: SD3Transformer2DModel,
        recipe: LoraRecipe,
        base: str,
        material: Material,
        accelerator: Accelerator,
    ) -> None:
        """`base` is the public name of the base model; the transformer is changed in place."""
        self.recipe, self.accelerator = recipe, accelerator
        self.plan, self._pictures, self._prompts = material.plan, material.pictures, material.prompts
        self.transformer = transformer
        self.transformer.requires_grad_(False)
        self._dtype = self.transformer.dtype  # before fp32 parameters are added
        self._trained = add_lora(self.transformer, recipe, base)
        if accelerator.device.type != "cpu":
            self.transformer.enable_gradient_checkpointing()
        self.transformer.to(accelerator.device)
        self.average = RunningAverage({"transformer": self.transformer}, recipe.average, trained_only=True)
        self._model, self.optimiser = accelerator.prepare(self.transformer, make_optimiser(self._trained, recipe))
        self.steps_done = 0

    def advance(self) -> dict[str, float]:
        """Take one optimiser step over `accumulate` batches on each device, and return its figures."""
        recipe, accelerator = self.recipe, self.accelerator
        self.transformer.train()
        rate = recipe.learning_rate_at(self.steps_done)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        losses = []
        for turn in range(recipe.accumulate):
            last = turn == recipe.accumulate - 1
            with contextlib.nullcontext() if last else accelerator.no_sync(self._model):
                number = (self.steps_done * recipe.accumulate + turn) * accelerator.num_processes
                loss = self._measure_batch(number + accelerator.process_index)
                accelerator.backward(loss / recipe.accumulate)
                losses.append(loss.detach())
        norm = accelerator.clip_grad_norm_(self._trained, recipe.clip)
        self.optimiser.step()
        self.optimiser.zero_grad()
        if recipe.average:
            self.average.update(self.steps_done)
        self.steps_done += 1
        mean = accelerator.reduce(torch.stack(losses).mean(), "mean")
        return {"loss": float(mean), "norm": float(norm or 0.0), "learning_rate": rate}

    @contextlib.contextmanager
    def averaged(self) -> Iterator[None]:
        """Let the transformer have the averaged weights, which are saved, for a while."""
        if self.recipe.average:
            self.average.swap()
        try:
            yield
        finally:
            if self.recipe.average:
                self.average.swap()

    def read_adapter(self) -> dict[str, Tensor]:
        """Return the tensors to save: the averaged ones."""
        with self.averaged():
            return read_state(self.transformer)

    def state(self) -> dict[str, Any]:
        """Return everything that the next step depends on beside the recipe."""
        return {
            "steps_done": self.steps_done,
            "lora": read_state(self.transformer),
            "average": {key: value.cpu() for key, value in self.average.values.items()},
            "optimiser": self.optimiser.state_dict(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Restore a state."""
        self.steps_done = state["steps_done"]
        load_state(self.transformer, state["lora"])
        device = self.accelerator.device
        self.average.values = {key: value.to(device) for key, value in state["average"].items()}
        self.optimiser.load_state_dict(state["optimiser"])

    def _measure_batch(self, number: int) -> Tensor:
        """Return the mean loss of a batch, a scalar."""
        samples, rng = self.plan.samples_of(number), self.plan.draws_of(number)
        levels = draw_levels(rng, np.array([one.example.source is not None for one in samples]), self.recipe)
        target = torch.cat([self._read(sample.key) for sample in samples])
        source = torch.cat(
            [
                self._read(sample.source_key if start < 1 else sample.key)
                for sample, start in zip(samples, levels.starts.tolist(), strict=True)
            ]
        )
        dropped = rng.random(len(samples)) < self.recipe.caption_dropout
        texts = ["" if drop else caption_of(one, self.recipe) for drop, one in zip(dropped, samples, strict=True)]
        text = self._read_texts(texts)
        noise = self._draw_noise(target, int(rng.integers(2**63)))
        return self._measure(source, target, noise, levels, text).mean()

    def _measure(self, source: Tensor, target: Tensor, noise: Tensor, levels: Levels, text: TextEmbeds) -> Tensor:
        """Return the loss of each picture (b,)."""
        noisy, velocity = make_path(source, target, noise, levels)
        dtype = self._dtype
        with self.accelerator.autocast():
            predicted = self._model(
                hidden_states=noisy.to(dtype),
                timestep=(TRAINED_TIMESTEPS * levels.sigmas).to(noisy.device),
                encoder_hidden_states=text.words.to(dtype),
                pooled_projections=text.pooled.to(dtype),
                return_dict=False,
            )[0]
        return measure_loss(predicted, velocity, levels)

    def _read(self, key: str) -> Tensor:
        try:
            return self._pictures.read(key)[None].to(self.accelerator.device)
        except KeyError as error:
            raise _lost() from error

    def _read_texts(self, texts: list[str]) -> TextEmbeds:
        try:
            rows = [self._prompts.read(text) for text in texts]
        except KeyError as error:
            raise _lost() from error
        joined = TextEmbeds(torch.cat([row.words for row in rows]), torch.cat([row.pooled for row in rows]))
        return joined.to(self.accelerator.device)

    def _draw_noise(self, like: Tensor, seed: int) -> Tensor:
        """Return fp32 noise, drawn in main memory: the same on every device."""
        generator = torch.Generator("cpu").manual_seed((seed + _NOISE) % 2**63)
        return torch.randn(like.shape, generator=generator).to(like.device)


def caption_of(sample: Sample, recipe: LoraRecipe) -> str:
    """Return the caption that a sample is trained with: the trigger words, then its own."""
    return ", ".join(part for part in (recipe.trigger, sample.example.caption) if part)


def _lost() -> StorageError:
    return StorageError(
        "An encoded picture or caption in the training's cache is gone or damaged. Resume the training: it is encoded "
        "again, and the checkpoints are whole."
    )
