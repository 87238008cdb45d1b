"""A dataset made ready to train on: its captions and pictures encoded, one part of the model at a time."""

from __future__ import annotations

import dataclasses
import gc
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from accelerate import Accelerator

from studio.adapter_training.batches import BatchPlan, Sample
from studio.adapter_training.encoded import EncodedPictures, EncodedPrompts
from studio.adapter_training.folder import TrainingFolder
from studio.adapter_training.training import Material, caption_of
from studio.datasets import Dataset, Example, plan_buckets
from studio.errors import RequestError, quote
from studio.models.device import empty_device_cache
from studio.models.loading import load_pipeline
from studio.models.pipeline import SD3Pipeline
from studio.models.registry import ModelEntry
from studio.schema import LoraRecipe

VALIDATED_DESIGNS = 24
"""At most this many held-out designs are measured at each validation."""
_TEXT_ENCODERS = ("text_encoder", "text_encoder_2", "text_encoder_3")


class Stopped(Exception):  # not an error
    """The training was asked to stop."""


class StageListener(Protocol):
    """Is told what is being done."""

    def stage(self, stage: str, share: float | None) -> None:
        """Tell what is being done, and how much of it, 0 to 1; raises `Stopped` where it should not go on."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is trained on and validated with, encoded. `digest` changes when any of it does."""

    material: Material
    held_out: list[Sample]
    digest: str


class Encoder:
    """Encodes a dataset. Text encoders, VAE and transformer are in memory one after the other, never together."""

    def __init__(
        self,
        folder: TrainingFolder,
        recipe: LoraRecipe,
        entry: ModelEntry,
        accelerator: Accelerator,
        listener: StageListener,
    ) -> None:
        self._folder, self._recipe, self._entry = folder, recipe, entry
        self._accelerator, self._listener = accelerator, listener

    def prepare(
        self, dataset: Dataset, trained: Sequence[Example], held_out: Sequence[Example], fingerprint: str
    ) -> Prepared:
        """Return the samples of a dataset, encoded by the model with this fingerprint. Raises `RequestError`."""
        recipe = self._recipe
        buckets = plan_buckets(dataset.examples, recipe.resolution_px, self._entry.multiple_px, self._entry.smallest_px)
        ways = (False, True) if recipe.mirrored else (False,)
        samples = [Sample(one, buckets[one.id], mirrored) for one in trained for mirrored in ways]
        validated = [Sample(one, buckets[one.id]) for one in held_out[:VALIDATED_DESIGNS]]
        prompts = EncodedPrompts(self._folder.cache, fingerprint)
        pictures = EncodedPictures(self._folder.cache, fingerprint)
        if self._accelerator.is_main_process:
            self._encode_prompts(prompts, ["", *(caption_of(one, recipe) for one in [*samples, *validated])])
            self._encode_pictures(pictures, dataset, [*samples, *validated])
        self._accelerator.wait_for_everyone()
        readable = [_with_readable_source(one, pictures) for one in samples if pictures.holds(one.key)]
        if not readable:
            raise RequestError("None of the pictures can be read. Check the dataset and begin again.")
        return Prepared(
            Material(BatchPlan(readable, recipe.batch, recipe.seed), pictures, prompts),
            [_with_readable_source(one, pictures) for one in validated if pictures.holds(one.key)],
            _digest(readable, recipe),
        )

    def load(self, parts: tuple[str, ...], dtype: torch.dtype | None = None) -> SD3Pipeline:
        """Return a pipeline with these parts; if nothing else is said in bf16 on a card, and elsewhere in fp32.

        Weights of 8 bits have the number format that is computed in: they cannot be cast.
        """
        halves = self._accelerator.device.type == "cuda" or self._recipe.base == "8bit"
        usual = torch.bfloat16 if halves and self._accelerator.mixed_precision == "bf16" else torch.float32
        return load_pipeline(self._entry, usual if dtype is None else dtype, parts=parts)

    def _encode_prompts(self, prompts: EncodedPrompts, texts: list[str]) -> None:
        if not prompts.missing(texts):
            return
        stage = "Encoding the captions"
        self._listener.stage(stage, 0.0)
        pipe = self.load(_TEXT_ENCODERS)
        if self._recipe.base == "8bit":
            quantise_part(pipe, "text_encoder_3")
        pipe.to(str(self._accelerator.device))
        prompts.add(pipe, self._entry.prompt_tokens, texts, self._share(stage))
        del pipe
        _make_room()

    def _encode_pictures(self, pictures: EncodedPictures, dataset: Dataset, samples: list[Sample]) -> None:
        if all(pictures.holds(one.key) and pictures.holds(one.source_key) for one in samples):
            return
        stage = "Encoding the pictures"
        self._listener.stage(stage, 0.0)
        pipe = self.load(("vae",), torch.float32)  # in 16 bits the latents are coarser than the trained ones
        pipe.to(str(self._accelerator.device))
        pictures.add(pipe, dataset, samples, self._share(stage), self._leave_out)
        del pipe
        _make_room()

    def _leave_out(self, example: Example, reason: str) -> None:
        self._listener.stage(f"{quote(example.name)} is left out: {reason}", None)

    def _share(self, stage: str) -> Callable[[int, int], None]:
        return lambda done, count: self._listener.stage(stage, done / count)


def quantise_part(pipe: SD3Pipeline, part: str) -> None:
    """Store a part's linear layers in 8 bits."""
    from studio.models.offloading import quantise

    quantise(pipe.components[part], part)


def _with_readable_source(sample: Sample, pictures: EncodedPictures) -> Sample:
    """Return a sample without its source where that could not be read."""
    if sample.example.source is None or pictures.holds(sample.source_key):
        return sample
    return dataclasses.replace(sample, example=dataclasses.replace(sample.example, source=None))


def _digest(samples: list[Sample], recipe: LoraRecipe) -> str:
    """Return a hash of all that the batches are made of."""
    lines = [f"{one.key}\t{one.source_key}\t{caption_of(one, recipe)}" for one in samples]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _make_room() -> None:
    gc.collect()
    empty_device_cache()
