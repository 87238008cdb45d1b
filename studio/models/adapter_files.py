"""Adapters on disk, of which only the file headers are read: no torch, no tensors, no pickles.

Three forms are read: a peft folder, diffusers' `pytorch_lora_weights.safetensors`, and a single file as kohya's
scripts, OneTrainer, LyCORIS and ComfyUI write it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from safetensors import SafetensorError, safe_open

from studio.errors import AdapterError, first_line, quote
from studio.models.adapter_config import LoraSettings, read_settings
from studio.models.adapter_layers import AdapterLayer, pair_layers
from studio.models.given_paths import read_given_path
from studio.schema import parse_json

WEIGHTS_FILE = "adapter_model.safetensors"
CONFIG_FILE = "adapter_config.json"
DIFFUSERS_FILE = "pytorch_lora_weights.safetensors"
TRAINED_FOLDER, TRAINING_FILE = "adapter", "training.json"
"""The folder of the adapter, and the file beside it, in the folder of a training."""
FORMS = (
    f"a folder with {WEIGHTS_FILE} and {CONFIG_FILE}, as peft saves it, a folder with {DIFFUSERS_FILE}, as diffusers "
    "saves it, or a .safetensors file of a LoRA"
)
_DIFFUSERS_SETTINGS = "lora_adapter_metadata"
"""Where diffusers notes the settings of a LoRA in the header of its weights file."""
_CONFIG_LIMIT_BYTES = 2**20
_HEADER_LIMIT_BYTES = 2**23
"""A LoRA of every layer of the largest model has a header of 0.3 MB."""
_NUMBER_FORMATS = ("F16", "BF16", "F32", "F64")
_Read = TypeVar("_Read")


@dataclass(frozen=True, slots=True)
class AdapterFile:
    """One LoRA on disk.

    `path` is what a request names: its folder, or its file where the folder may hold others. `weights` is its weights
    file, and `sha256` of that file identifies the adapter in every record. `settings` is None where the file has no
    settings: a layer's alpha is then in the file, or equal to its rank.
    """

    path: Path
    weights: Path
    name: str
    sha256: str
    settings: LoraSettings | None
    layers: tuple[AdapterLayer, ...]

    @property
    def ranks(self) -> tuple[int, int]:
        """The lowest and the highest rank of its layers."""
        ranks = [layer.rank for layer in self.layers]
        return min(ranks), max(ranks)


def name_adapter(path: Path) -> str:
    """Return an adapter's name in records and on pages: that of its folder, or of its file without the ending.

    In the folder of a training every adapter lies in a folder of one name: there it is named as the training is.
    """
    try:
        named = path if path.suffix == ".safetensors" else path.resolve()
        in_training = named.name == TRAINED_FOLDER and (named.parent / TRAINING_FILE).is_file()
    except (OSError, RuntimeError, ValueError):  # a loop of links, or no path at all: reading it says so
        named, in_training = path, False
    if in_training:
        return quote(named.parent.name)
    return quote(named.stem if named.suffix == ".safetensors" else named.name)


def read_adapter_path(text: str) -> Path:
    """Return the path of an adapter as a designer pasted it (`read_given_path`). Raises `AdapterError`."""
    try:
        return read_given_path(text)
    except (RuntimeError, ValueError) as error:
        raise AdapterError(f"“{quote(text)}” is no path of an adapter: {first_line(error)} Choose {FORMS}.") from error


def inspect_adapter(path: Path) -> AdapterFile:
    """Return the adapter in a folder or a weights file, from its settings and the shapes in its header.

    Raises `AdapterError` when it is not a LoRA that the studio applies, or is damaged.
    """
    weights = _answer(path, lambda: _find_weights(path))
    folder = weights.parent
    named = folder if weights.name in (WEIGHTS_FILE, DIFFUSERS_FILE) else weights
    named = _answer(path, lambda: named.absolute() if named == weights else named.resolve())
    name = name_adapter(named)
    settings = None
    if weights.name == WEIGHTS_FILE:
        settings = _read_config(folder / CONFIG_FILE)
    shapes, notes = _answer(path, lambda: _read_header(weights, name))
    if settings is None and _DIFFUSERS_SETTINGS in notes:
        settings = _read_notes(notes[_DIFFUSERS_SETTINGS], weights)
    layers = pair_layers(shapes, name)
    return AdapterFile(named, weights, name, _answer(path, lambda: _sha256(weights)), settings, layers)


def find_adapters(root: Path) -> tuple[Path, ...]:
    """Return the adapter folders offered by default: `root` itself and the folders directly inside it."""
    try:
        inside = sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
        return tuple(path for path in (root, *inside) if _is_adapter_folder(path))
    except (OSError, ValueError):
        return ()


def stamp_adapter(path: Path) -> tuple[tuple[str, int, int], ...]:
    """Return name, size and time (ns) of the files that an adapter may consist of; the result changes with them."""
    try:
        found = [path] if path.is_file() else sorted(path.iterdir())
        files = [file for file in found if file.suffix in (".safetensors", ".json")]
        known = [(file.name, file.stat()) for file in files]
    except (OSError, ValueError):
        return ()
    return tuple((ascii(name), status.st_size, status.st_mtime_ns) for name, status in known)


def _is_adapter_folder(path: Path) -> bool:
    peft = (path / WEIGHTS_FILE).is_file() and (path / CONFIG_FILE).is_file()
    return peft or (path / DIFFUSERS_FILE).is_file()


def _answer(path: Path, ask: Callable[[], _Read]) -> _Read:
    """Return what a function finds on the disk; raises `AdapterError` where the disk does not answer."""
    try:
        return ask()
    except (OSError, RuntimeError, ValueError) as error:
        raise AdapterError(
            f"The adapter “{quote(path)}” cannot be read: {first_line(error)} Check its path and its permissions, or "
            "choose another."
        ) from error


def _find_weights(path: Path) -> Path:
    """Return the weights file of a path. Raises `AdapterError` where there is none, or more than one."""
    if path.is_file():
        path = path.parent if path.name == CONFIG_FILE else path
        if path.suffix != ".safetensors" and path.is_file():
            raise AdapterError(f"“{quote(path)}” is no adapter. Choose {FORMS}.")
    if path.is_file():
        candidates = [path]
    elif path.is_dir():
        known = [path / name for name in (WEIGHTS_FILE, DIFFUSERS_FILE) if (path / name).is_file()]
        candidates = known[:1] or sorted(file for file in path.glob("*.safetensors") if file.is_file())
    else:
        raise AdapterError(f"“{quote(path)}” is neither a folder nor a file. Choose {FORMS}.")
    if not candidates:
        raise AdapterError(f"The folder “{quote(path)}” has no adapter. {_advise(path)}")
    if len(candidates) > 1:
        raise AdapterError(
            f"The folder “{quote(path)}” holds {len(candidates)} files of weights: {_name_some(candidates)}. Choose "
            "one of them by its own path."
        )
    (weights,) = candidates
    if weights.name == WEIGHTS_FILE and not (weights.parent / CONFIG_FILE).is_file():
        raise AdapterError(
            f"The adapter folder “{quote(weights.parent)}” has no {CONFIG_FILE}, which says how strongly the adapter "
            "acts. Copy that file too; peft saves both together."
        )
    return weights


def _advise(folder: Path) -> str:
    """Return what to do about a folder without an adapter."""
    if (folder / "model_index.json").is_file():
        return "It holds a model: choose it as the model."
    if inside := [path for path in find_adapters(folder) if path != folder]:
        return f"Its folders have some: {_name_some(inside)}. Choose one of them."
    if pickles := [*folder.glob("*.bin"), *folder.glob("*.pt"), *folder.glob("*.ckpt")]:
        return (
            f"{quote(pickles[0].name)} is a pickle, which can run code when it is read. Save the adapter again as "
            "safetensors (safe_serialization=True)."
        )
    return f"Choose {FORMS}."


def _name_some(paths: list[Path]) -> str:
    names = [quote(path.name) for path in sorted(paths)]
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _read_config(configuration: Path) -> LoraSettings:
    try:
        if configuration.stat().st_size > _CONFIG_LIMIT_BYTES:
            raise ValueError("it is larger than 1 MB")
        values = parse_json(configuration.read_bytes())
    except (OSError, ValueError) as error:
        raise AdapterError(f"{quote(configuration)} is damaged: {first_line(error)} Copy the adapter again.") from error
    if isinstance(values, dict) and "peft_type" not in values:
        raise AdapterError(f"{quote(configuration)} is damaged: it has no peft_type. Copy the adapter again.")
    return read_settings(values, quote(configuration))


def _read_notes(text: str, weights: Path) -> LoraSettings:
    """Return the settings of the transformer's LoRA that diffusers noted in a header."""
    try:
        values = parse_json(text)
    except ValueError as error:
        raise AdapterError(
            f"The settings in {quote(weights)} are damaged: {first_line(error)} Copy the adapter again."
        ) from error
    if isinstance(values, dict):
        prefix = "transformer."
        own = {key.removeprefix(prefix): value for key, value in values.items() if key.startswith(prefix)}
        values = own or values
    return read_settings(values, quote(weights))


def _read_header(weights: Path, name: str) -> tuple[dict[str, tuple[int, ...]], dict[str, str]]:
    """Return the shapes of the tensors in a weights file by name, and its notes."""
    with weights.open("rb") as stream:
        header_bytes = int.from_bytes(stream.read(8), "little")
    if _HEADER_LIMIT_BYTES < header_bytes < weights.stat().st_size:
        raise AdapterError(
            f"{quote(weights)} has a header of {header_bytes / 1e6:.0f} MB; that of a LoRA has less than 1 MB. Choose "
            "the file that the training saved."
        )
    try:
        with safe_open(weights, framework="numpy") as opened:
            slices = {key: opened.get_slice(key) for key in opened.keys()}  # noqa: SIM118
            notes = opened.metadata() or {}
            shapes = {key: tuple(one.get_shape()) for key, one in slices.items()}
            formats = {key: str(one.get_dtype()) for key, one in slices.items()}
    except SafetensorError as error:
        raise AdapterError(f"{quote(weights)} is damaged or not a safetensors file. Copy the adapter again.") from error
    for key, number_format in formats.items():
        if number_format not in _NUMBER_FORMATS and key.endswith(".weight") and len(shapes[key]) == 2:
            raise AdapterError(
                f"The adapter “{name}” stores its weights as {number_format}, which the studio does not read. Save it "
                "again in 16 or 32 bits."
            )
    return shapes, notes


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
