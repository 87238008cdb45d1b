"""How good a run's variations are as a set: faithful, different from one another, none of them twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from studio.catalogue import Catalogue, Variation
from studio.catalogue.files.folders import read_bytes
from studio.designs.colours.colour_spaces import Floats
from studio.designs.files.opening import open_design
from studio.designs.index_map import IndexMap
from studio.errors import StudioError
from studio.evaluation import Score, Structure, read_structure, score_variations
from studio.evaluation.copies import COPY_SHARE, glance, measure_copy, measure_sameness
from studio.ui.session import workspace


@dataclass(frozen=True, slots=True)
class SetScore:
    """The figures of a set; `twins` names for a variation's id the slot of the one that it nearly repeats.

    `copies` are the ids of variations that are nearly their design.
    """

    score: Score
    twins: Mapping[str, int]
    copies: frozenset[str]


def find_score(catalogue: Catalogue, variations: tuple[Variation, ...]) -> SetScore | None:
    """Return the figures of a run's variations, None where there is none or a file is not there."""
    if not variations:
        return None
    try:
        return _score(variations[0].record.source, tuple((one.id, one.record.slot) for one in variations))
    except StudioError:  # a design or a picture was removed meanwhile: the cards say so themselves
        return None


def describe_score(score: Score) -> str:
    """Return the set's figures in a line; what would say nothing is left out."""
    words = []
    fidelity = [each["fidelity"] for each in score.each if each["fidelity"] is not None]
    if fidelity:
        least, most = min(fidelity), max(fidelity)
        span = f"{least:.2f}" if f"{least:.2f}" == f"{most:.2f}" else f"{least:.2f} to {most:.2f}"
        words.append(f"Fidelity to the design {span}")
    mean, least = score.whole["diversity_edges_mean"], score.whole["diversity_edges_least"]
    if mean is not None and least is not None:
        words.append(f"difference between them {mean:.2f}, least {least:.2f}")
    return " · ".join(words)


@st.cache_data(max_entries=64, show_spinner=False)
def _score(source: str, slots: tuple[tuple[str, int], ...]) -> SetScore:
    catalogue = workspace().catalogue
    own = _read_source(catalogue.source_path(source))
    read = [_read_variation(catalogue.variation_path(variation_id), own) for variation_id, _ in slots]
    score = score_variations(own.structure, [structure for structure, _ in read])
    twins = {slots[second][0]: slots[first][1] for first, second in reversed(score.near_duplicates)}
    copies = frozenset(variation_id for (variation_id, _), (_, copied) in zip(slots, read, strict=True) if copied)
    return SetScore(score, twins, copies)


@dataclass(frozen=True, slots=True, eq=False)
class _Own:
    """What variations are compared with: the design's structure, its look, and its knots where it has yarns."""

    structure: Structure
    look: Floats
    knots: IndexMap | None


def _read_source(path: Path) -> _Own:
    design = open_design(read_bytes(path))
    return _Own(read_structure(design.image), glance(design.image), design.index_map)


def _read_variation(path: Path, own: _Own) -> tuple[Structure, bool]:
    """Return the structure of a variation, and whether it is nearly its design.

    A function of its own, so that the picture in its full size is gone before the next one is opened.
    """
    made = open_design(read_bytes(path))
    share = None if own.knots is None or made.index_map is None else measure_copy(own.knots, made.index_map)
    if share is None:
        share = measure_sameness(own.look, glance(made.image))
    return read_structure(made.image, size_px=own.structure.size_px), share is not None and share >= COPY_SHARE
