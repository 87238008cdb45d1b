"""Figures of a run's variations: fidelity to the design, difference from one another, copies and twins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from studio.catalogue import Catalogue, Variation
from studio.catalogue.files.paths import read_bytes
from studio.designs.colours.colour_spaces import Floats
from studio.designs.files.opening import open_design
from studio.designs.index_map import IndexMap
from studio.errors import StudioError
from studio.evaluation import Score, Structure, read_structure, score_variations
from studio.evaluation.copies import COPY_SHARE, measure_copy, measure_sameness, shrink_to_lab
from studio.ui.session import workspace


@dataclass(frozen=True, slots=True)
class SetScore:
    """Figures of a run's variations.

    `twins` maps the id of a variation to the slot of an earlier one that it nearly repeats. `copies` are the ids of
    variations that nearly repeat their design.
    """

    score: Score
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


def describe_score(score: Score) -> str:
    """Return the figures in a line, without those that are undefined."""
    words = []
    fidelity = [each["fidelity"] for each in score.each if each["fidelity"] is not None]
    if fidelity:
        low, high = f"{min(fidelity):.2f}", f"{max(fidelity):.2f}"
        words.append(f"Fidelity to the design {low if low == high else f'{low} to {high}'}")
    mean, least = score.whole["diversity_edges_mean"], score.whole["diversity_edges_least"]
    if mean is not None and least is not None:
        words.append(f"difference between variations {mean:.2f}, smallest {least:.2f}")
    return " · ".join(words)


@st.cache_data(max_entries=64, show_spinner=False)
def _score(source: str, slots: tuple[tuple[str, int], ...]) -> SetScore:
    catalogue = workspace().catalogue
    reference = _read_source(catalogue.source_path(source))
    read = [_read_variation(catalogue.variation_path(variation_id), reference) for variation_id, _ in slots]
    score = score_variations(reference.structure, [structure for structure, _ in read])
    twins = {slots[second][0]: slots[first][1] for first, second in reversed(score.near_duplicates)}
    copies = frozenset(variation_id for (variation_id, _), (_, copied) in zip(slots, read, strict=True) if copied)
    return SetScore(score, twins, copies)


@dataclass(frozen=True, slots=True, eq=False)
class _Reference:
    """The design to compare with: its structure, its thumbnail in CIELab, and its knots if it has yarns."""

    structure: Structure
    thumbnail: Floats
    knots: IndexMap | None


def _read_source(path: Path) -> _Reference:
    design = open_design(read_bytes(path))
    return _Reference(read_structure(design.image), shrink_to_lab(design.image), design.index_map)


def _read_variation(path: Path, reference: _Reference) -> tuple[Structure, bool]:
    """Return the structure of a variation, and whether it nearly repeats its design.

    On return the picture in full size is freed, before the next one is opened.
    """
    made = open_design(read_bytes(path))
    share = None
    if reference.knots is not None and made.index_map is not None:
        share = measure_copy(reference.knots, made.index_map)
    if share is None:
        share = measure_sameness(reference.thumbnail, shrink_to_lab(made.image))
    return read_structure(made.image, size_px=reference.structure.size_px), share is not None and share >= COPY_SHARE
