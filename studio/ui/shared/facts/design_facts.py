"""A design's facts on a page: its yarns as a bar of swatches, and its structure in a line."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st

from studio.catalogue import Source
from studio.designs.colours.colour_spaces import Colour
from studio.designs.files.opening import open_design
from studio.designs.inspection import Inspection, describe, describe_share, inspect_design
from studio.designs.yarns import name_yarn
from studio.errors import StudioError
from studio.ui.session import workspace

BAR_PX, THIN_BAR_PX = 14, 6
_BAR = "display:flex;border-radius:3px;overflow:hidden;"


@st.cache_data(max_entries=64, show_spinner="Reading the design …")
def read_facts(sha256: str) -> Inspection:
    """Return the inspection of a source's design. Reads the file once, then answers from the cache."""
    return inspect_design(open_design(workspace().catalogue.source_path(sha256).read_bytes()))


def find_facts(sha256: str) -> Inspection | None:
    """Return the inspection of a source's design, None when its file cannot be read."""
    try:
        return read_facts(sha256)
    except (StudioError, OSError):
        return None


def draw_facts(source: Source) -> None:
    """Draw a design's yarns as a bar, each as wide as its share, and a line on symmetry, border and repeat."""
    facts = find_facts(source.sha256)
    if facts is None:
        st.warning("The file of this design is missing. Choose another design.")
        return
    st.html(swatches_html(facts.palette, facts.shares))
    words = describe(facts)
    st.caption(" · ".join(words if facts.border is None else (*words, "repeat not applicable")))


def count_yarns(count: int) -> str:
    """Return a number of yarns in words: 1 yarn, 5 yarns."""
    return f"{count} yarn" if count == 1 else f"{count} yarns"


def swatches_html(palette: Sequence[Colour], shares: Sequence[float] | None = None, *, height_px: int = BAR_PX) -> str:
    """Return yarns as a bar of swatches in HTML, each named by its tooltip. Without `shares` all are equally wide."""
    parts = []
    for number, colour in enumerate(palette):
        share = 1 / len(palette) if shares is None else shares[number]
        if share <= 0:
            continue
        name = name_yarn(number, colour).capitalize()
        title = name if shares is None else f"{name}, {describe_share(share)}"
        parts.append(
            f'<span title="{escape(title)}" style="flex:{share:.4f} 1 4px;min-width:4px;background:rgb{colour}"></span>'
        )
    label = count_yarns(len(parts))
    return f'<div role="img" aria-label="{label}" style="{_BAR}height:{height_px}px">{"".join(parts)}</div>'
