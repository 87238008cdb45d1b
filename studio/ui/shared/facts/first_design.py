"""The design with which a picture's line began: how far the picture is from it, and the density that it states."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from studio.catalogue.lineage import choose_density, find_first
from studio.designs.files.density import Density
from studio.designs.files.opening import open_design
from studio.designs.index_map import IndexMap
from studio.designs.inspection import describe_share
from studio.designs.weaving.alike import measure_alike
from studio.designs.weaving.mending import share_changed
from studio.designs.yarns import read_yarns, restore_yarns
from studio.errors import StudioError
from studio.schema import VariationRecord
from studio.ui.session import workspace


@dataclass(frozen=True, slots=True)
class _FirstDesign:
    """What is asked of a first design, so that its file is decoded once. `size` is width and height in knots."""

    size: tuple[int, int]
    density: Density | None
    index_map: IndexMap | None


def describe_from_first(record: VariationRecord) -> str:
    """Return how much of a branch is drawn anew since its first design, empty where it is not known or no branch."""
    if record.parent is None or record.weaving is None or not record.weaving.yarns:
        return ""
    first = _find(record)
    if first is None or first.index_map is None:
        return ""
    try:
        share = _measure(record.id, record.weaving.yarns, first.index_map)
    except StudioError:  # its file was removed meanwhile
        return ""
    return "" if share is None else f"{describe_share(share)} since the first design"


def find_stated_density(record: VariationRecord) -> Density | None:
    """Return the density of a picture's first design, as `find_density` does."""
    first = _find(record)
    return None if first is None else choose_density(first.density, first.size, record)


def _find(record: VariationRecord) -> _FirstDesign | None:
    """Return the design with which a picture's line began, None where it cannot be read."""
    sha256 = find_first(workspace().catalogue, record)
    try:
        return None if sha256 is None else _read(sha256)
    except StudioError:
        return None


@st.cache_resource(max_entries=4, show_spinner=False)
def _read(sha256: str) -> _FirstDesign:
    """Return what is asked of a design. Raises `StudioError`."""
    design = open_design(workspace().catalogue.source_bytes(sha256), to_vary=False)
    return _FirstDesign((design.width_px, design.height_px), design.density, design.index_map)


@st.cache_data(max_entries=256, show_spinner=False)
def _measure(variation: str, yarns: tuple[str, ...], _design: IndexMap) -> float | None:
    """Return the share of a variation's knots that are drawn anew since its first design.

    None where that has another size or other yarns. Raises `StudioError`.
    """
    made = read_yarns(open_design(workspace().catalogue.variation_bytes(variation)))
    full = restore_yarns(made, yarns)
    count = min(len(full.palette), len(_design.palette))
    same_yarns = (full.palette[:count] == _design.palette[:count]).all() and int(_design.indices.max()) < count
    if full.indices.shape != _design.indices.shape or not same_yarns:
        return None
    changed = share_changed(_design.indices, full.indices)
    return changed - measure_alike(_design.indices, full.indices, full.palette)
