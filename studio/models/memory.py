"""mmgp, the only module that imports it: a pipeline shared between the card and main memory by a profile.

Written against mmgp 3.8.2. Importing it replaces functions in transformers and safetensors; they are put back here,
since the replacement does not take the arguments that current transformers pass.
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
from studio.models.adapter_files import WEIGHTS_FILE, AdapterFile
from studio.models.adapters import check_fit, scaled_state
from studio.models.profiles import MemoryProfile

if TYPE_CHECKING:
    from diffusers import SD3Transformer2DModel, StableDiffusion3Img2ImgPipeline

_FIRST_THRIFTY = 3
"""From this profile on mmgp means to save main memory too."""
_ROOMY_GIB = 38
"""Cards of this size hold all of Large in 16 bits (25.5 GiB) with what a batch of five computes; smaller ones get 8."""
_OTHERS_BUDGET_MIB = 3000
"""mmgp's own for all parts but the transformer."""
_PARTS = ("transformer", "text_encoder", "text_encoder_2", "text_encoder_3", "vae")


def restore_loaders() -> None:
    """Give transformers, accelerate and safetensors their own file readers back."""
    for module in (safetensors, accelerate.utils.modeling, transformers.modeling_utils):
        module.safe_open = safetensors2._old_safe_open
    for module in (accelerate.utils.modeling, transformers.modeling_utils):
        if hasattr(module, "safe_load_file"):
            module.safe_load_file = safetensors2._old_torch_load_file
    safetensors.torch.load_file = safetensors2._old_torch_load_file


restore_loaders()


class ManagedMemory:
    """A pipeline under one of mmgp's profiles, until `release`.

    Afterwards the pipeline must be dropped: its hooks stay and it can be neither used nor profiled again.
    """

    def __init__(
        self,
        pipe: StableDiffusion3Img2ImgPipeline,
        profile: MemoryProfile,
        adapter: AdapterFile | None,
        vram_gib: float,
    ) -> None:
        self._transformer = pipe.transformer
        self._offload: offload.offload | None = None
        if adapter is not None:
            check_fit(pipe.transformer, adapter)  # before quantisation replaces the layers
            if adapter.config.get("use_dora"):
                raise AdapterError(
                    f"The adapter “{adapter.name}” is a DoRA, which the memory profiles cannot apply yet."
                )
        _keep_timesteps_exact(pipe.transformer)
        self.quantised = profile.number >= _FIRST_THRIFTY or vram_gib < _ROOMY_GIB
        options: dict[str, Any] = {
            "quantizeTransformer": self.quantised,
            # mmgp looks for a T5 in the first two encoders only; SD3 has it in the third, 9.5 GB in bf16.
            # A fresh list each time: mmgp appends to it.
            "extraModelsToQuantize": ["text_encoder_3"] if self.quantised else [],
            "asyncTransfers": profile.asynchronous,
        }
        if profile.shared_card:
            options["coTenantsMap"] = dict.fromkeys(_PARTS, "*")
        if profile.transformer_budget_mib is not None:
            options["budgets"] = {"transformer": profile.transformer_budget_mib, "*": _OTHERS_BUDGET_MIB}
        if adapter is not None:
            options["loras"] = ["transformer"]
        try:
            # mmgp prints; standard output belongs to the command line's answers. Its own limit on what it puts on
            # the card is set only where it also prints (verboseLevel 1).
            with contextlib.redirect_stdout(sys.stderr):
                self._offload = offload.profile(pipe, profile.number, verboseLevel=1, **options)
                _mend_prefetch(self._offload)
                if adapter is not None:
                    self._load_adapter(adapter)
        except BaseException:
            self.release()
            raise

    def _load_adapter(self, adapter: AdapterFile) -> None:
        file = str(adapter.folder / WEIGHTS_FILE)
        offload.load_loras_into_model(
            self._transformer, file, activate_all_loras=False, preprocess_sd=lambda state: scaled_state(adapter, state)
        )
        errors = self._transformer._loras_errors
        if errors:
            raise AdapterError(f"The adapter “{adapter.name}” was refused: {errors[0][1]}")

    def set_weight(self, weight: float) -> None:
        """Apply the loaded adapter this strongly from the next step on."""
        offload.activate_loras(self._transformer, ["0"], [weight])

    def evict(self) -> None:
        """Take everything off the card; the next forward brings it back.

        Needed after a failure: mmgp lists a part as being on the card before it has copied it, and would never copy
        the rest.
        """
        self._offload.unload_all()

    def release(self) -> None:
        """Take everything off the card and unpin it."""
        managed = self._offload or offload.last_offload_obj
        if managed is not None and managed.models is not None:
            managed.release()
        # mmgp makes the card this thread's default device and leaves it so; the next model is loaded into RAM.
        torch.set_default_device(None)


def _keep_timesteps_exact(transformer: SD3Transformer2DModel) -> None:
    """Keep mmgp from rounding timesteps to bf16 (814.32 would become 816): the pictures would differ."""
    transformer._lock_dtype = torch.float32
    transformer.time_text_embed._lock_dtype = torch.float32


def _mend_prefetch(managed: offload.offload) -> None:
    """Let mmgp recognise a block that it has fetched ahead.

    It compares the previous block's name with the model's prefix against the loaded one's without: never equal, so
    every streamed block is copied twice.
    """
    for entry, previous in managed.prev_blocks_names.items():
        if previous is not None:
            prefix = entry.split("/", 1)[0] + "/"
            managed.prev_blocks_names[entry] = previous.removeprefix(prefix)
