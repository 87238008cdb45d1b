"""Memory that runs out, on every device: telling it from other failures, and giving back what is not used."""

from __future__ import annotations

import torch

MEMORY_ERRORS = (MemoryError, RuntimeError)
"""What to catch before asking `is_out_of_memory`: `torch.OutOfMemoryError` is a `RuntimeError`."""

_TEXTS = (
    "can't allocate memory",  # the processor's allocator on Linux
    "not enough memory",  # the same on Windows
    "MPS backend out of memory",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that the card or the machine had too little memory."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in _TEXTS)


def empty_device_cache() -> None:
    """Give back to the system what torch keeps of a card's memory without using it."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    elif torch.backends.mps.is_available():
        torch.mps.empty_cache()
