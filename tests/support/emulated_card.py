"""Run mmgp's real profiles without a card: `python -m tests.support.emulated_card PROFILE VRAM [MIB]`.

mmgp asks CUDA for memory and streams and moves tensors to it. Here the CPU answers those few calls: tensors stay where
they are, and each copy to the card is counted instead of made. This shows which parts are quantised, whether the
studio's sampler gives the plain pipeline's latents through the corrected hooks, how an adapter acts, how much each
forward would copy, and whether that was prefetched. It cannot show time, peaks of memory, pinning, or tensors on mixed
devices. It replaces functions of torch, so it runs in a separate process. Written for mmgp 3.8.2.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch


class Card:
    """Counts the bytes that would be copied to the card: on the computing stream (waited for) or prefetched."""

    def __init__(self) -> None:
        self.waited = self.ahead = 0
        self.ahead_now = False
        self.devices: list[object] = []

    def count(self, tensor: torch.Tensor) -> None:
        parts = [tensor._data, tensor._scale] if hasattr(tensor, "_scale") else [tensor]
        size = sum(part.numel() * part.element_size() for part in parts)
        if self.ahead_now:
            self.ahead += size
        else:
            self.waited += size


class Stream:
    """A stream that does nothing. mmgp prefetches on the stream that it makes itself."""

    def __init__(self, *_: object, computing: bool = False, **__: object) -> None:
        self.computing = computing

    def synchronize(self) -> None:
        """Do nothing: no copy is ever in progress."""

    wait_stream = wait_event = lambda *_: None


def install(card: Card, vram_gib: float) -> None:
    """Replace the CUDA calls that mmgp makes by the emulation."""
    computing = Stream(computing=True)

    @contextmanager
    def on_stream(chosen: Stream):
        before, card.ahead_now = card.ahead_now, not chosen.computing
        try:
            yield
        finally:
            card.ahead_now = before

    answers = {
        "get_device_properties": lambda *_: SimpleNamespace(total_memory=int(vram_gib * 2**30), name="emulated"),
        "default_stream": lambda *_: computing,
        "current_stream": lambda *_: computing,
        "Stream": Stream,
        "stream": on_stream,
        "synchronize": lambda *_: None,
        "empty_cache": lambda: None,
        "memory_reserved": lambda *_: 0,
        "memory_allocated": lambda *_: 0,
    }
    for name, answer in answers.items():
        setattr(torch.cuda, name, answer)
    real_to, real_empty = torch.Tensor.to, torch.empty

    def to(tensor: torch.Tensor, *args: object, **kwargs: object) -> torch.Tensor:
        if args and args[0] == "cuda":
            card.count(tensor)
            return tensor.detach() if type(tensor) in (torch.Tensor, torch.nn.Parameter) else tensor
        return real_to(tensor, *args, **kwargs)

    def empty(*args: object, **kwargs: object) -> torch.Tensor:
        kwargs.pop("pin_memory", None)
        return real_empty(*args, **kwargs)

    torch.Tensor.to, torch.Tensor.cuda = to, lambda tensor, *_, **__: tensor
    torch.Tensor.is_pinned = lambda *_: True
    torch.empty, torch.set_default_device = empty, card.devices.append


def main(profile_id: str, vram_gib: float, budget_mib: float | None) -> dict[str, object]:
    """Draw with and without a profile, with and without an adapter; return the differences and the copied bytes.

    The expected pictures are drawn by the plain pipeline's own call, the others by the studio's sampler.
    """
    card = Card()
    install(card, vram_gib)
    from mmgp import offload

    from studio.models import adapters
    from studio.models.adapter_files import inspect_adapter
    from studio.models.loading import load_pipeline
    from studio.models.memory_profiles import PROFILES
    from studio.models.offloading import manage_memory
    from studio.models.pipeline_slot import PipelineSlot
    from studio.models.prompts import PromptCache
    from studio.models.registry import MODELS
    from tests.support.adapters import write_adapter
    from tests.support.sampling import draw_by_pipeline, draw_by_studio, make_latents

    offload.HfHook.__init__ = lambda hook: setattr(hook, "execution_device", "cpu")
    entry = MODELS["builtin"]
    some = {r"transformer_blocks\.[0-2]\.attn\.to_(q|v)": 1}  # peft reads patterns as regular expressions
    folder = write_adapter(Path(tempfile.mkdtemp()) / "lora", PipelineSlot(), alpha=8, alpha_pattern=some)
    adapter = adapters.read_weights(inspect_adapter(folder))

    def draw(pipe: object, by: Callable[..., torch.Tensor] = draw_by_studio) -> np.ndarray:
        embeds = PromptCache(pipe, entry.prompt_tokens).encode("red kilim", "blue", guided=True)
        latents = by(pipe, make_latents(pipe, 128, 128), embeds, steps=4, strength=0.8, scale=2.5, seeds=(1, 2))
        return latents.float().numpy()

    plain = load_pipeline(entry, torch.bfloat16)
    expected = draw(plain, draw_by_pipeline)
    adapters.add_adapter(plain.transformer, adapter)
    adapters.set_weight(plain.transformer, 0.5)
    expected_adapted = draw(plain, draw_by_pipeline)

    pipe = load_pipeline(entry, torch.bfloat16)
    profile = replace(PROFILES[profile_id], transformer_budget_mib=budget_mib)
    memory = manage_memory(pipe, profile, adapter, vram_gib)
    for part in pipe.components.values():
        if isinstance(part, torch.nn.Module):
            part._force_device = "cpu"
    memory.set_weight(0.0)
    off = draw(pipe)
    memory.set_weight(0.5)
    adapted = draw(pipe)
    card.waited = card.ahead = 0
    memory.set_weight(0.0)
    draw(pipe)
    quantised = [
        name
        for name, part in pipe.components.items()
        if isinstance(part, torch.nn.Module) and any(hasattr(weight, "_scale") for weight in part.parameters())
    ]
    report = {
        "scale": float(np.abs(expected).mean()),
        "difference": float(np.abs(off - expected).mean()),
        "adapter_effect": float(np.abs(expected_adapted - expected).mean()),
        "adapter_difference": float(np.abs(adapted - expected_adapted).mean()),
        "quantised": quantised,
        "waited_bytes": card.waited,
        "ahead_bytes": card.ahead,
    }
    memory.release()
    report["device_left"] = card.devices[-1]
    return report


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], float(sys.argv[2]), float(sys.argv[3]) if len(sys.argv) > 3 else None)))
