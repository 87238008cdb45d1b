"""Latents drawn by diffusers' own pipeline and by the studio's sampler, with the same parts and settings."""

from __future__ import annotations

import math

import torch

from studio.generation.guidance import choose_guidance, transformer_velocity
from studio.generation.sampling import plan_sigmas, sample_variations

SEEDS = (5, 6, 7, 8, 9)


def make_latents(pipe, width_px: int, height_px: int) -> torch.Tensor:
    """Return random latents (1, c, h, w) of a design of this size."""
    cell, channels = pipe.vae_scale_factor, pipe.transformer.config.in_channels
    rng = torch.Generator().manual_seed(2)
    return torch.randn(1, channels, height_px // cell, width_px // cell, generator=rng)


@torch.no_grad()
def draw_by_pipeline(pipe, clean, embeds, *, steps, strength, scale, seeds=SEEDS, shift=None):
    """Return the latents of the pipeline's own call for a batch."""
    text, negative = embeds.text.repeated(len(seeds)), embeds.negative
    texts = {"prompt_embeds": text.words, "pooled_prompt_embeds": text.pooled}
    if negative is not None:
        negative = negative.repeated(len(seeds))
        texts |= {"negative_prompt_embeds": negative.words, "negative_pooled_prompt_embeds": negative.pooled}
    cell = pipe.vae_scale_factor
    return pipe(
        image=clean,
        width=clean.shape[-1] * cell,
        height=clean.shape[-2] * cell,
        strength=strength,
        num_inference_steps=steps,
        guidance_scale=scale,
        generator=[torch.Generator().manual_seed(seed) for seed in seeds],
        output_type="latent",
        mu=None if shift is None else math.log(shift),
        **texts,
    ).images


@torch.no_grad()
def draw_by_studio(pipe, clean, embeds, *, steps, strength, scale, seeds=SEEDS, shift=None, row_by_row=False):
    """Return the latents of the studio's sampler; all rows in one forward, as on a card, unless `row_by_row`."""
    cell = pipe.vae_scale_factor
    sigmas = plan_sigmas(pipe, steps, strength, (clean.shape[-1] * cell, clean.shape[-2] * cell), shift)
    guidance = choose_guidance(embeds, scale, torch.device("cpu"))
    velocity = transformer_velocity(pipe, guidance, row_by_row=row_by_row)
    return sample_variations(velocity, clean, seeds, sigmas, embeds.text.words.dtype)
