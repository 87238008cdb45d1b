"""mmgp's memory profiles, in a designer's words. Which one fits is recommended from the memory found."""

from __future__ import annotations

from dataclasses import dataclass

from studio.errors import RequestError
from studio.models.hardware import Hardware

AUTOMATIC = "auto"
UNMANAGED = "none"
"""Recorded for a run without mmgp: on a processor or on Apple silicon there is nothing to move."""


@dataclass(frozen=True, slots=True)
class MemoryProfile:
    """One way of sharing a model between graphics memory (VRAM) and main memory (RAM), both in GiB.

    `number` is mmgp's. `shared_card` lets all parts of the model stay on the card together, so that a second run moves
    nothing; `asynchronous` copies the next part while the present one computes; `transformer_budget_mib` is how much of
    the transformer stays on the card (None: what mmgp sets for this profile).
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
        "Only what is drawn with at the moment is on the card. Slowest, but it works from 10 GB of VRAM.",
        ram_gib=24,
        vram_gib=10,
        asynchronous=False,
    ),
)

PROFILES: dict[str, MemoryProfile] = {profile.id: profile for profile in _ENTRIES}

_TOLERANCE = 0.92
"""A “24 GB” card reports 23.5 GiB, “32 GB” of memory 31 GiB: nominal sizes are met at 92 %."""


def recommend_profile(hardware: Hardware) -> MemoryProfile | None:
    """Return the fastest profile whose needs this hardware meets, the thriftiest when it meets none.

    None without a CUDA card: mmgp is not used then.
    """
    if hardware.vram_gib is None:
        return None
    for profile in PROFILES.values():
        if hardware.vram_gib >= profile.vram_gib * _TOLERANCE and hardware.ram_gib >= profile.ram_gib * _TOLERANCE:
            return profile
    return PROFILES["5"]


def resolve_profile(profile: str, hardware: Hardware) -> MemoryProfile | None:
    """Return the profile to use for a setting: an id of `PROFILES`, or “auto” for the recommended one.

    Returns None without a CUDA card, whatever the setting. Raises `RequestError` for an unknown id.
    """
    if profile == AUTOMATIC:
        return recommend_profile(hardware)
    if profile not in PROFILES:
        raise RequestError(f"No memory profile is called “{profile}”. Choose {AUTOMATIC}, {', '.join(PROFILES)}.")
    return PROFILES[profile] if hardware.vram_gib is not None else None
