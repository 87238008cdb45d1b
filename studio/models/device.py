"""The device to compute on, its fastest precision, the memory taken of it, and its out-of-memory errors."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext

import psutil
import torch

MEMORY_ERRORS = (MemoryError, RuntimeError)
"""The exceptions to test with `is_out_of_memory`; `torch.OutOfMemoryError` is a `RuntimeError`."""

_TEXTS = (
    "can't allocate memory",  # the processor's allocator on Linux
    "not enough memory",  # the same on Windows
    "MPS backend out of memory",
)


def find_device() -> str:
    """Return the device that a pipeline is loaded on: "cuda", "mps" or "cpu"."""
    if torch.cuda.is_available():
        return "cuda"
    if torch.backends.mps.is_available():
        return "mps"
    return "cpu"


def choose_device(name: str) -> torch.device:
    """Return the device of this name; "auto" is the graphics card where there is one, else the CPU."""
    return torch.device(("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name)


def mixed_precision(device: torch.device) -> AbstractContextManager[object]:
    """Return a context in which layers compute in bf16 where the device is faster with it, else in fp32."""
    return torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda" or has_fast_bf16())


def quick_precision(device: torch.device) -> AbstractContextManager[object]:
    """Return a context for arithmetic that needs no more than bf16, which it uses on a CPU that is faster with it.

    On a card a pipeline computes in the precision in which it was loaded.
    """
    return mixed_precision(device) if device.type == "cpu" else nullcontext()


def has_fast_bf16() -> bool:
    """Return whether this CPU computes faster in bf16 than in fp32.

    Measured with a step of the flow training: with AVX-512 BF16 an AMD CPU takes two thirds of the time of fp32, an
    Intel CPU without AMX one and a half times as long.
    """
    able = torch.cpu.get_capabilities()
    return able.get("amx_bf16", False) or (able.get("avx512_bf16", False) and "AMD" in able.get("cpu_name", ""))


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error means that the card or the machine had too little memory."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in _TEXTS)


def empty_device_cache() -> None:
    """Return the unused card memory that torch caches to the system."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    elif torch.backends.mps.is_available():
        torch.mps.empty_cache()


def measure_peak_bytes(device: torch.device) -> int:
    """Return the most memory taken on the card, or of the process where there is no card, in bytes."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
