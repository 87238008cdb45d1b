"""The LoRA of a transformer: added to be trained, and written in the forms that peft and diffusers read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, cast

import torch
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict, set_peft_model_state_dict
from safetensors.torch import save
from torch import Tensor

from studio.adapter_training.defaults import name_layers
from studio.catalogue.files.paths import write_atomically
from studio.models.loading import find_pipeline_class
from studio.schema import LoraRecipe

if TYPE_CHECKING:
    from diffusers.models.transformers.transformer_sd3 import SD3Transformer2DModel

ADAPTER_NAME = "default"
_PEFT_PREFIX = "base_model.model."


def add_lora(transformer: SD3Transformer2DModel, recipe: LoraRecipe, base: str) -> list[torch.nn.Parameter]:
    """Add an untrained LoRA in fp32 and return its parameters; it changes nothing until it is trained.

    `base` is the public name of the base model. The first weights depend on the recipe's seed alone.
    """
    config = LoraConfig(
        r=recipe.rank,
        lora_alpha=recipe.alpha,  # type: ignore[arg-type]  # peft reads fractions too
        target_modules=list(name_layers(recipe)),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        transformer.add_adapter(config, ADAPTER_NAME)
    config.base_model_name_or_path = base  # which adding it has emptied
    trained = [value for value in transformer.parameters() if value.requires_grad]
    for value in trained:
        value.data = value.data.float()  # small steps would be lost in 16 bits
    return trained


def set_weight(transformer: SD3Transformer2DModel, weight: float) -> None:
    """Set the weight of the LoRA in training; 1 is as trained, 0 is the base model to the bit."""
    transformer.set_adapters([ADAPTER_NAME], [weight])


def read_state(transformer: SD3Transformer2DModel) -> dict[str, Tensor]:
    """Return the LoRA's tensors by peft's names without a prefix, in main memory."""
    state = get_peft_model_state_dict(transformer, adapter_name=ADAPTER_NAME)
    return {key: value.detach().to("cpu", copy=True).contiguous() for key, value in state.items()}


def load_state(transformer: SD3Transformer2DModel, state: dict[str, Tensor]) -> None:
    """Put tensors that `read_state` returned back."""
    outcome = set_peft_model_state_dict(transformer, state, ADAPTER_NAME)
    if outcome.unexpected_keys:  # type: ignore[attr-defined]  # torch's, annotated wrongly
        raise ValueError(f"{outcome.unexpected_keys[0]} is not a layer of this training")  # type: ignore[attr-defined]


def write_adapter(transformer: SD3Transformer2DModel, state: dict[str, Tensor], folder: Path) -> None:
    """Write tensors of `read_state` in bf16: a peft folder, and diffusers' own file in `diffusers/` below it.

    Each file replaces its predecessor whole. Raises `StorageError` if the disk does not take them.
    """
    config = cast(LoraConfig, transformer.peft_config[ADAPTER_NAME])
    halved = {key: value.to(torch.bfloat16) for key, value in state.items()}
    peft = {f"{_PEFT_PREFIX}{key}": value for key, value in halved.items()}
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / "adapter_model.safetensors", save(peft, {"format": "pt"}))
    write_atomically(folder / "adapter_config.json", _describe(config))
    _write_diffusers(transformer, halved, folder / "diffusers")


def _describe(config: LoraConfig) -> bytes:
    values = config.to_dict()  # type: ignore[no-untyped-call]  # peft, untyped
    values |= {"inference_mode": True, "target_modules": sorted(values["target_modules"])}
    return json.dumps(values, indent=2, sort_keys=True, default=sorted).encode()


def _write_diffusers(transformer: SD3Transformer2DModel, state: dict[str, Tensor], folder: Path) -> None:
    """Write the file with diffusers' own writer, whose metadata hold rank and alpha."""
    from diffusers.training_utils import _collate_lora_metadata

    folder.mkdir(exist_ok=True)
    metadata = _collate_lora_metadata({"transformer": transformer})
    partial = ".pytorch_lora_weights.part.safetensors"
    layers: dict[str, torch.nn.Module | Tensor] = dict(state)
    find_pipeline_class().save_lora_weights(
        folder, transformer_lora_layers=layers, weight_name=partial, safe_serialization=True, **metadata
    )
    (folder / partial).replace(folder / "pytorch_lora_weights.safetensors")
