"""Applying a peft LoRA to a transformer, and checking that all of its layers were loaded.

`load_lora_weights` of the pipelines loads nothing from a peft folder and only warns; `load_lora_adapter` assumes that
alpha equals the rank. Here peft injects the layers from the adapter's own configuration, or mmgp gets them scaled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from peft import LoraConfig, set_peft_model_state_dict
from safetensors.torch import load_file

from studio.errors import AdapterError
from studio.models.adapter_files import WEIGHTS_FILE, AdapterFile

if TYPE_CHECKING:
    from diffusers.models.transformers.transformer_sd3 import SD3Transformer2DModel

ADAPTER_NAME = "carpet"


def check_fit(transformer: SD3Transformer2DModel, adapter: AdapterFile) -> None:
    """Raise `AdapterError` unless every layer of the adapter exists in this transformer with the same shape."""
    layers = {name: module for name, module in transformer.named_modules() if isinstance(module, torch.nn.Linear)}
    missing = [name for name in adapter.modules if name not in layers]
    if missing:
        raise AdapterError(
            f"The adapter “{adapter.name}” was made for another model: {len(missing)} of its {len(adapter.modules)} "
            f"layers do not exist here, such as {missing[0]}. Choose the model that it was trained on."
        )
    for name, (outputs, inputs, _rank) in adapter.modules.items():
        here = (layers[name].out_features, layers[name].in_features)
        if here != (outputs, inputs):
            raise AdapterError(
                f"The adapter “{adapter.name}” was made for another model: {name} is {outputs} × {inputs} in it and "
                f"{here[0]} × {here[1]} here. Choose the model that it was trained on."
            )


def add_adapter(transformer: SD3Transformer2DModel, adapter: AdapterFile) -> None:
    """Inject the adapter's layers into a transformer in plain memory; honours alpha, rank patterns and rsLoRA.

    Raises `AdapterError` when it does not fit or is not loaded completely.
    """
    check_fit(transformer, adapter)
    config = LoraConfig.from_pretrained(str(adapter.folder))
    # Exactly the layers in the file: patterns in a configuration may match more, which would stay untrained.
    config.target_modules = sorted(adapter.modules)
    transformer.add_adapter(config, ADAPTER_NAME)
    outcome = set_peft_model_state_dict(transformer, load_file(adapter.folder / WEIGHTS_FILE), ADAPTER_NAME)
    refused: list[str] = outcome.unexpected_keys  # type: ignore[attr-defined]  # torch's, annotated wrongly
    left_out = [key for key in outcome.missing_keys if ".lora_" in key]  # type: ignore[attr-defined]  # torch's, too
    if refused or left_out:
        raise AdapterError(
            f"The adapter “{adapter.name}” was not loaded completely: {(refused or left_out)[0]} does not fit. "
            "Choose the model that it was trained on."
        )


def set_weight(transformer: SD3Transformer2DModel, weight: float) -> None:
    """Set the injected adapter's weight from the next step on; 0 is the base model, bit for bit."""
    transformer.set_adapters([ADAPTER_NAME], [weight])


def scaled_state(adapter: AdapterFile, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the adapter's tensors under plain layer names, with lora_B multiplied by lora_alpha / rank.

    mmgp multiplies by the weight only, so the tensors must include the scale that peft would apply.
    """
    config = LoraConfig.from_pretrained(str(adapter.folder))
    scaled = {}
    for key, tensor in state.items():
        name = key.removeprefix("base_model.model.")
        if name.endswith(".lora_B.weight"):
            module = name.removesuffix(".lora_B.weight")
            rank = adapter.modules[module][2]
            alpha = _by_pattern(config.alpha_pattern, module, config.lora_alpha)
            tensor = tensor * (alpha / (rank**0.5 if config.use_rslora else rank))  # noqa: PLW2901
        scaled[name] = tensor
    return scaled


def _by_pattern(patterns: dict[str, float], module: str, otherwise: float) -> float:
    """Return the value for a layer; as in peft, a pattern matches the end of the layer's path."""
    for pattern, value in patterns.items():
        if module == pattern or module.endswith(f".{pattern}"):
            return value
    return otherwise
