"""Held-out loss of a flow model by noise level, with the same noise each time.

z = (1 - sigma) x0 + sigma noise; the transformer is given z and 1000 sigma, and should answer noise - x0 (P. Esser et
al., Scaling Rectified Flow Transformers for High-Resolution Image Synthesis, 2024, section 2). x0 are latents scaled as
the transformer sees them (`studio.generation.vae.scale`). The loss is the mean square of the difference, in fp32.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from studio.generation.guidance import predict_velocity
from studio.generation.sampling import draw_noise
from studio.models.pipeline import SD3Pipeline, execution_device
from studio.models.prompts import TextEmbeds
from studio.optimisation.flow_path import place_on_path
from studio.schema import SEED_LIMIT

SIGMAS = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Noise levels at which a held-out loss is measured."""
STARTS = (0.6, 0.85)
"""Noise levels at which a paired way begins: about those of medium and strong variations."""
PARTS = (0.25, 0.5, 0.75)
"""Places on a paired way, as shares of its start."""


def measure_losses(
    pipe: SD3Pipeline, latents: Sequence[Tensor], text: Sequence[TextEmbeds], sigmas: Sequence[float], seed: int
) -> Tensor:
    """Return the loss of each picture at each noise level, fp64 (pictures, levels), in main memory.

    `latents` are scaled ones, each (1, c, h, w) of any size; `text` has one row for each picture. The noise of a
    picture depends on the seed and its place in the sequence alone, so losses before and after a training differ by
    nothing else. Raises `ValueError` for sequences of different lengths.
    """
    rows = [
        [measure_loss(pipe, clean, clean, prompt, level=(1.0, sigma), seed=seed + number) for sigma in sigmas]
        for number, (clean, prompt) in enumerate(zip(latents, text, strict=True))
    ]
    return torch.tensor(rows, dtype=torch.float64).reshape(len(rows), len(sigmas))


def measure_paired_losses(
    pipe: SD3Pipeline, sources: Sequence[Tensor], targets: Sequence[Tensor], text: Sequence[TextEmbeds], seed: int
) -> Tensor:
    """Return the loss of each pair on the way from a noisy source to its variation, fp64 (pairs, starts x parts).

    Of each pair the latents have one size. The columns are `list_paired_levels`. Raises as `measure_losses`.
    """
    levels = list_paired_levels()
    rows = [
        [measure_loss(pipe, source, target, prompt, level=level, seed=seed + number) for level in levels]
        for number, (source, target, prompt) in enumerate(zip(sources, targets, text, strict=True))
    ]
    return torch.tensor(rows, dtype=torch.float64).reshape(len(rows), len(levels))


def list_paired_levels() -> list[tuple[float, float]]:
    """Return (start, sigma) of each level of a paired loss."""
    return [(start, part * start) for start in STARTS for part in PARTS]


@torch.no_grad()
def measure_loss(
    pipe: SD3Pipeline, source: Tensor, target: Tensor, text: TextEmbeds, *, level: tuple[float, float], seed: int
) -> float:
    """Return the loss at one place of the way from a source, noisy at `level[0]`, to a target.

    `source` and `target` are (1, c, h, w); the place is the sigma `level[1]`, at most the start. Where both are one
    picture the start makes no difference. The velocity is noise + ((1 - start) source - target) / start: the way is
    straight, so that Euler's steps of plain img2img walk it. Derived in the notes of this project; not published.
    """
    device = execution_device(pipe)
    start, sigma = torch.tensor(level, dtype=torch.float32, device=device)
    noise = draw_noise((seed % SEED_LIMIT,), tuple(target.shape[1:]), torch.float32, device)
    first, last = (one.to(device, torch.float32) for one in (source, target))
    noisy, velocity = place_on_path(first, last, noise, sigma, start)
    predicted = predict_velocity(pipe.transformer, noisy.to(text.words.dtype), sigma, text.to(device))
    return float((predicted.float() - velocity).square().mean())
