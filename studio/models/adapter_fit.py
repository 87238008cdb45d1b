"""Whether an adapter fits a model, from the headers of both: no torch, and before anything is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open

from studio.errors import AdapterError, quote
from studio.models.adapter_files import AdapterFile


def read_layers(folder: Path) -> dict[str, tuple[int, int]]:
    """Return (outputs, inputs) of each linear layer of the transformer in a model folder, by name.

    Empty where its files cannot be read, which loading reports.
    """
    layers = {}
    try:
        for file in sorted((folder / "transformer").glob("*.safetensors")):
            with safe_open(file, framework="numpy") as opened:
                for key in opened.keys():  # noqa: SIM118
                    shape = opened.get_slice(key).get_shape()
                    if key.endswith(".weight") and len(shape) == 2:  # only linear layers have these in the family
                        layers[key.removesuffix(".weight")] = (shape[0], shape[1])
    except (OSError, SafetensorError, ValueError):
        return {}
    return layers


def check_fit(layers: Mapping[str, tuple[int, int]], adapter: AdapterFile) -> None:
    """Raise `AdapterError` unless every layer of the adapter is among these layers with the same shape."""
    missing = [layer.name for layer in adapter.layers if layer.name not in layers]
    if missing:
        raise AdapterError(
            f"The adapter “{adapter.name}” was made for another model: {len(missing)} of its {len(adapter.layers)} "
            f"layers do not exist here, such as {quote(missing[0])}. Choose the model that it was trained on."
        )
    for layer in adapter.layers:
        here = layers[layer.name]
        if here != (layer.outputs, layer.inputs):
            raise AdapterError(
                f"The adapter “{adapter.name}” was made for another model: {layer.name} is {layer.outputs} × "
                f"{layer.inputs} in it and {here[0]} × {here[1]} here. Choose the model that it was trained on."
            )
