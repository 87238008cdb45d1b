"""The yarns of a design: read once per design, and picked by number and colour."""

from __future__ import annotations

import base64

import streamlit as st

from studio.designs.colours.colour_spaces import format_colour
from studio.designs.files.opening import open_design
from studio.designs.index_map import IndexMap
from studio.designs.yarns import name_yarn, read_yarns
from studio.errors import StudioError
from studio.ui.session import workspace
from studio.ui.shared.markdown import escape_markdown


@st.cache_resource(max_entries=8, show_spinner="Reading the yarns …")
def find_yarns(sha256: str) -> IndexMap:
    """Return the index map of a kept design, in its own or in suggested yarns. Raises `StudioError` if unreadable."""
    return read_yarns(open_design(workspace().catalogue.source_bytes(sha256)))


def tell_yarns(sha256: str) -> IndexMap | None:
    """Return the index map of a design, or draw why it cannot be read and return None."""
    try:
        return find_yarns(sha256)
    except StudioError as error:
        st.warning(escape_markdown(error))
        return None


def pick_yarns(label: str, index_map: IndexMap, key: str, *, help_text: str | None = None) -> tuple[int, ...]:
    """Draw a multiple choice of the yarns that a design uses; return the chosen indices in rising order."""
    chosen = st.pills(
        label,
        [int(number) for number in index_map.used()],
        selection_mode="multi",
        format_func=lambda number: _label(number, index_map.palette[number].tolist()),
        key=key,
        help=help_text,
        width="stretch",
        wrap=True,
        persist_state="session",
    )
    return tuple(sorted(chosen))


def _label(number: int, rgb: list[int]) -> str:
    """Return a yarn's swatch and its number in the file as Markdown."""
    name = name_yarn(number, (rgb[0], rgb[1], rgb[2]))
    colour = format_colour((rgb[0], rgb[1], rgb[2]))
    # The outline keeps a yarn in the page's background colour visible.
    swatch = (
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16' width='16' height='16'><rect x='.5' y='.5' "
        f"width='15' height='15' rx='3' fill='{colour}' stroke='#808080' stroke-opacity='.6'/></svg>"
    )
    data = base64.b64encode(swatch.encode()).decode()
    return f"![{name.capitalize()}](data:image/svg+xml;base64,{data}) {number}"
