"""A small random transformer in the shape of Stable Diffusion 3.5 Medium, and adapters trained on it by peft."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import SD3Transformer2DModel
from peft import LoraConfig, PeftModel, get_peft_model

from studio.models import adapters
from studio.models.adapter_files import inspect_adapter

WIDTH = 32


def build_transformer() -> SD3Transformer2DModel:
    """Return the same random transformer each time, not to be trained; its first two blocks have a second attention."""
    torch.manual_seed(0)
    transformer = SD3Transformer2DModel(
        sample_size=16,
        patch_size=2,
        in_channels=4,
        num_layers=3,
        attention_head_dim=8,
        num_attention_heads=4,
        joint_attention_dim=24,
        caption_projection_dim=WIDTH,
        pooled_projection_dim=20,
        out_channels=4,
        pos_embed_max_size=8,
        dual_attention_layers=(0, 1),
        qk_norm="rms_norm",
    )
    return transformer.eval().requires_grad_(False)


@torch.no_grad()
def velocity(transformer: torch.nn.Module) -> torch.Tensor:
    """Return what a transformer predicts for two fixed random latents (2, 4, 8, 8)."""
    draw = torch.Generator().manual_seed(3)
    given = {
        "hidden_states": torch.randn(2, 4, 8, 8, generator=draw),
        "encoder_hidden_states": torch.randn(2, 5, 24, generator=draw),
        "pooled_projections": torch.randn(2, 20, generator=draw),
        "timestep": torch.tensor([700.0, 200.0]),
    }
    return transformer(**given).sample


def train(config: LoraConfig) -> SD3Transformer2DModel:
    """Return the small transformer with random weights in an adapter “default”, as after a training with diffusers."""
    transformer = build_transformer()
    transformer.add_adapter(config)
    _draw_adapter(transformer)
    return transformer


def train_with_peft(config: LoraConfig) -> PeftModel:
    """Return peft's own model of the small transformer, with random weights in its adapter."""
    model = get_peft_model(build_transformer(), config)
    _draw_adapter(model)
    return model.eval()


def _draw_adapter(model: torch.nn.Module) -> None:
    draw = torch.Generator().manual_seed(1)
    for name, weights in model.named_parameters():
        if "lora_" in name:
            weights.data = torch.randn(weights.shape, generator=draw) * 0.3


def adapted(path: Path, weight: float = 1.0) -> SD3Transformer2DModel:
    """Return the small transformer with the adapter at a path, as the studio adds it without a card."""
    transformer = build_transformer()
    adapters.add_adapter(transformer, adapters.read_weights(inspect_adapter(path)))
    adapters.set_weight(transformer, weight)
    return transformer
