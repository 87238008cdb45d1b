"""The graphics card and the memory of this machine, found without importing torch."""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
import subprocess
from dataclasses import dataclass

import psutil

_GIB = 2**30


@dataclass(frozen=True, slots=True)
class Hardware:
    """The device, card, memory and cores of this machine. Memory in GiB.

    `device` is “cuda”, “mps” or “cpu”. `card` is the graphics card's name, None without one. `vram_gib` is its memory,
    None where CUDA cannot be used. `swap_gib` is swap space on disk. `cores` counts physical cores. `note` says why a
    card that was found cannot be used, and is empty otherwise.
    """

    device: str
    card: str | None
    vram_gib: float | None
    ram_gib: float
    cores: int
    note: str = ""
    swap_gib: float = 0.0


def find_hardware() -> Hardware:
    """Return what the driver and the operating system report; takes some milliseconds."""
    ram_gib, swap_gib = (memory().total / _GIB for memory in (psutil.virtual_memory, psutil.swap_memory))
    cores = psutil.cpu_count(logical=False) or psutil.cpu_count() or 1
    card = _nvidia_card()
    if card is not None:
        name, vram_gib = card
        if _torch_without_cuda():
            note = (
                f"{name} was found, but the installed torch cannot use it. "
                "Install the CUDA build of torch to draw on the card."
            )
            return Hardware("cpu", name, None, ram_gib, cores, note, swap_gib)
        return Hardware("cuda", name, vram_gib, ram_gib, cores, swap_gib=swap_gib)
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        return Hardware("mps", "Apple silicon", None, ram_gib, cores, swap_gib=swap_gib)
    return Hardware("cpu", None, None, ram_gib, cores, swap_gib=swap_gib)


def _nvidia_card() -> tuple[str, float] | None:
    """Return name and memory in GiB of the first card that the NVIDIA driver lists."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return None
    command = [tool, "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
        name, _, mebibytes = answer.stdout.splitlines()[0].rpartition(",")
        return name.strip(), float(mebibytes) / 1024
    except (OSError, subprocess.SubprocessError, IndexError, ValueError):
        return None  # a card whose driver does not answer cannot be used


def _torch_without_cuda() -> bool:
    try:
        return importlib.metadata.version("torch").endswith("+cpu")
    except importlib.metadata.PackageNotFoundError:
        return True
