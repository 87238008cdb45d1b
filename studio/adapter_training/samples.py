"""Samples of a LoRA in training: variations of held-out designs at weights 0, 0.5 and 1, with one seed."""

from __future__ import annotations

import io
from pathlib import Path

import torch
from PIL import Image

from studio.adapter_training.batches import Sample
from studio.adapter_training.encoded import EncodedPrompts
from studio.adapter_training.lora import set_weight
from studio.adapter_training.training import LoraTraining, caption_of
from studio.catalogue.files.paths import write_atomically
from studio.generation.cycle_spinning import spin
from studio.generation.guidance import choose_guidance, predicts_row_by_row, transformer_velocity
from studio.generation.noise_shift import choose_shift, shift_at
from studio.generation.sampling import plan_sigmas, sample_variations
from studio.generation.vae import Codec
from studio.models.pipeline import SD3Pipeline, execution_device, to_picture
from studio.models.registry import ModelEntry

WEIGHTS = (0.0, 0.5, 1.0)
SEED = 7


class Sampler:
    """Draws the samples with the model's own settings. Each design's noise shift is measured once, without the LoRA."""

    def __init__(self, pipe: SD3Pipeline, entry: ModelEntry, prompts: EncodedPrompts) -> None:
        self._pipe, self._entry, self._prompts = pipe, entry, prompts
        self._shifts: dict[str, float] = {}
        self._without: dict[str, bytes] = {}
        """The pictures at weight 0, which no step changes."""

    @torch.no_grad()
    def draw(self, training: LoraTraining, samples: list[Sample], latents: list[torch.Tensor], folder: Path) -> None:
        """Write the design as its VAE shows it and its variations, as WebP; `latents` (c, h, w) are the designs'."""
        training.transformer.eval()
        self._pipe.vae.to(training.accelerator.device)
        try:
            with training.averaged(), training.accelerator.autocast():
                for sample, design in zip(samples, latents, strict=True):
                    self._draw_design(training, sample, design[None], folder / sample.example.id)
        finally:
            set_weight(training.transformer, 1.0)

    def _draw_design(self, training: LoraTraining, sample: Sample, design: torch.Tensor, place: Path) -> None:
        """Draw one design, latents (1, c, h, w), at each weight."""
        place.mkdir(parents=True, exist_ok=True)
        _save(to_picture(self._pipe, Codec(self._pipe).decode(design)), place / "source.webp")
        for weight in WEIGHTS:
            if weight == 0 and sample.example.id in self._without:
                write_atomically(place / "0.webp", self._without[sample.example.id])
                continue
            set_weight(training.transformer, weight)
            picture = self._vary(design, caption_of(sample, training.recipe), sample)
            saved = _save(picture, place / f"{weight:g}.webp")
            if weight == 0:
                self._without[sample.example.id] = saved

    def _vary(self, design: torch.Tensor, caption: str, sample: Sample) -> Image.Image:
        pipe, defaults = self._pipe, self._entry.defaults
        device, codec = execution_device(pipe), Codec(pipe)
        shift = None
        if self._entry.fits_noise:
            shift = shift_at(defaults.strength, lambda: self._find_shift(codec, design, sample.example.id))
        size = sample.bucket.width_px, sample.bucket.height_px
        sigmas = plan_sigmas(pipe, defaults.steps, defaults.strength, size, shift)
        scale = defaults.guidance_scale
        embeds = self._prompts.encode(caption, "", guided=scale > 1)
        guidance = choose_guidance(embeds, scale, device)
        velocity = transformer_velocity(pipe, guidance, row_by_row=predicts_row_by_row(pipe))
        if self._entry.cycle_spinning:
            velocity = spin(velocity, None, pipe.transformer.config["patch_size"])
        latents = sample_variations(velocity, design.to(device), (SEED,), sigmas, embeds.text.words.dtype)
        return to_picture(pipe, codec.decode(latents))

    def _find_shift(self, codec: Codec, design: torch.Tensor, key: str) -> float:
        """Return a design's noise shift. The weight is 0 when the first picture of a design is drawn."""
        if key not in self._shifts:
            self._shifts[key] = choose_shift(self._pipe, codec, self._prompts, design)
        return self._shifts[key]


def _save(picture: Image.Image, file: Path) -> bytes:
    """Write a picture and return its file's bytes."""
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", lossless=True, method=2)
    write_atomically(file, buffer.getvalue())
    return buffer.getvalue()
