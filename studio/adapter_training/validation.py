"""The losses of held-out designs during a training, each time with the same noise."""

from __future__ import annotations

from typing import Any

from studio.adapter_evaluation.losses import SIGMAS, measure_losses, measure_paired_losses
from studio.adapter_training.batches import Sample
from studio.adapter_training.training import LoraTraining, Material, caption_of
from studio.models.pipeline import SD3Pipeline

SEED = 0


def measure_held_out(
    training: LoraTraining, pipe: SD3Pipeline, material: Material, samples: list[Sample]
) -> dict[str, Any]:
    """Return the mean `loss` of held-out samples and that `by_level`; of those with a source also the `paired_loss`."""
    training.transformer.eval()
    device = training.accelerator.device
    targets = [material.pictures.read(one.key)[None].to(device) for one in samples]
    texts = [material.prompts.read(caption_of(one, training.recipe)) for one in samples]
    paired = [place for place, one in enumerate(samples) if one.example.source is not None]
    with training.averaged(), training.accelerator.autocast():
        losses = measure_losses(pipe, targets, texts, SIGMAS, SEED).mean(dim=0)
        figures: dict[str, Any] = {
            "loss": float(losses.mean()),
            "by_level": {f"{sigma:g}": float(loss) for sigma, loss in zip(SIGMAS, losses, strict=True)},
        }
        if paired and training.recipe.paired:
            sources = [material.pictures.read(samples[place].source_key)[None].to(device) for place in paired]
            chosen = [targets[place] for place in paired], [texts[place] for place in paired]
            figures["paired_loss"] = float(measure_paired_losses(pipe, sources, *chosen, SEED).mean())
    return figures
