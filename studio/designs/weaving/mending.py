"""Mending: enforce the kept part, the symmetry and the share of stray knots exactly, knot by knot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from studio.designs.colours.palette import snap
from studio.designs.structure.repeat import surround
from studio.designs.structure.repeat_symmetry import mirror_repeat
from studio.designs.weaving.orphans import clean_orphans, measure_orphan_share
from studio.designs.weaving.plan import WeavePlan

CLEANING_MARGIN_PX = 8
CLEANINGS_MOST = 4
"""Mirroring can make a knot beside the axis an orphan, so that cleaning has to be repeated."""

Knots = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Mended:
    """Knots (h, w), or pixels (h, w, 3) in free colours, and the figures of their mending (see `schema.Weaving`)."""

    knots: Knots
    mirrored_share: float
    cleaned_share: float = 0.0
    orphan_share_before: float | None = None
    orphan_share: float | None = None


def mend(
    knots: Knots,
    yarns: Knots | None,
    plan: WeavePlan,
    *,
    slack: float = 0.0,
    find_held: Callable[[], NDArray[np.bool_]] | None = None,
) -> Mended:
    """Return the knots with the design's kept part, the plan's symmetry and, where possible, its share of stray knots.

    `yarns` (k, 3) is the palette of the knots, None for pixels in free colours. Nothing is cleaned where at most
    `slack` more of all knots are stray than in the design. Where `find_held()` (h, w) is true no stray knot is cleaned;
    the others are cleaned once.
    """
    kept = _keep_part(knots, yarns, plan)
    mirrored = mirror_knots(kept, plan)
    mirrored_share = share_changed(kept, mirrored)
    if yarns is None:
        return Mended(mirrored, mirrored_share)
    before = share = measure_orphan_share(mirrored)
    cleaned = mirrored
    if share <= plan.orphan_share + slack:
        return Mended(cleaned, mirrored_share, 0.0, before, share)
    held = None if find_held is None else find_held()
    for attempt in range(CLEANINGS_MOST if held is None else 1):
        if share <= plan.orphan_share:
            break
        # The design's own stray knots are intended: the first attempt keeps them.
        keep_own = yarns is plan.yarns and attempt == 0
        cleaned = mirror_knots(_clean(cleaned, plan, held, keep_own=keep_own), plan)
        share = measure_orphan_share(cleaned)
    return Mended(cleaned, mirrored_share, share_changed(mirrored, cleaned), before, share)


def mirror_knots(knots: Knots, plan: WeavePlan) -> Knots:
    """Return knots or pixels of the design's size, symmetric about the plan's axes; unchanged without axes."""
    return mirror_repeat(knots, plan.closed_repeat, plan.vertical, plan.horizontal)


def share_changed(before: Knots, after: Knots) -> float:
    """Return the share of knots (h, w) or pixels (h, w, 3) that differ."""
    if before is after:
        return 0.0
    changed = before != after
    return float((changed if changed.ndim == 2 else changed.any(axis=-1)).mean())


def _keep_part(knots: Knots, yarns: Knots | None, plan: WeavePlan) -> Knots:
    if plan.kept is None:
        return knots
    if yarns is None:
        return np.where(plan.kept[..., None], plan.design, knots)
    return np.where(plan.kept, plan.indices if yarns is plan.yarns else snap(plan.design, yarns), knots)


def _clean(knots: Knots, plan: WeavePlan, drawn: NDArray[np.bool_] | None, *, keep_own: bool) -> Knots:
    """Return knots with fewer strays, but for kept and `drawn` ones (h, w).

    A repeat is cleaned first with its neighbouring tiles, then alone.
    """
    own = plan.strays & (knots == plan.indices) if keep_own else None
    parts = [part for part in (plan.kept, drawn, own) if part is not None]
    held = np.logical_or.reduce(parts) if parts else None
    if plan.closed_repeat is not None:
        repeat, margin = plan.closed_repeat, CLEANING_MARGIN_PX
        around = None if held is None else surround(held, repeat, margin)
        cleaned, _ = clean_orphans(surround(knots, repeat, margin), plan.orphan_share, around)
        knots = np.ascontiguousarray(cleaned[margin:-margin, margin:-margin])
    return clean_orphans(knots, plan.orphan_share, held)[0]
