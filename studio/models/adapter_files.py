"""peft adapter folders, of which only the file headers are read: no torch, no tensors, no pickles."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from studio.errors import AdapterError, first_line

WEIGHTS_FILE = "adapter_model.safetensors"
CONFIG_FILE = "adapter_config.json"
_PREFIX = "base_model.model."


@dataclass(frozen=True, slots=True)
class AdapterFile:
    """One peft LoRA on disk.

    `modules` maps the path of each adapted layer in the transformer to its (outputs, inputs, rank); `sha256` is of
    the weights file and identifies the adapter in every record.
    """

    folder: Path
    name: str
    sha256: str
    config: dict[str, Any]
    modules: dict[str, tuple[int, int, int]]

    @property
    def rank(self) -> int:
        """The rank in its configuration."""
        return int(self.config["r"])

    @property
    def alpha(self) -> float:
        """The lora_alpha in its configuration: the adapter is scaled by alpha / rank."""
        return float(self.config["lora_alpha"])


def inspect_adapter(folder: Path) -> AdapterFile:
    """Return the adapter in a peft folder, from its configuration and the shapes in its weights file.

    Raises `AdapterError` when it is not a LoRA folder of peft, or is damaged.
    """
    weights, configuration = folder / WEIGHTS_FILE, folder / CONFIG_FILE
    for file in (weights, configuration):
        try:
            there = file.is_file()
        except (OSError, ValueError) as error:
            raise AdapterError(
                f"The adapter folder “{str(folder)[:100]}” cannot be read: {first_line(error)}"
            ) from error
        if not there:
            raise AdapterError(
                f"The adapter folder “{folder}” has no {file.name}. "
                f"Choose a folder with {WEIGHTS_FILE} and {CONFIG_FILE}, as peft saves it."
            )
    config = _read_config(configuration)
    try:
        with safe_open(weights, framework="numpy") as opened:
            shapes = {key: tuple(opened.get_slice(key).get_shape()) for key in opened.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise AdapterError(f"{weights} is damaged or not a safetensors file. Copy the adapter again.") from error
    name = folder.resolve().name
    return AdapterFile(folder, name, _sha256(weights), config, _modules(shapes, weights))


def find_adapters(root: Path) -> tuple[Path, ...]:
    """Return the peft folders offered by default: `root` itself and the folders directly inside it."""
    if not root.is_dir():
        return ()
    candidates = [root, *sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))]
    return tuple(p for p in candidates if (p / WEIGHTS_FILE).is_file() and (p / CONFIG_FILE).is_file())


def _read_config(configuration: Path) -> dict[str, Any]:
    try:
        config = json.loads(configuration.read_text("utf-8"))
        kind, rank, alpha = config["peft_type"], int(config["r"]), float(config["lora_alpha"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise AdapterError(f"{configuration} is damaged: {error}. Copy the adapter again.") from error
    if kind != "LORA":
        raise AdapterError(f"The adapter “{configuration.parent}” is of the kind {kind}; the studio reads LORA.")
    if rank < 1 or alpha <= 0:
        raise AdapterError(f"{configuration} names rank {rank} and lora_alpha {alpha:g}; both must be above 0.")
    return dict(config)


def _modules(shapes: dict[str, tuple[int, ...]], weights: Path) -> dict[str, tuple[int, int, int]]:
    """Pair lora_A (rank, inputs) with lora_B (outputs, rank) by module."""
    modules = {}
    for key, down in shapes.items():
        if not key.endswith(".lora_A.weight"):
            continue
        up = shapes.get(key.replace(".lora_A.", ".lora_B."))
        if up is None or len(down) != 2 or len(up) != 2 or down[0] != up[1]:
            raise AdapterError(f"{weights} is incomplete at {key}. Copy the adapter again.")
        modules[key.removeprefix(_PREFIX).removesuffix(".lora_A.weight")] = (up[0], down[1], down[0])
    if not modules:
        raise AdapterError(f"{weights} holds no LoRA layers. Choose an adapter that peft saved.")
    return modules


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
