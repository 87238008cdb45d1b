"""Loading of a registry entry as a diffusers pipeline in main memory, with a download first where needed."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import psutil
import torch
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, StrictDataclassError
from safetensors import SafetensorError, safe_open

from studio.errors import MemoryShortError, ModelError, first_line
from studio.models.adapter_files import AdapterFile
from studio.models.adapter_fit import check_fit, read_layers
from studio.models.device import MEMORY_ERRORS, is_out_of_memory
from studio.models.pipeline import TRAINED_TIMESTEPS, SD3Pipeline
from studio.models.registry import ModelEntry
from studio.schema import read_json_object

if TYPE_CHECKING:
    from diffusers.pipelines.stable_diffusion_3.pipeline_stable_diffusion_3_img2img import (
        StableDiffusion3Img2ImgPipeline,
    )

_DAMAGE = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RecursionError,
    StrictDataclassError,
)
"""What the libraries raise for damaged files, and for configurations with values of another kind or size."""
_NOT_ALLOWED = (401, 403, 404)
"""The hub answers 401 or 404 for a model that a token may not read."""
_SAMPLE_BYTES = 2**16
_SAMPLE_EVERY_BYTES = 2**24
_GIGABYTE = 10**9
_LAYERS = {
    "transformer": ("num_layers", "transformer_blocks."),
    "text_encoder": ("num_hidden_layers", "text_model.encoder.layers."),
    "text_encoder_2": ("num_hidden_layers", "text_model.encoder.layers."),
    "text_encoder_3": ("num_layers", "encoder.block."),
}
"""The entry of each part's configuration that counts its layers, and the names that they have in the weights."""
_OTHER_STEPS = ("stochastic_sampling", "invert_sigmas")
"""Options of a scheduler that change its steps."""
_OTHER_SIGMAS = ("shift_terminal", "use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas")
"""Options of a scheduler that a noise shift would override."""


PARTS = ("transformer", "text_encoder", "text_encoder_2", "text_encoder_3", "vae")
"""The parts of a pipeline that hold weights."""


def load_pipeline(
    entry: ModelEntry, dtype: torch.dtype, adapter: AdapterFile | None = None, parts: Collection[str] = PARTS
) -> SD3Pipeline:
    """Return a model loaded into main memory, downloaded first if it is missing; the adapter is not applied.

    Of `PARTS` only those in `parts` are loaded; the others are None in the pipeline.

    Raises `ModelError` with the step to take: licence, token, network, damaged files. Raises `AdapterError` before
    anything is loaded if an adapter is given that does not fit.
    """
    pipeline_class = find_pipeline_class()
    folder = fetch_model(entry)
    if adapter is not None and (layers := read_layers(folder)):
        check_fit(layers, adapter)
    _check_memory(entry, folder, parts)
    _check_configurations(entry, folder)
    left_out: dict[str, Any] = dict.fromkeys(part for part in PARTS if part not in parts)
    try:
        # Only safetensors: a pickle can run code when it is read.
        pipe = pipeline_class.from_pretrained(
            folder, dtype=dtype, local_files_only=True, use_safetensors=True, **left_out
        )
    except MEMORY_ERRORS as error:
        if not is_out_of_memory(error):
            raise _damaged(entry, error) from error
        raise MemoryShortError(
            f"There is not enough memory to load {entry.title}. Close other programs or choose a smaller model."
        ) from error
    except _DAMAGE as error:
        raise _damaged(entry, error) from error
    _check_scheduler(entry, pipe.scheduler)
    # As peft does when it adds an adapter: torch computes some products in another order where weights could be
    # trained, and a weight of 0 would differ from no adapter in the last bit.
    if pipe.transformer is not None:
        pipe.transformer.requires_grad_(False)
    pipe.set_progress_bar_config(disable=True)  # type: ignore[no-untyped-call]  # diffusers, untyped
    return cast(SD3Pipeline, pipe)


def stamp_weights(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Return path, size and time of each weights file; the result changes when a training overwrites them."""
    try:
        known = [(str(file.relative_to(folder)), file.stat()) for file in sorted(folder.rglob("*.safetensors"))]
    except OSError:  # a file is being replaced, or the drive is gone: loading reports it
        return ()
    return tuple((name, file.st_size, file.st_mtime_ns) for name, file in known)


def fetch_model(entry: ModelEntry) -> Path:
    """Return the folder of a model, downloaded first if it is missing. Raises `ModelError` with the step to take."""
    return entry.folder if entry.folder is not None else _fetch(entry)


def fingerprint(pipe: SD3Pipeline) -> str:
    """Return 12 hex digits that identify the weights of a pipeline, see `fingerprint_files`."""
    return fingerprint_files(Path(pipe.config["_name_or_path"]))


def fingerprint_files(folder: Path) -> str:
    """Return 12 hex digits that identify the weights, hashed from each file's path, size and a sample every 16 MiB.

    A merged LoRA changes layers throughout a file, so the samples detect it. Sampling 27 GB takes a moment instead of
    a minute.
    """
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*.safetensors")):
        size = file.stat().st_size
        digest.update(f"{file.relative_to(folder)} {size}\n".encode())
        with file.open("rb") as stream:
            for place in range(0, size, _SAMPLE_EVERY_BYTES):
                stream.seek(place)
                digest.update(stream.read(_SAMPLE_BYTES))
    return digest.hexdigest()[:12]


def find_pipeline_class() -> type[StableDiffusion3Img2ImgPipeline]:
    """Return the pipeline's class, with the libraries' progress bars and hints turned off."""
    import transformers.utils.logging as transformers_logging

    transformers_logging.set_verbosity_error()  # type: ignore[no-untyped-call]  # transformers, untyped
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # transformers, untyped
    import diffusers.utils.logging as diffusers_logging
    from diffusers.pipelines.stable_diffusion_3 import pipeline_stable_diffusion_3_img2img

    diffusers_logging.disable_progress_bar()
    return pipeline_stable_diffusion_3_img2img.StableDiffusion3Img2ImgPipeline


def _fetch(entry: ModelEntry) -> Path:
    """Return the folder of a model from the Hugging Face hub, fetching what is missing."""
    try:
        return Path(find_pipeline_class().download(entry.id))
    except GatedRepoError as error:
        raise ModelError(
            f"{entry.title} asks you to accept its licence first. Open https://huggingface.co/{entry.id}, accept it, "
            "then run “hf auth login” in a terminal, or set HF_TOKEN, and try again."
        ) from error
    except OSError as error:
        refused = _refusal(entry, error)
        if refused is not None:
            raise ModelError(refused) from error
        if error.errno is not None and error.errno == 28:  # ENOSPC
            raise ModelError(
                f"The disk is full: {entry.title} needs {entry.download_gb:g} GB. Make room, or point HF_HOME to "
                "another disk; what was fetched so far is kept."
            ) from error
        raise ModelError(_unreachable(entry)) from error


def _refusal(entry: ModelEntry, error: OSError) -> str | None:
    """Return what to do when the hub refused; None when it did not answer.

    diffusers wraps the hub's answer in an `OSError` of its own, so the causes are searched for it.
    """
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, HfHubHTTPError):
        cause = cause.__cause__
    if cause is None or cause.response is None:
        return None
    status = cause.response.status_code
    if status in _NOT_ALLOWED:
        return (
            f"Hugging Face does not show {entry.id} to you. Accept its licence on https://huggingface.co/{entry.id}, "
            "run “hf auth login” in a terminal with a token that may read it, and try again."
        )
    return f"Hugging Face answered with error {status} for {entry.id}. It may be busy: try again in some minutes."


def _check_scheduler(entry: ModelEntry, scheduler: object) -> None:
    """Raise `ModelError` unless the studio's sampler does what the scheduler would: plain Euler steps."""
    config = getattr(scheduler, "config", {})
    name = type(scheduler).__name__
    options = _OTHER_STEPS + (_OTHER_SIGMAS if entry.fits_noise else ())
    unusual = [option for option in options if config.get(option)]
    if config.get("num_train_timesteps", TRAINED_TIMESTEPS) != TRAINED_TIMESTEPS:
        unusual.append("num_train_timesteps")
    shift = config.get("shift")
    if isinstance(shift, (int, float)) and not shift > 0:
        unusual.append(f"shift {shift}")
    if name == "FlowMatchEulerDiscreteScheduler" and not unusual:
        return
    said = f"{name} with {unusual[0]}" if unusual else name
    raise ModelError(
        f"{entry.title} comes with the scheduler {said}. The studio takes Euler steps of flow matching, as Stable "
        "Diffusion 3 does: put FlowMatchEulerDiscreteScheduler with its usual options into the folder's "
        "model_index.json and scheduler/, or choose another model."
    )


def _check_configurations(entry: ModelEntry, folder: Path) -> None:
    """Raise `ModelError` on configurations with values that no library would refuse in time.

    Numbers that are not finite would be drawn with, and layers without weights are built before they are missed, which
    takes tens of seconds for some thousands.
    """
    for part, (key, prefix) in _LAYERS.items():
        for file in sorted((folder / part).glob("*config.json")):
            _count_layers(entry, file, key, prefix)
    for file in sorted((folder / "scheduler").glob("*config.json")):
        _read_configuration(entry, file)


def _count_layers(entry: ModelEntry, file: Path, key: str, prefix: str) -> None:
    """Raise `ModelError` unless a part has weights for as many layers as its configuration states."""
    stated = _read_configuration(entry, file).get(key)
    try:
        names = {name for weights in file.parent.glob("*.safetensors") for name in _read_names(weights)}
    except (OSError, SafetensorError):  # damaged or not there, which loading reports
        return
    found = {name.removeprefix(prefix).split(".")[0] for name in names if name.startswith(prefix)}
    if found and stated is not None and stated != len(found):
        raise _damaged(
            entry, ValueError(f"{file.parent.name}/{file.name} has {key} {stated} where the weights have {len(found)}.")
        )


def _read_names(weights: Path) -> list[str]:
    """Return the names in the header of a weights file."""
    with safe_open(weights, framework="numpy") as opened:
        return list(opened.keys())


def _read_configuration(entry: ModelEntry, file: Path) -> Mapping[str, Any]:
    try:
        return read_json_object(file)
    except (OSError, ValueError) as error:
        raise _damaged(entry, ValueError(f"{file.parent.name}/{file.name}: {first_line(error)}")) from error


def _damaged(entry: ModelEntry, error: Exception) -> ModelError:
    logging.getLogger(__name__).info("loading %s", entry.id, exc_info=error)  # damaged files are no fault of the studio
    return ModelError(
        f"{entry.title} could not be loaded: {first_line(error)} "
        "The files may be incomplete, or not of the Stable Diffusion 3 family; fetch or copy them again."
    )


def _check_memory(entry: ModelEntry, folder: Path, parts: Collection[str]) -> None:
    """Raise `MemoryShortError` for a model that cannot fit: the system would end the studio without an error."""
    files = [file for part in parts for file in (folder / part).glob("*.safetensors")]
    needed = sum(file.stat().st_size for file in files if ".fp16." not in file.name)
    free = psutil.virtual_memory().available + psutil.swap_memory().free
    if needed > free:
        raise MemoryShortError(
            f"{entry.title} needs {needed / _GIGABYTE:.0f} GB of main memory to load and {free / _GIGABYTE:.0f} GB "
            "are free. Close other programs, add swap space, or choose a smaller model."
        )


def _unreachable(entry: ModelEntry) -> str:
    return (
        f"{entry.title} is not on this computer yet and Hugging Face could not be reached. Check the network and try "
        f"again ({entry.download_gb:g} GB will be fetched), or choose the built-in model, which needs none."
    )
