"""Measure variations by their knots: what they change, how much of them is the design's own, and how a set differs.

For variations of the design's own size. A knot counts as changed where it has another yarn.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from studio.designs.files.opening import Design
from studio.designs.index_map import IndexMap, find_counted
from studio.designs.structure.repeat import lay, measure_seams
from studio.designs.structure.symmetry import Direction, find_symmetries, measure_agreement
from studio.designs.weaving.neighbourhoods import LARGE, SMALL, Neighbourhoods
from studio.designs.weaving.orphans import measure_orphan_share
from studio.designs.yarns import take_yarns
from studio.errors import InputError

NEAR_DUPLICATE_RATIO = 0.4
"""Two variations are near-duplicates if they differ by less than this part of what variations change on average."""

Knots = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """A design that variations are measured against, read once for all of them (`read_reference`).

    `repeat`: how copies of it are laid, "none" or one of `REPEATS`. `axes`: offset of each axis that the design has
    (see `symmetry.Axis`). `stray_share`: share of its knots without an equal neighbour. `small`, `large`: its
    neighbourhoods of 4 x 4 and 8 x 8 knots; those of a repeat reach across the seams.
    """

    index_map: IndexMap
    repeat: str
    axes: Mapping[Direction, int]
    stray_share: float
    small: Neighbourhoods = field(repr=False)
    large: Neighbourhoods = field(repr=False)


@dataclass(frozen=True, slots=True)
class VariationFigures:
    """The figures of a variation V against its design D. All are shares, 0 to 1, unless they say otherwise.

    - `changed`: knots of V that have another yarn than D.
    - `known_small`, `known_large`: neighbourhoods of 4 x 4 and of 8 x 8 knots of V that D has too, as drawn or
      mirrored. That is the coherence of V, with a distance of 0 for equal neighbourhoods and 1 for others.
    - `complete`: neighbourhoods of 8 x 8 knots of D that V has too, as drawn or mirrored: the completeness of V.
    - `stray_share`: knots without an equal 8-neighbour (`orphans`); `stray_difference`: that of V less that of D.
    - `least_yarn_ratio`, `greatest_yarn_ratio`: a yarn's share of V divided by its share of D, the least and the
      greatest among the yarns with at least 0.5 % of D. None where D has no such yarn.
    - `lost_yarns`: numbers of the yarns that D uses and V does not.
    - `symmetry`: of the knots of V with a partner about an axis of D, those that have its yarn, for the worse axis.
      None without axes.
    - `seam_ratio`: colour step across the more visible seam divided by the mean step inside (`measure_seams`). None
      without a repeat or without steps.

    Source of coherence and completeness: Simakov et al., Summarizing visual data using bidirectional similarity, CVPR
    2008, section 2.
    """

    changed: float
    known_small: float
    known_large: float
    complete: float
    stray_share: float
    stray_difference: float
    least_yarn_ratio: float | None
    greatest_yarn_ratio: float | None
    lost_yarns: tuple[int, ...]
    symmetry: float | None
    seam_ratio: float | None


@dataclass(frozen=True, slots=True)
class SetFigures:
    """The figures of a set of variations of one design.

    - `changed`: mean share of changed knots, C.
    - `pair_difference`: mean share of knots that differ between two variations, over all pairs, P. None for fewer
      than two variations.
    - `pair_ratio`: P / C. 0 where all are one variation, 1 where they differ from each other as much as from the
      design. None without pairs or changes.
    - `near_duplicates`: pairs of indices into the set, the lower first, that are equal or differ by less than 0.4 C.
    """

    variations: int
    changed: float
    pair_difference: float | None
    pair_ratio: float | None
    near_duplicates: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, eq=False)
class TakenKnots:
    """A picture's knots (h, w) in the numbers of a design's yarns.

    `foreign_share` is the share of its pixels, 0 to 1, whose colour is no yarn of the design; they took the nearest.
    """

    knots: Knots
    foreign_share: float


def read_reference(index_map: IndexMap, repeat: str = "none") -> Reference:
    """Return what variations of a design are measured against.

    Raises `ValueError` for an unknown repeat or a design of less than 8 x 8 knots.
    """
    indices = index_map.indices
    if min(indices.shape) < LARGE:
        raise ValueError(f"knots of shape {indices.shape}; give at least {LARGE} x {LARGE}")
    small, large = (Neighbourhoods([_reach_across(indices, repeat, side)], side) for side in (SMALL, LARGE))
    return Reference(
        index_map=index_map,
        repeat=repeat,
        axes=find_symmetries(indices),
        stray_share=measure_orphan_share(indices),
        small=small,
        large=large,
    )


def take_knots(picture: Design, index_map: IndexMap) -> TakenKnots:
    """Return a picture's knots in the numbers of a design's yarns.

    A file with the design's palette keeps its numbers. In any other, such as one whose palette has another order or
    an RGB file, each knot takes the yarn of its colour, or else the nearest; of yarns of one colour the one that the
    design has there, or else the first. Raises `InputError` for a picture of another size.
    """
    if (picture.height_px, picture.width_px) != index_map.indices.shape:
        raise InputError(
            f"This picture has {picture.width_px} x {picture.height_px} knots, and the design has "
            f"{index_map.width_px} x {index_map.height_px}. Choose variations of the design's own size."
        )
    own = picture.index_map
    if own is not None and _has_palette(own, index_map.palette):
        return TakenKnots(own.indices, 0.0)
    taken, palette = take_yarns(picture, index_map).indices, index_map.palette
    foreign = (palette[taken] != np.asarray(picture.image)).any(axis=-1)
    alike = (palette[taken] == palette[index_map.indices]).all(axis=-1)
    return TakenKnots(np.where(alike, index_map.indices, taken), float(foreign.mean()))


def measure_variation(reference: Reference, knots: Knots) -> VariationFigures:
    """Return the figures of a variation's knots (h, w). Raises `ValueError` for another size than the design's."""
    design, repeat = reference.index_map.indices, reference.repeat
    if knots.shape != design.shape:
        raise ValueError(f"knots of shape {knots.shape} for a design of {design.shape}; give the design's own size")
    own = reference.index_map.shares()
    shares = np.bincount(knots.ravel(), minlength=len(own)) / knots.size
    counted = find_counted(own)
    ratios = (shares[counted] / own[counted]).tolist()
    stray_share = measure_orphan_share(knots)
    agreements = [measure_agreement(knots, direction, offset) for direction, offset in reference.axes.items()]
    wide = _reach_across(knots, repeat, LARGE)
    complete = Neighbourhoods([wide], LARGE).find_known(_reach_across(design, repeat, LARGE))
    return VariationFigures(
        changed=_share_differing(design, knots),
        known_small=float(reference.small.find_known(_reach_across(knots, repeat, SMALL)).mean()),
        known_large=float(reference.large.find_known(wide).mean()),
        complete=float(complete.mean()),
        stray_share=stray_share,
        stray_difference=stray_share - reference.stray_share,
        least_yarn_ratio=min(ratios, default=None),
        greatest_yarn_ratio=max(ratios, default=None),
        lost_yarns=tuple(np.flatnonzero((own > 0) & (shares == 0)).tolist()),
        symmetry=min(agreements, default=None),
        seam_ratio=_measure_seam(reference.index_map.palette[knots], repeat),
    )


def measure_set(reference: Reference, variations: Sequence[Knots]) -> SetFigures:
    """Return the figures of a set of variations' knots (h, w). Raises `ValueError` for an empty set or another size."""
    design = reference.index_map.indices
    if not variations or any(knots.shape != design.shape for knots in variations):
        raise ValueError(f"{len(variations)} variations; give at least one, and all of the design's {design.shape}")
    changed = float(np.mean([_share_differing(design, knots) for knots in variations]))
    pairs = itertools.combinations(range(len(variations)), 2)
    differences = {(i, j): _share_differing(variations[i], variations[j]) for i, j in pairs}
    mean = float(np.mean([*differences.values()])) if differences else None
    return SetFigures(
        variations=len(variations),
        changed=changed,
        pair_difference=mean,
        pair_ratio=mean / changed if mean is not None and changed > 0 else None,
        near_duplicates=tuple(pair for pair, differing in differences.items() if nearly_repeats(differing, changed)),
    )


def nearly_repeats(differing: float, changed: float) -> bool:
    """Return whether variations of a design are near-duplicates, from shares of knots: in which they differ, and which
    they change.
    """
    return differing == 0 or differing < NEAR_DUPLICATE_RATIO * changed


def _has_palette(index_map: IndexMap, palette: NDArray[np.uint8]) -> bool:
    """Return whether an index map's numbers are those of a palette (k, 3); files may end at the last entry in use."""
    count = int(index_map.used().max()) + 1
    return np.array_equal(index_map.palette[:count], palette[:count])


def _reach_across(knots: Knots, repeat: str, side: int) -> Knots:
    """Return knots (h, w), those of a repeat with what their neighbourhoods of `side` knots reach of the next tiles."""
    if repeat == "none":
        return knots
    height, width = knots.shape
    wide: Knots = knots[lay((height, width), repeat, np.arange(height + side - 1), np.arange(width + side - 1))]
    return wide


def _share_differing(one: Knots, other: Knots) -> float:
    return float((one != other).mean())


def _measure_seam(pixels: NDArray[np.uint8], repeat: str) -> float | None:
    if repeat == "none":
        return None
    seams = measure_seams(pixels, repeat)
    return max((ratio for ratio in (seams.horizontal, seams.vertical) if ratio is not None), default=None)
