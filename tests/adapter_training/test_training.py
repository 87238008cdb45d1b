"""The training against a plain loop of diffusers, peft and torch, which shares no code with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import StableDiffusion3Img2ImgPipeline
from peft import LoraConfig

from studio.adapter_training.batches import BatchPlan, Sample
from studio.adapter_training.checkpoints import read_newest_checkpoint
from studio.datasets import open_dataset, plan_buckets, split
from studio.models.device import mixed_precision
from studio.schema import LoraRecipe
from tests.adapter_training.conftest import Train


def train_plainly(model: Path, dataset: Path, recipe: LoraRecipe) -> dict[str, torch.Tensor]:
    """Return the LoRA of a reference training with the batches and random numbers of the studio's."""
    pipe = StableDiffusion3Img2ImgPipeline.from_pretrained(model, dtype=torch.float32, local_files_only=True)
    transformer, vae = pipe.transformer.requires_grad_(False).train(), pipe.vae
    targets = ["to_q", "to_k", "to_v", "to_out.0"]
    torch.manual_seed(recipe.seed)
    transformer.add_adapter(LoraConfig(r=recipe.rank, lora_alpha=recipe.alpha, target_modules=targets))
    parameters = [one for one in transformer.parameters() if one.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=0.0, weight_decay=recipe.weight_decay)
    with open_dataset(dataset) as opened:
        trained, _ = split(opened.examples, recipe.held_out, recipe.seed)
        buckets = plan_buckets(opened.examples, recipe.resolution_px, 16, 64)
        pixels = {one.id: opened.open(one) for one in trained}
    plan = BatchPlan([Sample(e, buckets[e.id], m) for e in trained for m in (False, True)], recipe.batch, recipe.seed)
    average = [one.detach().clone() for one in parameters]
    for step in range(recipe.steps):
        for turn in range(recipe.accumulate):
            samples = plan.samples_of(number := step * recipe.accumulate + turn)
            rng = plan.draws_of(number)
            sigma = torch.from_numpy(rng.random(len(samples)).astype(np.float32))
            dropped = rng.random(len(samples)) < recipe.caption_dropout
            texts = ["" if drop else one.example.caption for drop, one in zip(dropped, samples, strict=True)]
            pictures = [pixels[one.example.id][:, :: -1 if one.mirrored else 1] / 127.5 - 1 for one in samples]
            pictures = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float()
            with torch.no_grad():
                latents = torch.cat([vae.encode(one[None]).latent_dist.mode() for one in pictures])
                latents = (latents - vae.config.shift_factor) * vae.config.scaling_factor
                encoded = [
                    pipe.encode_prompt(text, None, None, do_classifier_free_guidance=False, max_sequence_length=256)
                    for text in texts
                ]
                words, pooled = (torch.cat([one[place] for one in encoded]) for place in (0, 2))
            generator = torch.Generator().manual_seed(int(rng.integers(2**63)) + 3)
            noise = torch.randn(latents.shape, generator=generator)
            noisy = (1 - sigma).view(-1, 1, 1, 1) * latents + sigma.view(-1, 1, 1, 1) * noise
            with mixed_precision(torch.device("cpu")):
                velocity = transformer(noisy, words, pooled, 1000 * sigma, return_dict=False)[0].float()
            (torch.nn.functional.mse_loss(velocity, noise - latents) / recipe.accumulate).backward()
        torch.nn.utils.clip_grad_norm_(parameters, recipe.clip)
        optimiser.param_groups[0]["lr"] = recipe.learning_rate_at(step)
        optimiser.step()
        optimiser.zero_grad()
        decay = min(recipe.average, (1 + step) / (10 + step))
        for mean, now in zip(average, parameters, strict=True):
            mean.lerp_(now.detach(), 1 - decay)
    names = [name for name, one in transformer.named_parameters() if one.requires_grad]
    return dict(zip(names, average, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["large", "medium"])
def test_five_steps_are_those_of_a_plain_loop(
    train: Train, small_model: Path, medium_model: Path, carpets: Path, kind: str
) -> None:
    model = small_model if kind == "large" else medium_model
    settings = {"model": str(model), "steps": 5, "batch": 2, "caption_dropout": 0.3, "clip": 0.05, "average": 0.9}
    folder = train(**settings)
    plain = train_plainly(model, carpets, folder.read_facts().recipe)
    found = read_newest_checkpoint(folder)
    assert found is not None
    mine = {key.removeprefix("transformer."): value for key, value in found[1]["average"].items()}
    assert mine.keys() == plain.keys()
    assert max(float(value.abs().max()) for key, value in plain.items() if "lora_B" in key) > 1e-3  # it has learnt
    for key, value in plain.items():
        # Where the forward is in 16 bits, the last digit of the noisy latents decides how it is rounded.
        assert float((mine[key] - value).norm()) < 0.02 * float(value.norm()), key
