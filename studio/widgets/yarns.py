"""The yarns of a design on a page: read once, and picked by their number and colour."""

from __future__ import annotations

import streamlit as st

from studio.designs.index_map import IndexMap
from studio.designs.opening import open_design
from studio.designs.reading import read_yarns
from studio.session import workspace


@st.cache_resource(max_entries=4, show_spinner="Reading the yarns …")
def find_yarns(sha256: str) -> IndexMap:
    """Return a kept design in its yarns, or in those suggested for it. Raises `StudioError` if it cannot be read."""
    return read_yarns(open_design(workspace().catalogue.source_path(sha256).read_bytes()))


def pick_yarns(label: str, index_map: IndexMap, key: str, *, help_text: str | None = None) -> tuple[int, ...]:
    """Draw a choice among the yarns that a design uses; returns the numbers chosen, counted from 0."""
    chosen = st.multiselect(
        label,
        [int(number) for number in index_map.used()],
        format_func=lambda number: "Yarn {} #{:02x}{:02x}{:02x}".format(number + 1, *index_map.palette[number]),
        key=key,
        help=help_text,
        placeholder="None",
        width="stretch",
        persist_state="session",
    )
    return tuple(chosen)
