"""A design's facts on a page: its yarns as a bar of swatches, and its structure in a line."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st

from studio.catalogue import Source
from studio.designs.colours.colour_spaces import Colour
from studio.designs.files.density import Density
from studio.designs.inspection import Inspection, describe, describe_share
from studio.designs.yarns import name_yarn
from studio.errors import StudioError
from studio.jobs.reading import Reading
from studio.ui.session import workspace
from studio.ui.shared.facts.reading import draw_reading_of

BAR_PX, THIN_BAR_PX = 14, 6
_BAR = "display:flex;border-radius:3px;overflow:hidden;"


def find_facts(sha256: str) -> Inspection | None:
    """Return the inspection of a source's design, None when its file cannot be read, or while it is being read."""
    reading = _inspect(sha256)
    if reading is None or not reading.at_once():
        return None
    try:
        return reading.answer()
    except StudioError:
        return None


def find_density(sha256: str) -> Density | None:
    """Return the density that a design states, for the designs that are made of it knot for knot."""
    facts = find_facts(sha256)
    return None if facts is None else facts.density


def is_being_read(sha256: str) -> bool:
    """Return whether the inspection of a source's design goes on."""
    reading = _inspect(sha256)
    return reading is not None and not reading.at_once()


def draw_facts(source: Source) -> None:
    """Draw a design's yarns as a bar, each as wide as its share, and a line on symmetry, border and repeat."""
    reading = _inspect(source.sha256)
    if reading is not None and not reading.at_once():
        draw_reading_of(reading, "facts_reading")
        return
    facts = find_facts(source.sha256)
    if facts is None:
        st.warning("The file of this design is missing or cannot be read. Choose another design.")
        return
    st.html(swatches_html(facts.palette, facts.shares))
    words = describe(facts, near_yarns=False)  # `offer_merging` names them
    st.caption(" · ".join(words if facts.border is None else (*words, "repeat not applicable")))


def _inspect(sha256: str) -> Reading[Inspection] | None:
    """Return the reading of a source's design, None when its file is missing."""
    try:
        workspace().catalogue.source_path(sha256)
    except StudioError:
        return None
    return workspace().designs.inspect(sha256)


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
