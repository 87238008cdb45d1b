"""How far a picture that was varied from another picture is from the design that its line began with."""

from __future__ import annotations

import streamlit as st

from studio.catalogue.catalogue import Catalogue
from studio.catalogue.lineage import find_first
from studio.designs.files.opening import open_design
from studio.designs.inspection import describe_share
from studio.designs.weaving.alike import measure_alike
from studio.designs.weaving.mending import share_changed
from studio.designs.yarns import read_yarns, restore_yarns
from studio.errors import StudioError
from studio.schema import VariationRecord
from studio.ui.session import workspace


def describe_from_first(record: VariationRecord) -> str:
    """Return how much of a branch is drawn anew since its first design, empty where it is not known or no branch."""
    if record.parent is None or record.weaving is None or not record.weaving.yarns:
        return ""
    try:
        share = _measure(record.id, record.weaving.yarns)
    except (StudioError, OSError):  # a file was removed meanwhile
        return ""
    return "" if share is None else f"{describe_share(share)} since the first design"


@st.cache_data(max_entries=256, show_spinner=False)
def _measure(variation: str, yarns: tuple[str, ...]) -> float | None:
    """Return the share of a variation's knots that are drawn anew since its first design.

    None where that is gone, or has another size or other yarns. Raises `StudioError` or `OSError`.
    """
    catalogue: Catalogue = workspace().catalogue
    first = find_first(catalogue, catalogue.variation(variation).record)
    if first is None:
        return None
    made = read_yarns(open_design(catalogue.variation_path(variation).read_bytes()))
    design = read_yarns(open_design(catalogue.source_path(first).read_bytes()))
    full = restore_yarns(made, yarns)
    count = min(len(full.palette), len(design.palette))
    same_yarns = (full.palette[:count] == design.palette[:count]).all() and int(design.indices.max()) < count
    if full.indices.shape != design.indices.shape or not same_yarns:
        return None
    changed = share_changed(design.indices, full.indices)
    return changed - measure_alike(design.indices, full.indices, full.palette)
