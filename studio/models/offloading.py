"""Memory management: a pipeline shared between card and main memory by one of mmgp's profiles.

The only module that imports mmgp, written for 3.8.2. Importing mmgp replaces functions in transformers and
safetensors; they are restored here, since the replacements do not accept the arguments that transformers passes.
"""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any

import accelerate.utils.modeling
import safetensors
import safetensors.torch
import torch
import transformers.modeling_utils
from mmgp import offload, safetensors2

from studio.errors import AdapterError
from studio.models.adapter_fit import check_fit
from studio.models.adapters import LoraWeights, linear_layers, scaled_state
from studio.models.memory_profiles import MemoryProfile
from studio.models.pipeline import SD3Pipeline

if TYPE_CHECKING:
    from diffusers.models.transformers.transformer_sd3 import SD3Transformer2DModel

_FIRST_SAVING_RAM = 3
"""From this profile number on, mmgp saves main memory too."""
_LARGE_CARD_GIB = 38
"""Cards of this size hold Large in 16 bits (25.5 GiB) and a batch of five; smaller ones get weights of 8 bits."""
_OTHERS_BUDGET_MIB = 3000
"""mmgp's own value for all parts except the transformer."""
_PARTS = ("transformer", "text_encoder", "text_encoder_2", "text_encoder_3", "vae")


def restore_loaders() -> None:
    """Give transformers, accelerate and safetensors their own file readers back."""
    readers: list[Any] = [safetensors, accelerate.utils.modeling, transformers.modeling_utils]
    for module in readers:
        module.safe_open = safetensors2._old_safe_open
    for module in readers[1:]:
        if hasattr(module, "safe_load_file"):
            module.safe_load_file = safetensors2._old_torch_load_file
    safetensors.torch.load_file = safetensors2._old_torch_load_file


restore_loaders()


class ManagedMemory:
    """A pipeline under one of mmgp's profiles, until `release`; made by `manage_memory`.

    Afterwards the pipeline must be dropped: its hooks stay, and it can be neither used nor profiled again.
    """

    def __init__(self, managed: offload.offload, transformer: SD3Transformer2DModel, quantised: bool) -> None:
        """`quantised` says whether transformer and T5 are stored in 8 bits."""
        self._managed, self._transformer, self.quantised = managed, transformer, quantised

    def set_weight(self, weight: float) -> None:
        """Set the loaded adapter's weight from the next step on."""
        offload.activate_loras(self._transformer, ["0"], [weight])

    def evict(self) -> None:
        """Move everything off the card; the next forward pass brings it back.

        Needed after a failure: mmgp marks a part as loaded before it has copied it, and would never copy the rest.
        """
        self._managed.unload_all()

    def release(self) -> None:
        """Move everything off the card and unpin it."""
        _release(self._managed)


def manage_memory(
    pipe: SD3Pipeline, profile: MemoryProfile, adapter: LoraWeights | None, vram_gib: float
) -> ManagedMemory:
    """Put a pipeline under a profile, with an adapter at weight 0 if there is one. `vram_gib` is the card's memory.

    Raises `AdapterError` for an adapter that does not fit or that mmgp refuses.
    """
    if adapter is not None:
        check_fit(linear_layers(pipe.transformer), adapter.adapter)  # before quantisation replaces the layers
    _keep_timesteps_exact(pipe.transformer)
    quantised = profile.number >= _FIRST_SAVING_RAM or vram_gib < _LARGE_CARD_GIB
    options: dict[str, Any] = {
        "quantizeTransformer": quantised,
        # mmgp looks for a T5 in the first two encoders only; SD3 has it in the third, 9.5 GB in bf16.
        # A fresh list each time: mmgp appends to it.
        "extraModelsToQuantize": ["text_encoder_3"] if quantised else [],
        "asyncTransfers": profile.asynchronous,
    }
    if profile.shared_card:
        options["coTenantsMap"] = dict.fromkeys(_PARTS, "*")
    if profile.transformer_budget_mib is not None:
        options["budgets"] = {"transformer": profile.transformer_budget_mib, "*": _OTHERS_BUDGET_MIB}
    if adapter is not None:
        options["loras"] = ["transformer"]
    try:
        # mmgp prints; standard output belongs to the command line's answers. mmgp's own limit on what it puts on the
        # card is set only where it also prints (verboseLevel 1).
        with contextlib.redirect_stdout(sys.stderr):
            managed = offload.profile(pipe, profile.number, verboseLevel=1, **options)
            _mend_prefetch(managed)
            if adapter is not None:
                _load_adapter(pipe.transformer, adapter)
    except BaseException:
        _release(offload.last_offload_obj)
        raise
    return ManagedMemory(managed, pipe.transformer, quantised)


def quantise(module: torch.nn.Module, name: str) -> None:
    """Store a part's linear layers in 8 bits, as a profile that saves memory does; it can be trained upon."""
    with contextlib.redirect_stdout(sys.stderr):
        offload._quantize(module, offload.qint8, model_id=name)


def _load_adapter(transformer: SD3Transformer2DModel, weights: LoraWeights) -> None:
    """Give mmgp the scaled tensors in place of those that it reads from the file, whose names it may not know."""
    offload.load_loras_into_model(
        transformer,
        str(weights.adapter.weights),
        activate_all_loras=False,
        preprocess_sd=lambda _read: scaled_state(weights),
    )
    managed: Any = transformer  # mmgp sets attributes of its own on it
    errors = managed._loras_errors
    if errors:
        raise AdapterError(f"The adapter “{weights.adapter.name}” was refused: {errors[0][1]}")


def _release(managed: offload.offload | None) -> None:
    if managed is not None and managed.models is not None:
        managed.release()
    # mmgp leaves the card as this thread's default device, but the next model is loaded into RAM.
    torch.set_default_device(None)


def _keep_timesteps_exact(transformer: SD3Transformer2DModel) -> None:
    """Keep mmgp from rounding timesteps to bf16 (814.32 would become 816): the pictures would differ."""
    modules: tuple[Any, Any] = (transformer, transformer.time_text_embed)  # mmgp reads an attribute of its own
    for module in modules:
        module._lock_dtype = torch.float32


def _mend_prefetch(managed: offload.offload) -> None:
    """Let mmgp recognise a block that it has prefetched.

    mmgp compares names with and without the model's prefix, which are never equal, so every streamed block would be
    copied twice.
    """
    for entry, previous in managed.prev_blocks_names.items():
        if previous is not None:
            prefix = entry.split("/", 1)[0] + "/"
            managed.prev_blocks_names[entry] = previous.removeprefix(prefix)
