"""The slot that holds the loaded pipeline. At most one is in memory at a time."""

from __future__ import annotations

import gc
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from studio.errors import MemoryShortError
from studio.models import adapters
from studio.models.adapter_files import AdapterFile, inspect_adapter
from studio.models.device import MEMORY_ERRORS, empty_device_cache, find_device, is_out_of_memory
from studio.models.hardware import find_hardware
from studio.models.loading import fingerprint, load_pipeline, stamp_weights
from studio.models.memory_profiles import UNMANAGED, MemoryProfile, check_profile, choose_profile
from studio.models.pipeline import SD3Pipeline
from studio.models.prompts import PromptCache
from studio.models.registry import ModelEntry, resolve_model
from studio.schema import PipelineChoice

if TYPE_CHECKING:
    from PIL import Image

    from studio.models.offloading import ManagedMemory

_GIB = 2**30


@dataclass(slots=True)
class EncodedDesign:
    """A design encoded by a model, remembered for later runs: its latents (1, c, h, w), in main memory.

    `shift` is its noise shift (`studio.generation.noise_shift`), `reconstruction` the padded picture that the VAE
    decodes from the unchanged latents; both are None until a run needs them.
    """

    latents: torch.Tensor
    shift: float | None = None
    reconstruction: Image.Image | None = None


@dataclass
class LoadedPipeline:
    """A pipeline ready to draw, with its facts. `designs` holds the last designs that it encoded."""

    pipe: SD3Pipeline
    entry: ModelEntry
    fingerprint: str
    adapter: AdapterFile | None
    profile: MemoryProfile | None
    device: str
    prompts: PromptCache
    memory: ManagedMemory | None
    designs: OrderedDict[tuple[object, ...], EncodedDesign] = field(default_factory=OrderedDict)

    @property
    def profile_id(self) -> str:
        """The profile's id, or “none” where no memory is managed."""
        return self.profile.id if self.profile is not None else UNMANAGED

    @property
    def device_name(self) -> str:
        """The device, with the name of the card if there is one."""
        return f"cuda, {torch.cuda.get_device_name()}" if self.device == "cuda" else self.device

    @property
    def precision(self) -> str:
        """The number format of the arithmetic, and of the large parts where they are stored in 8 bits."""
        if self.memory is None:
            return str(self.pipe.transformer.dtype).removeprefix("torch.")
        return "bfloat16, 8-bit weights" if self.memory.quantised else "bfloat16"

    def make_room(self) -> None:
        """Free as much of the card's memory as possible, after a batch that did not fit."""
        gc.collect()
        if self.memory is not None:
            self.memory.evict()
        empty_device_cache()

    def set_adapter_weight(self, weight: float) -> None:
        """Set the adapter's weight for the next run; does nothing without an adapter."""
        if self.adapter is None:
            return
        if self.memory is not None:
            self.memory.set_weight(weight)
        else:
            adapters.set_weight(self.pipe.transformer, weight)


class PipelineSlot:
    """Loads the pipeline of a run and keeps it for the next; releases the old one *before* it loads another.

    One thread at a time is inside `use`; another thread that calls `use` or `release` waits.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._loaded: LoadedPipeline | None = None
        self._key: tuple[object, ...] | None = None

    @property
    def occupied(self) -> bool:
        """Whether a pipeline is in memory now."""
        return self._loaded is not None

    @contextmanager
    def use(self, choice: PipelineChoice, report: Callable[[str], None]) -> Iterator[LoadedPipeline]:
        """Yield the pipeline of a choice, loaded if needed; `report` gets each stage, in words for the designer.

        Raises `ModelError`, `AdapterError` or `MemoryShortError`, and then leaves nothing in memory.
        """
        with self._lock:
            yield self._ready(choice, report)

    def release(self) -> None:
        """Drop the pipeline and free its memory, after any run that uses it."""
        with self._lock:
            loaded, self._loaded, self._key = self._loaded, None, None
            if loaded is None:
                return
            if loaded.memory is not None:
                loaded.memory.release()
            del loaded
            gc.collect()
            empty_device_cache()

    def _ready(self, choice: PipelineChoice, report: Callable[[str], None]) -> LoadedPipeline:
        adapter = inspect_adapter(Path(choice.adapter_folder)) if choice.adapter_folder is not None else None
        entry = resolve_model(choice.model)
        weights = () if entry.folder is None else stamp_weights(entry.folder)
        key = (choice, adapter.sha256 if adapter is not None else None, weights)
        if self._loaded is None or self._key != key:
            check_profile(choice.profile)  # before anything is released
            self.release()
            report(f"Loading {entry.title}")
            try:
                self._loaded = _load(entry, adapter, choice.profile)
            except MEMORY_ERRORS as error:
                gc.collect()
                if not is_out_of_memory(error):
                    raise
                raise MemoryShortError(
                    f"There is not enough memory to load {entry.title}. Close other programs, choose a thriftier "
                    "memory profile in the settings, or a smaller model."
                ) from error
            self._key = key
        return self._loaded


def _load(entry: ModelEntry, adapter: AdapterFile | None, profile_choice: str) -> LoadedPipeline:
    device = find_device()
    torch.set_default_device(None)  # mmgp may have left the card as this thread's default
    # The adapter's weights are checked first: a model takes minutes to load.
    weights = adapters.read_weights(adapter) if adapter is not None else None
    pipe = load_pipeline(entry, torch.bfloat16 if device != "cpu" else torch.float32, adapter)
    identity = fingerprint(pipe)
    memory, profile = None, None
    if device == "cuda":
        from studio.models.offloading import manage_memory

        # The card that torch uses: the driver may list several, in another order, or none at all.
        vram_gib = torch.cuda.get_device_properties(0).total_memory / _GIB
        profile = choose_profile(profile_choice, vram_gib, find_hardware().ram_gib)
        memory = manage_memory(pipe, profile, weights, vram_gib)
    else:
        if weights is not None:
            adapters.add_adapter(pipe.transformer, weights)
        pipe.to(device)
        if device == "cpu":  # the same results, with convolutions twice as fast
            pipe.vae.to(memory_format=torch.channels_last)  # type: ignore[call-arg]  # diffusers hides its overloads
    return LoadedPipeline(
        pipe=pipe,
        entry=entry,
        fingerprint=identity,
        adapter=adapter,
        profile=profile,
        device=device,
        prompts=PromptCache(pipe, entry.prompt_tokens),
        memory=memory,
    )
