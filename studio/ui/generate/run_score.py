"""Figures of a run's variations: what is drawn anew, what is the design's own, how they differ, copies and twins."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st

from studio.catalogue import Catalogue, Variation
from studio.catalogue.files.paths import read_bytes
from studio.designs.colours.colour_spaces import Floats
from studio.designs.files.opening import open_design
from studio.designs.index_map import IndexMap
from studio.designs.inspection import describe_share
from studio.errors import StudioError
from studio.evaluation import Score, Structure, read_structure, score_variations
from studio.evaluation.copies import COPY_SHARE, measure_copy, measure_sameness, shrink_to_lab
from studio.schema import VariationRecord
from studio.ui.generate.run_words import is_led
from studio.ui.session import workspace
from studio.ui.shared.facts.weaving_facts import is_known_of_two

_SAMPLED_SIDE = 300
"""Knots of a variation are compared with another's on about this many rows and columns."""
MISSED_SHARE = 1 / 3
"""A run that changes more than this part of the wanted share less or more has missed it."""


@dataclass(frozen=True, slots=True)
class SetScore:
    """Figures of a run's variations.

    `twins` maps the id of a variation to the slot of an earlier one that it nearly repeats. `copies` are the ids of
    variations that nearly repeat their design. `apart` is the mean share of knots in which two variations differ, None
    where each has yarns of its own, or free colours, or there is one variation only.
    """

    score: Score
    apart: float | None
    twins: Mapping[str, int]
    copies: frozenset[str]


def find_score(catalogue: Catalogue, variations: tuple[Variation, ...]) -> SetScore | None:
    """Return the figures of a run's variations, or None if there are none or a file is missing."""
    if not variations:
        return None
    try:
        return _score(variations[0].record.source, tuple((one.id, one.record.slot) for one in variations))
    except StudioError:  # a file was removed meanwhile, which the cards report
        return None


def describe_score(scored: SetScore, records: Sequence[VariationRecord]) -> str:
    """Return the figures in a line, without those that do not apply to all pictures."""
    words = []
    woven = [record.weaving for record in records if record.weaving is not None]
    whose = "the two designs’" if any(is_known_of_two(record) for record in records) else "the design’s"
    for name, shares in (
        ("drawn anew", [weaving.anew_share for weaving in woven]),
        (f"{whose} own drawing", [weaving.known_large for weaving in woven]),
    ):
        known = [share for share in shares if share is not None]
        if known and len(known) == len(records):
            words.append(f"{_describe_range(known)} {name}")
    if scored.apart is not None:
        words.append(f"two of them differ in {describe_share(scored.apart)} of the knots")
    elif (mean := scored.score.whole["diversity_edges_mean"]) is not None:
        words.append(f"the outlines of two of them differ by {describe_share(mean)}")
    text = " · ".join(words)
    return text[:1].upper() + text[1:]


def describe_miss(records: Sequence[VariationRecord]) -> str | None:
    """Return a sentence where a run changed more than a third less or more than was wanted, with what to do; else None.

    Shares are of the knots that may change. What leads a drawing may change more. Where motifs of two designs are
    crossed, their shares decide, and nothing is said.
    """
    woven = [record.weaving for record in records if record.weaving is not None]
    changed = [
        one.anew_share / (1 - one.kept_share) for one in woven if one.anew_share is not None and one.kept_share < 1
    ]
    if not changed or len(changed) < len(records):
        return None
    asked = records[0]
    if asked.drawing == "model" or (asked.cross is not None and asked.cross.way == "motifs"):
        return None
    mean, wanted = float(np.mean(changed)), asked.change
    if abs(mean - wanted) <= MISSED_SHARE * wanted or (mean > wanted and is_led(asked)):
        return None
    these = "These" if len(records) > 1 else "This"
    part = "what may change" if any(one.kept_share for one in woven) else "the design"
    often = " on average" if len(records) > 1 else ""
    if mean > wanted:
        advice = "To stay closer, set “How far” lower."
    elif is_led(asked):
        advice = "To go further, set “How far” or the pull higher."
    else:
        advice = "To go further, set “How far” higher, choose less symmetry, or cross it with a second design."
    return f"{these} changed {describe_share(mean)} of {part}{often}; {describe_share(wanted)} was wanted. {advice}"


def _describe_range(shares: Sequence[float]) -> str:
    low, high = describe_share(min(shares)), describe_share(max(shares))
    return low if low == high else f"{low.removesuffix(' %')} to {high}"


@st.cache_data(max_entries=64, show_spinner=False)
def _score(source: str, slots: tuple[tuple[str, int], ...]) -> SetScore:
    catalogue = workspace().catalogue
    reference = _read_source(catalogue.source_path(source))
    read = [_read_variation(catalogue.variation_path(variation_id), reference) for variation_id, _ in slots]
    score = score_variations(reference.structure, [structure for structure, _, _ in read])
    twins = {slots[second][0]: slots[first][1] for first, second in reversed(score.near_duplicates)}
    copies = frozenset(variation_id for (variation_id, _), (_, copied, _) in zip(slots, read, strict=True) if copied)
    return SetScore(score, _measure_apart([knots for _, _, knots in read]), twins, copies)


@dataclass(frozen=True, slots=True, eq=False)
class _Reference:
    """The design to compare with: its structure, its thumbnail in CIELab, and its knots if it has yarns."""

    structure: Structure
    thumbnail: Floats
    knots: IndexMap | None


def _read_source(path: Path) -> _Reference:
    design = open_design(read_bytes(path))
    return _Reference(read_structure(design.image), shrink_to_lab(design.image), design.index_map)


def _measure_apart(sampled: Sequence[IndexMap | None]) -> float | None:
    """Return the mean share in which two samples of knots differ, None where they are not all in the same yarns."""
    knots = [one for one in sampled if one is not None]
    if len(knots) < max(len(sampled), 2) or not all(_match(knots[0], one) for one in knots):
        return None
    return float(np.mean([(one.indices != other.indices).mean() for one, other in itertools.combinations(knots, 2)]))


def _match(first: IndexMap, second: IndexMap) -> bool:
    """Return whether two maps have the same size and yarns; a file may lack the last ones, if no knot uses them."""
    shared = min(len(first.palette), len(second.palette))
    same_yarns = np.array_equal(first.palette[:shared], second.palette[:shared])
    return same_yarns and first.indices.shape == second.indices.shape


def _read_variation(path: Path, reference: _Reference) -> tuple[Structure, bool, IndexMap | None]:
    """Return the structure of a variation, whether it nearly repeats its design, and a sample of its knots.

    The knots are None where the picture is not woven.

    On return the picture in full size is freed, before the next one is opened.
    """
    made = open_design(read_bytes(path))
    share = sampled = None
    if made.index_map is not None and made.mode == "P":
        step = -(-max(made.index_map.indices.shape) // _SAMPLED_SIDE)
        sampled = made.index_map.with_indices(made.index_map.indices[::step, ::step].copy())
    if reference.knots is not None and made.index_map is not None:
        share = measure_copy(reference.knots, made.index_map)
    if share is None:
        share = measure_sameness(reference.thumbnail, shrink_to_lab(made.image))
    structure = read_structure(made.image, size_px=reference.structure.size_px)
    return structure, share is not None and share >= COPY_SHARE, sampled
