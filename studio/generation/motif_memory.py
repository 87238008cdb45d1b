"""How much main memory drawing from motifs takes, told before it is taken."""

from __future__ import annotations

from collections.abc import Sequence

import psutil

from studio.errors import MemoryShortError
from studio.recompose.domain import Domain

FIXED_BYTES = 150e6
"""The compiled loops and what does not grow with the design."""
BYTES_PER_DRAWN_KNOT, BYTES_PER_KNOT = 62, 15
"""Of the part that is drawn, and of the whole design. Measured on designs of 1, 6 and 24 million knots drawn whole
(200, 430 and 1480 MB beside the open design); rounded up."""
TOLD_BYTES = 1e9
"""Less than this is not worth a sentence."""


def estimate_bytes(domains: Sequence[Domain]) -> float:
    """Return about how many bytes a drawing takes at most, from the domains of its designs."""
    drawn = sum(domain.size[0] * domain.size[1] for domain in domains)
    whole = sum(domain.shape[0] * domain.shape[1] for domain in domains)
    return FIXED_BYTES + BYTES_PER_DRAWN_KNOT * drawn + BYTES_PER_KNOT * whole


def tell_memory(needed: float) -> str | None:
    """Return a sentence about the bytes that a drawing takes, None where they are few.

    Raises `MemoryShortError` where more is needed than is free: the system would end the studio without an error.
    """
    free = psutil.virtual_memory().available + psutil.swap_memory().free
    if needed > free:
        raise MemoryShortError(
            f"Drawing from this design takes about {needed / 1e9:.1f} GB of main memory; {free / 1e9:.1f} GB are free. "
            "Close other programs, or draw half or a quarter of it by its symmetry."
        )
    return None if needed < TOLD_BYTES else f"Drawn with up to {needed / 1e9:.1f} GB of main memory."
