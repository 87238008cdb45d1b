"""peft LoRA folders for tests, written as peft writes them, with random weights that change the pictures."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from studio.models.pipeline_slot import PipelineSlot
from studio.schema import PipelineChoice


def write_adapter(
    folder: Path,
    slot: PipelineSlot,
    *,
    rank: int = 4,
    alpha: float = 4,
    alpha_pattern: dict[str, float] | None = None,
    rename: str | None = None,
    width: int | None = None,
    truncate: bool = False,
    config: str | None = None,
    without: str | None = None,
) -> Path:
    """Write an adapter for the built-in transformer; the arguments from `rename` on damage it in one way each."""
    with slot.use(PipelineChoice("builtin"), lambda _stage: None) as loaded:
        layers = {
            name: (layer.out_features, layer.in_features)
            for name, layer in loaded.pipe.transformer.named_modules()
            if name.startswith("transformer_blocks") and name.endswith(("attn.to_q", "attn.to_v", "attn.to_out.0"))
        }
    draw = torch.Generator().manual_seed(1)
    state = {}
    for name, (outputs, inputs) in layers.items():
        key = f"base_model.model.{name if rename is None else name.replace('transformer_blocks', rename)}"
        state[f"{key}.lora_A.weight"] = torch.randn(rank, width or inputs, generator=draw) * 0.2
        state[f"{key}.lora_B.weight"] = torch.randn(width or outputs, rank, generator=draw) * 0.2
    folder.mkdir(parents=True)
    weights = folder / "adapter_model.safetensors"
    save_file(state, weights)
    if truncate:
        weights.write_bytes(weights.read_bytes()[:-100])
    plain = {
        "peft_type": "LORA",
        "peft_version": "0.15.2",
        "task_type": None,
        "r": rank,
        "lora_alpha": alpha,
        "alpha_pattern": alpha_pattern or {},
        "target_modules": ["to_q", "to_v", "to_out.0"],
        "base_model_name_or_path": "stabilityai/stable-diffusion-3.5-large",
        "lora_dropout": 0.0,
        "bias": "none",
    }
    (folder / "adapter_config.json").write_text(json.dumps(plain) if config is None else config, "utf-8")
    if without is not None:
        (folder / without).unlink()
    return folder
