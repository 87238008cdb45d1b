"""The weights of a LoRA, read and checked before a model is loaded, and applied to a transformer.

`load_lora_weights` of the pipelines loads nothing from a peft folder and only warns; `load_lora_adapter` assumes that
alpha equals the rank. Here every form becomes a configuration of peft and tensors under the transformer's own names:
peft injects the layers from both, and mmgp gets the tensors scaled by peft's rule.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from peft import LoraConfig, set_peft_model_state_dict
from peft.utils.other import get_pattern_key
from safetensors import SafetensorError
from safetensors.torch import load_file

from studio.errors import AdapterError, quote
from studio.models.adapter_config import check_scale
from studio.models.adapter_files import AdapterFile
from studio.models.adapter_fit import check_fit
from studio.models.adapter_layers import AdapterLayer

if TYPE_CHECKING:
    from diffusers.models.transformers.transformer_sd3 import SD3Transformer2DModel

ADAPTER_NAME = "carpet"


@dataclass(frozen=True, slots=True)
class LoraWeights:
    """A LoRA in main memory: peft's configuration, and `lora_A` and `lora_B` of each layer under its own name."""

    adapter: AdapterFile
    config: LoraConfig
    state: dict[str, torch.Tensor]


def read_weights(adapter: AdapterFile) -> LoraWeights:
    """Return the weights of an adapter, in the number format of its file.

    Raises `AdapterError` for weights that are not finite, and for ranks and scales that do not go with them.
    """
    try:
        stored = load_file(adapter.weights)
        pairs = {layer: (stored[layer.down], stored[layer.up]) for layer in adapter.layers}
    except (OSError, SafetensorError, KeyError) as error:  # changed since its header was read
        raise AdapterError(f"{quote(adapter.weights)} is damaged or gone. Copy the adapter again.") from error
    state = {}
    for layer, (down, up) in pairs.items():
        for name, tensor in (("lora_A", down if layer.parts == 1 else down.clone()), ("lora_B", _rows(up, layer))):
            if not bool(torch.isfinite(tensor).all()):
                raise AdapterError(
                    f"The adapter “{adapter.name}” is damaged: its layer {quote(layer.name)} holds values that are no "
                    "finite numbers. Copy it again, or choose an earlier state of the training."
                )
            state[f"{layer.name}.{name}.weight"] = tensor
    config = _configure(adapter, stored)
    for layer in adapter.layers:
        rank, alpha = _rank_and_alpha(config, layer.name)
        if rank != layer.rank:
            raise AdapterError(
                f"The adapter “{adapter.name}” is damaged: its settings name rank {rank} for the layer "
                f"{quote(layer.name)}, and its weights have rank {layer.rank}. Copy the adapter again, both files "
                "together."
            )
        check_scale(_scale(config, rank, alpha), layer.name, adapter.name)
    return LoraWeights(adapter, config, state)


def add_adapter(transformer: SD3Transformer2DModel, weights: LoraWeights) -> None:
    """Inject an adapter's layers into a transformer in plain memory; honours alpha, patterns and rsLoRA.

    Raises `AdapterError` when it does not fit or is not loaded completely.
    """
    check_fit(linear_layers(transformer), weights.adapter)
    transformer.add_adapter(weights.config, ADAPTER_NAME)
    outcome = set_peft_model_state_dict(transformer, weights.state, ADAPTER_NAME)
    refused: list[str] = outcome.unexpected_keys  # type: ignore[attr-defined]  # torch's, annotated wrongly
    left_out = [key for key in outcome.missing_keys if ".lora_" in key]  # type: ignore[attr-defined]  # torch's, too
    if refused or left_out:
        raise AdapterError(
            f"The adapter “{weights.adapter.name}” was not loaded completely: {(refused or left_out)[0]} does not fit. "
            "Choose the model that it was trained on."
        )


def set_weight(transformer: SD3Transformer2DModel, weight: float) -> None:
    """Set the injected adapter's weight from the next step on; 0 is the base model, bit for bit."""
    transformer.set_adapters([ADAPTER_NAME], [weight])


def linear_layers(transformer: SD3Transformer2DModel) -> dict[str, tuple[int, int]]:
    """Return (outputs, inputs) of each linear layer of a transformer, by name."""
    modules = transformer.named_modules()
    return {name: (one.out_features, one.in_features) for name, one in modules if isinstance(one, torch.nn.Linear)}


def scaled_state(weights: LoraWeights) -> dict[str, torch.Tensor]:
    """Return an adapter's tensors with `lora_B` multiplied by the scale that peft would apply.

    mmgp multiplies by the weight only.
    """
    scaled = dict(weights.state)
    for layer in weights.adapter.layers:
        rank, alpha = _rank_and_alpha(weights.config, layer.name)
        key = f"{layer.name}.lora_B.weight"
        scaled[key] = scaled[key] * _scale(weights.config, rank, alpha)
    return scaled


def _rows(up: torch.Tensor, layer: AdapterLayer) -> torch.Tensor:
    """Return the rows of `lora_B` of one layer."""
    rows = up.chunk(layer.parts, dim=0)[layer.part]
    if layer.swapped:
        rows = torch.cat(rows.chunk(2, dim=0)[::-1], dim=0)
    return rows.clone() if layer.parts > 1 else rows


def _configure(adapter: AdapterFile, stored: dict[str, torch.Tensor]) -> LoraConfig:
    """Return peft's configuration of an adapter: that of its settings, or one that says what each layer says."""
    # Exactly the layers in the file: patterns in a configuration may match more, which would stay untrained.
    targets = [layer.name for layer in adapter.layers]
    if (settings := adapter.settings) is not None and not any(layer.alpha for layer in adapter.layers):
        return LoraConfig(
            r=settings.rank,
            lora_alpha=settings.alpha,  # type: ignore[arg-type]  # peft reads fractions too
            rank_pattern=dict(settings.rank_pattern),
            alpha_pattern=dict(settings.alpha_pattern),
            use_rslora=settings.rslora,
            target_modules=targets,
        )
    each = {layer.name: (layer.rank, _own_alpha(layer, stored, adapter.name)) for layer in adapter.layers}
    (usual, _), *_ = Counter(each.values()).most_common(1)
    others = {f"^{re.escape(name)}": pair for name, pair in each.items() if pair != usual}
    return LoraConfig(
        r=usual[0],
        lora_alpha=usual[1],  # type: ignore[arg-type]  # peft reads fractions too
        rank_pattern={name: rank for name, (rank, _) in others.items()},
        alpha_pattern={name: alpha for name, (_, alpha) in others.items()},
        target_modules=targets,
    )


def _own_alpha(layer: AdapterLayer, stored: dict[str, torch.Tensor], name: str) -> float:
    """Return the alpha that a file holds for a layer; without one it equals the rank."""
    if layer.alpha is None:
        return float(layer.rank)
    alpha = float(stored[layer.alpha])
    if not (math.isfinite(alpha) and alpha > 0):
        raise AdapterError(
            f"The adapter “{name}” names alpha {alpha:g} for the layer {quote(layer.name)}. It is a number above 0, "
            "such as the rank. Copy the adapter again."
        )
    return alpha


def _rank_and_alpha(config: LoraConfig, layer: str) -> tuple[int, float]:
    """Return a layer's rank and alpha by peft's rule: the first pattern that fits the end of its path."""
    ranks, alphas = config.rank_pattern or {}, config.alpha_pattern or {}
    rank: int = ranks.get(get_pattern_key(list(ranks), layer), config.r)
    alpha: float = alphas.get(get_pattern_key(list(alphas), layer), config.lora_alpha)
    return rank, alpha


def _scale(config: LoraConfig, rank: int, alpha: float) -> float:
    return alpha / (math.sqrt(rank) if config.use_rslora else rank)
