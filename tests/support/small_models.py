"""Model folders with a small random transformer and the built-in model's other parts; datasets to train on them."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import torch
from diffusers import SD3Transformer2DModel
from PIL import Image

from studio.models.registry import BUILTIN_FOLDER

SIDE_PX = 128


def write_model(folder: Path, *, medium: bool = False, scale: float = 1.0) -> Path:
    """Write a model of two narrow blocks in the shape of Stable Diffusion 3.5 Large, or Medium, and return its folder.

    Medium's first blocks have a second attention. `scale` multiplies all weights but the norms'.
    """
    shutil.copytree(BUILTIN_FOLDER, folder, ignore=shutil.ignore_patterns("transformer", "*.md"))
    torch.manual_seed(0)
    transformer = SD3Transformer2DModel(
        sample_size=64,
        patch_size=8,
        in_channels=4,
        num_layers=2,
        attention_head_dim=8,
        num_attention_heads=4,
        joint_attention_dim=192,
        caption_projection_dim=32,
        pooled_projection_dim=192,
        out_channels=4,
        pos_embed_max_size=32,
        dual_attention_layers=(0,) if medium else (),
        qk_norm="rms_norm",
    )
    with torch.no_grad():
        for value in transformer.parameters():
            if value.ndim > 1:
                value.mul_(scale)
    transformer.save_pretrained(folder / "transformer")
    return folder


def write_dataset(folder: Path, count: int = 4, *, seed: int = 0, pairs: bool = False) -> Path:
    """Write small pictures of stripes and spots with captions; with `pairs` folders of a source and one variation."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        names = [f"design_{number}/0", f"design_{number}/1"] if pairs else [f"carpet_{number}"]
        colours, cells = rng.integers(0, 256, (3, 3), np.uint8), rng.integers(0, 3, (8, 8))
        for place, name in enumerate(names):
            pixels = (
                colours[np.roll(cells, 3 * place, axis=0)].repeat(SIDE_PX // 8, axis=0).repeat(SIDE_PX // 8, axis=1)
            )
            file = folder / f"{name}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(file)
            file.with_suffix(".txt").write_text(f"carpet number {number}", "utf-8")
    return folder
