"""mmgp's memory profiles, described for designers, and the choice of the one that fits the memory found."""

from __future__ import annotations

from dataclasses import dataclass

from studio.errors import RequestError
from studio.models.hardware import Hardware

AUTOMATIC = "auto"
UNMANAGED = "none"
"""Recorded for a run without mmgp: on a CPU or on Apple silicon there is nothing to move."""


@dataclass(frozen=True, slots=True)
class MemoryProfile:
    """One way of sharing a model between graphics memory (VRAM) and main memory (RAM), both in GiB.

    `number` is mmgp's. With `shared_card` all parts of the model stay on the card together, so that a second run moves
    nothing. With `asynchronous` the next part is copied while the current one computes. `transformer_budget_mib` is how
    much of the transformer stays on the card; None for mmgp's own value.
    """

    id: str
    number: int
    title: str
    explanation: str
    ram_gib: int
    vram_gib: int
    shared_card: bool = False
    asynchronous: bool = True
    transformer_budget_mib: float | None = None


_ENTRIES = (
    MemoryProfile(
        "1",
        1,
        "Large card, much memory",
        "The whole model stays on the card. Fastest. Stored in 8 bits unless the card has 40 GB.",
        ram_gib=48,
        vram_gib=24,
        shared_card=True,
    ),
    MemoryProfile(
        "2",
        2,
        "Smaller card, much memory",
        "Parts are sent to the card as they are needed, from memory kept ready for it.",
        ram_gib=48,
        vram_gib=12,
    ),
    MemoryProfile(
        "3",
        3,
        "Large card, less memory",
        "The whole model stays on the card, stored in 8 bits.",
        ram_gib=32,
        vram_gib=24,
        shared_card=True,
    ),
    MemoryProfile(
        "4",
        4,
        "Smaller card, less memory",
        "Parts in 8 bits are sent to the card as they are needed. Right for most cards of 12 and 16 GB.",
        ram_gib=32,
        vram_gib=12,
    ),
    MemoryProfile(
        "5",
        5,
        "Small card, little memory",
        "Only the part in use is on the card. Slowest, but it works from 10 GB of VRAM.",
        ram_gib=24,
        vram_gib=10,
        asynchronous=False,
    ),
)

PROFILES: dict[str, MemoryProfile] = {profile.id: profile for profile in _ENTRIES}

_TOLERANCE = 0.92
"""A “24 GB” card reports 23.5 GiB, “32 GB” of memory 31 GiB: 92 % of a nominal size is enough."""


def recommend_profile(hardware: Hardware) -> MemoryProfile | None:
    """Return the profile that “auto” chooses on this hardware; None without a CUDA card, where mmgp is not used."""
    return None if hardware.vram_gib is None else choose_profile(AUTOMATIC, hardware.vram_gib, hardware.ram_gib)


def choose_profile(profile: str, vram_gib: float, ram_gib: float) -> MemoryProfile:
    """Return the profile of a setting (an id of `PROFILES`, or “auto”) for a CUDA card and a main memory, in GiB.

    “auto” is the fastest profile that fits both, or the most economical where none fits. Raises `RequestError` for an
    unknown setting.
    """
    check_profile(profile)
    if profile != AUTOMATIC:
        return PROFILES[profile]
    for fitting in PROFILES.values():
        if vram_gib >= fitting.vram_gib * _TOLERANCE and ram_gib >= fitting.ram_gib * _TOLERANCE:
            return fitting
    return PROFILES["5"]


def check_profile(profile: str) -> None:
    """Raise `RequestError` unless a setting is an id of `PROFILES` or “auto”."""
    if profile != AUTOMATIC and profile not in PROFILES:
        raise RequestError(f"No memory profile is called “{profile}”. Choose {AUTOMATIC}, {', '.join(PROFILES)}.")
