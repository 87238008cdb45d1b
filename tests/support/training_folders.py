"""The folder of a small training with settings, log, samples and adapter, as `train lora` writes it."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from studio.adapter_training.folder import TrainingFacts, TrainingFolder
from studio.models.registry import MODELS
from studio.schema import LoraRecipe

PRIVATE = "secret-customer"
"""Part of the names and paths of the dataset: no card may show it."""


def write_training(
    root: Path, *, model: str = "stabilityai/stable-diffusion-3.5-large", validated: bool = True, **settings: object
) -> TrainingFolder:
    """Write a finished training of 40 steps; `settings` are of the recipe."""
    folder = TrainingFolder(root)
    entry = MODELS[model]
    recipe = LoraRecipe(**{"model": model, "steps": 40, "trigger": "houseweave"} | settings)
    folder.write_facts(
        TrainingFacts(
            id="20261128-1800-abcd",
            created_at="2026-11-28T18:00:00Z",
            recipe=recipe,
            dataset={
                "path": f"/home/someone/{PRIVATE}",
                "name": PRIVATE,
                "examples": 44,
                "trained": 40,
                "held_out": 4 if validated else 0,
            },
            model={
                "id": entry.public_id,
                "title": entry.title,
                "licence": entry.licence,
                "licence_url": entry.licence_url,
                "fingerprint": "0123456789ab",
            },
            versions={"torch": "2.13.0", "diffusers": "0.42.1"},
            device="cpu",
        )
    )
    for step in range(1, 41):
        folder.note("step", step=step, loss=1.0, learning_rate=1e-4, seconds=1.5, peak_bytes=3 * 2**30)
        if validated and step in (1, 40):
            loss = 1.0 if step == 1 else 0.8
            folder.note("validation", step=step, loss=loss, by_level={"0.1": loss - 0.1, "0.9": loss + 0.1})
    for weight in ("source", "0", "0.5", "1"):
        place = folder.samples(40) / PRIVATE
        place.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (24, 32), (200, 30, 30)).save(place / f"{weight}.webp")
    (folder.adapter / "diffusers").mkdir(parents=True)
    (folder.adapter / "adapter_model.safetensors").write_bytes(b"0" * 2**20)
    (folder.adapter / "diffusers" / "pytorch_lora_weights.safetensors").write_bytes(b"0" * 2**21)
    folder.note("end", state="finished", error=None)
    return folder
