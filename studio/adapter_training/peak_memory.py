"""The most memory that a training has taken so far."""

from __future__ import annotations

import sys

import psutil
import torch


def measure_peak_bytes(device: torch.device) -> int:
    """Return the most memory taken on the card, or of the process where there is no card, in bytes."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
