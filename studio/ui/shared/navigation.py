"""The studio's pages: their files, titles, icons and help texts."""

from __future__ import annotations

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from studio.workspace import PROJECT

GENERATE = PROJECT / "pages" / "generate.py"
GALLERY = PROJECT / "pages" / "gallery.py"
COMPARE = PROJECT / "pages" / "compare.py"
TRAIN = PROJECT / "pages" / "train.py"
SETTINGS = PROJECT / "pages" / "settings.py"
HIDDEN_TITLE = (
    '<h1 style="position:absolute;width:1px;height:1px;margin:0;overflow:hidden;clip-path:inset(50%)">{}</h1>'
)
"""A page title for screen readers only, for a page that shows no title."""


def make_pages() -> list[StreamlitPage]:
    """Return the pages in the order of the menu. The first one opens by default."""
    return [
        st.Page(
            GENERATE,
            title="Generate",
            icon=":material/auto_awesome:",
            default=True,
            help="Choose a carpet design, describe what you want, and get five variations of it.",
        ),
        st.Page(
            GALLERY,
            title="Gallery",
            icon=":material/photo_library:",
            url_path="gallery",
            help="All pictures that you made, newest first, each with its settings.",
        ),
        st.Page(
            COMPARE,
            title="Compare",
            icon=":material/compare:",
            url_path="compare",
            help="Two to six pictures side by side, with a table of their differences.",
        ),
        st.Page(
            TRAIN,
            title="Train",
            icon=":material/model_training:",
            url_path="train",
            help="Teach a model your own carpets: an adapter from a folder of designs.",
        ),
        st.Page(
            SETTINGS,
            title="Settings",
            icon=":material/tune:",
            url_path="settings",
            help="The model, the adapter, memory use, and what is stored on this computer.",
        ),
    ]
