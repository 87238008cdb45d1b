"""The studio's pages: where they lie, what they are called and what they are for."""

from __future__ import annotations

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from studio.workspace import PROJECT

GENERATE = PROJECT / "pages" / "generate.py"
GALLERY = PROJECT / "pages" / "gallery.py"
COMPARE = PROJECT / "pages" / "compare.py"
SETTINGS = PROJECT / "pages" / "settings.py"
HIDDEN_TITLE = (
    '<h1 style="position:absolute;width:1px;height:1px;margin:0;overflow:hidden;clip-path:inset(50%)">{}</h1>'
)
"""A page's title for those who listen to it, where what is to be done begins at once for those who look."""


def make_pages() -> list[StreamlitPage]:
    """Return the pages in the order of the menu; the first is the one that opens."""
    return [
        st.Page(
            GENERATE,
            title="Generate",
            icon=":material/auto_awesome:",
            default=True,
            help="Make variations of a carpet design: choose the design, describe the carpet, watch five appear.",
        ),
        st.Page(
            GALLERY,
            title="Gallery",
            icon=":material/photo_library:",
            url_path="gallery",
            help="Everything that was made, newest first, with how it was made.",
        ),
        st.Page(
            COMPARE,
            title="Compare",
            icon=":material/compare:",
            url_path="compare",
            help="Two to six pictures side by side, with what differs between them.",
        ),
        st.Page(
            SETTINGS,
            title="Settings",
            icon=":material/tune:",
            url_path="settings",
            help="The model, the adapter, memory, and what is stored on this computer.",
        ),
    ]
