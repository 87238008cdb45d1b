"""What a woven picture must be, made exact in its knots: the kept part, the symmetry, few stray knots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from studio.designs.colours.palette import snap
from studio.designs.structure.repeat import surround
from studio.designs.structure.repeat_symmetry import mirror_repeat
from studio.designs.weaving.orphans import clean_orphans, measure_orphan_share
from studio.designs.weaving.plan import WeavePlan

CLEANING_MARGIN_PX = 8
CLEANINGS_MOST = 4
"""Mirroring may leave a knot alone that had company beside the axis, so that cleaning has to come back to it."""

Knots = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Mended:
    """Knots (h, w), or pixels (h, w, 3) in free colours, and what making them exact did (see `requests.Weaving`)."""

    knots: Knots
    mirrored_share: float
    cleaned_share: float = 0.0
    orphan_share_before: float | None = None
    orphan_share: float | None = None


def mend(knots: Knots, yarns: Knots | None, plan: WeavePlan) -> Mended:
    """Return the knots with the plan's kept part as in the design, symmetric, and with as few strays as it wants.

    `yarns` (k, 3) are those that the knots are numbers of, None for pixels in free colours.
    """
    kept = _keep_part(knots, yarns, plan)
    mirrored = mirror_knots(kept, plan)
    mirrored_share = share_changed(kept, mirrored)
    if yarns is None:
        return Mended(mirrored, mirrored_share)
    before = share = measure_orphan_share(mirrored)
    cleaned = mirrored
    for attempt in range(CLEANINGS_MOST):
        if share <= plan.orphan_share:
            break
        # The design's own strays are meant. They give way only where mirroring made too many of them.
        meant = yarns is plan.palette and attempt == 0
        cleaned = mirror_knots(_clean(cleaned, plan, meant=meant), plan)
        share = measure_orphan_share(cleaned)
    return Mended(cleaned, mirrored_share, share_changed(mirrored, cleaned), before, share)


def mirror_knots(knots: NDArray[Any], plan: WeavePlan) -> NDArray[Any]:
    """Return knots or pixels of the design's size, symmetric about the plan's axes; as they are without any."""
    return mirror_repeat(knots, plan.closed_repeat, plan.vertical, plan.horizontal)


def share_changed(before: Knots, after: Knots) -> float:
    """Return the share of knots (h, w) or pixels (h, w, 3) that are others now."""
    if before is after:
        return 0.0
    changed = before != after
    return float((changed if changed.ndim == 2 else changed.any(axis=-1)).mean())


def _keep_part(knots: Knots, yarns: Knots | None, plan: WeavePlan) -> Knots:
    if plan.kept is None:
        return knots
    if yarns is None:
        return np.where(plan.kept[..., None], plan.design, knots)
    return np.where(plan.kept, plan.indices if yarns is plan.palette else snap(plan.design, yarns), knots)


def _clean(knots: Knots, plan: WeavePlan, *, meant: bool) -> Knots:
    """Return knots without strays. In a repeat the neighbouring ones have their say first, then the tile by itself."""
    held = plan.kept
    if meant:
        own = plan.strays & (knots == plan.indices)
        held = own if held is None else own | held
    if plan.closed_repeat is not None:
        repeat, margin = plan.closed_repeat, CLEANING_MARGIN_PX
        around = None if held is None else surround(held, repeat, margin)
        cleaned, _ = clean_orphans(surround(knots, repeat, margin), plan.orphan_share, around)
        knots = np.ascontiguousarray(cleaned[margin:-margin, margin:-margin])
    return clean_orphans(knots, plan.orphan_share, held)[0]
