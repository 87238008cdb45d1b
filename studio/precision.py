"""On which device to compute, and in which precision its arithmetic is fastest."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch


def choose_device(name: str) -> torch.device:
    """Return the device called so; "auto" is the graphics card where there is one."""
    return torch.device(("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name)


def mixed_precision(device: torch.device) -> AbstractContextManager:
    """Return a context in which layers compute in bf16 where the device is faster with it, else in fp32."""
    return torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda" or _has_fast_bf16())


def quick_precision(device: torch.device) -> AbstractContextManager:
    """Return a context for what half the bits are enough for: bf16 on a CPU that is faster with it.

    On a card a pipeline computes in what it was loaded with.
    """
    return mixed_precision(device) if device.type == "cpu" else nullcontext()


def _has_fast_bf16() -> bool:
    """Whether this CPU computes faster in bf16 than in fp32.

    Measured with a flow step: AMD's AVX-512 BF16 takes two thirds of the time of fp32, Intel's without AMX half as
    much again.
    """
    able = torch.cpu.get_capabilities()
    return able.get("amx_bf16", False) or (able.get("avx512_bf16", False) and "AMD" in able.get("cpu_name", ""))
