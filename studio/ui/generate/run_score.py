"""Figures of a run's variations: what is drawn anew, what is the design's own, how they differ, copies and twins."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray

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
from studio.ui.session import workspace

_SAMPLED_SIDE = 300
"""Knots of a variation are compared with another's on about this many rows and columns."""


@dataclass(frozen=True, slots=True)
class SetScore:
    """Figures of a run's variations.

    `twins` maps the id of a variation to the slot of an earlier one that it nearly repeats. `copies` are the ids of
    variations that nearly repeat their design. `apart` is the mean share of knots in which two variations differ, None
    where their yarns differ too or there is one variation only.
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
    for name, shares in (
        ("drawn anew", [weaving.changed_share for weaving in woven]),
        ("the design’s own drawing", [weaving.known_large for weaving in woven]),
    ):
        known = [share for share in shares if share is not None]
        if known and len(known) == len(records):
            words.append(f"{_describe_range(known)} {name}")
    if scored.apart is not None:
        words.append(f"two of them differ in {describe_share(scored.apart)} of the knots")
    elif (mean := scored.score.whole["diversity_edges_mean"]) is not None:
        words.append(f"difference between variations {mean:.2f}")
    text = " · ".join(words)
    return text[:1].upper() + text[1:]


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


def _measure_apart(sampled: Sequence[NDArray[np.uint8] | None]) -> float | None:
    """Return the mean share in which two samples of knots (h, w) differ, None where some have yarns of their own."""
    knots = [one for one in sampled if one is not None]
    if len(knots) < max(len(sampled), 2) or len({one.shape for one in knots}) > 1:
        return None
    return float(np.mean([(one != other).mean() for one, other in itertools.combinations(knots, 2)]))


def _read_variation(path: Path, reference: _Reference) -> tuple[Structure, bool, NDArray[np.uint8] | None]:
    """Return the structure of a variation, whether it nearly repeats its design, and a sample of its knots.

    The knots are None where the variation does not have the design's yarns.

    On return the picture in full size is freed, before the next one is opened.
    """
    made = open_design(read_bytes(path))
    share = sampled = None
    if reference.knots is not None and made.index_map is not None:
        share = measure_copy(reference.knots, made.index_map)
    if share is not None and made.index_map is not None:
        step = -(-max(made.index_map.indices.shape) // _SAMPLED_SIDE)
        sampled = made.index_map.indices[::step, ::step].copy()
    if share is None:
        share = measure_sameness(reference.thumbnail, shrink_to_lab(made.image))
    structure = read_structure(made.image, size_px=reference.structure.size_px)
    return structure, share is not None and share >= COPY_SHARE, sampled
