"""The axes that variations are mirrored about, and what a kept part needs so that mirroring leaves it as it is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from studio.designs.structure.repeat_symmetry import find_odd_side, mirror_repeat
from studio.designs.structure.symmetry import DIRECTIONS, Direction, find_axis, is_symmetric
from studio.errors import RequestError
from studio.schema import Constraints

Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]
SIDES: dict[Direction, str] = {"vertical": "left and right", "horizontal": "top and bottom"}
"""What an axis mirrors, in words."""


def find_closed_repeat(repeat: str) -> str | None:
    """Return the repeat whose edges meet other edges of the tile: not "none" and not "mirror"."""
    return None if repeat in ("none", "mirror") else repeat


def choose_axes(
    constraints: Constraints, indices: NDArray[np.uint8], pixels: Pixels, kept: Mask | None
) -> tuple[dict[Direction, int | None], Mask | None, tuple[str, ...]]:
    """Return the offset of each axis to mirror variations about, the kept part, and notes on axes not enforced.

    A mirrored design is copied from one half. What lies in the other half stays as it is only if the knots that it is
    copied from stay too: they are added to the kept part `kept` (h, w). An axis about which the design's own knots
    there differ is not enforced, with a note. Raises `RequestError` where that axis was asked for.
    """
    wanted = constraints.symmetry
    axes: dict[Direction, int | None] = {"vertical": None, "horizontal": None}
    notes: list[str] = []
    if wanted == "none":
        return axes, kept, ()
    repeat = find_closed_repeat(constraints.repeat)
    for direction in DIRECTIONS:
        if wanted not in ("auto", "quarter", direction):
            continue
        found = find_axis(indices, direction)
        symmetric = is_symmetric(found)
        if wanted == "auto" and not symmetric:
            continue
        tried = axes | {direction: found.offset if symmetric else 0}
        if kept is not None:
            held = _add_sources(kept, repeat, tried)
            if not _stays_equal(pixels, held, repeat, tried):
                if wanted != "auto":
                    raise RequestError(
                        "The part that you keep is not exactly symmetric itself, so it cannot stay as it is and be "
                        "mirrored too. Set Symmetry to none, or keep another part."
                    )
                notes.append(
                    f"The kept part differs from its mirror image, so {SIDES[direction]} are not made equal. Keep "
                    "another part to have this symmetry."
                )
                continue
            kept = held
        axes = tried
    odd = find_odd_side(indices.shape, constraints.repeat)
    if odd is not None and set(axes.values()) != {None}:
        notes.append(
            f"The {odd[0]} of {odd[1]} knots is odd, so a {constraints.repeat} is one knot off after two repeats: each "
            "repeat is symmetric, but the cloth is not quite."
        )
    return axes, kept, tuple(notes)


def _add_sources(kept: Mask, repeat: str | None, axes: dict[Direction, int | None]) -> Mask:
    """Return the kept part (h, w) with the knots that its own are copied from."""
    own = np.arange(kept.size, dtype=np.int32).reshape(kept.shape)
    sources = mirror_repeat(own, repeat, axes["vertical"], axes["horizontal"])
    held = kept.copy()
    held.ravel()[sources[kept]] = True
    return held


def _stays_equal(pixels: Pixels, kept: Mask, repeat: str | None, axes: dict[Direction, int | None]) -> bool:
    """Return whether mirroring changes no pixel of the kept part."""
    unchanged = (mirror_repeat(pixels, repeat, axes["vertical"], axes["horizontal"]) == pixels).all(axis=-1)
    return bool(unchanged[kept].all())
