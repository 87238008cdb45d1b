"""The design in the yarns that a prompt names, offered where its own yarns are kept."""

from __future__ import annotations

import streamlit as st

from studio.catalogue import Catalogue, Source
from studio.designs.colours.colour_words import BASIC_OF, find_missing_words
from studio.designs.colours.named_colourway import make_named_colourway
from studio.designs.files.export import encode_png
from studio.designs.index_map import IndexMap
from studio.ui.generate.form.source import choose_source
from studio.ui.generate.form.yarns import find_yarns
from studio.ui.session import workspace
from studio.ui.shared.facts.design_facts import find_density
from studio.ui.shared.notices import attempt
from studio.ui.shared.pictures import title_of


def offer_named_colourway(design: Source, prompt: str) -> None:
    """Draw a button that makes the design's colourway in the colours of a prompt the current design."""
    index_map = find_yarns(design.sha256)
    colourway = make_named_colourway(index_map.palette, index_map.shares(), prompt)
    if colourway is None:
        st.caption("For other colours choose “New yarns” under “For the loom”, or open “Colourways”.")
        return
    st.button(
        f"Use this design {_name(colourway.title, prompt, index_map)}",
        key="form_named_colourway",
        icon=":material/palette:",
        type="tertiary",
        help="Makes the same drawing in other yarns the design to vary. It is kept with your other designs.",
        on_click=_take,
        args=(workspace().catalogue, design, prompt),
    )


def _take(catalogue: Catalogue, design: Source, prompt: str) -> None:
    def take() -> None:
        index_map = find_yarns(design.sha256)
        colourway = make_named_colourway(index_map.palette, index_map.shares(), prompt)
        if colourway is not None:
            label = f"{title_of(design)}, {_name(colourway.title, prompt, index_map)}"
            data = encode_png(index_map.with_palette(colourway.palette), find_density(design.sha256))
            choose_source(catalogue.add_source(data, label=label), design.parent, akin=True)

    attempt(take)


def _name(title: str, prompt: str, index_map: IndexMap) -> str:
    """Return a colourway's title in the prompt's own words: “With teal” becomes “with turquoise”."""
    missing = find_missing_words(prompt, index_map.palette[index_map.used()])
    own = {BASIC_OF[word]: word for word in reversed(missing)}
    return " ".join(own.get(word, word) for word in title.lower().split())
