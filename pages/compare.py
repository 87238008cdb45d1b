"""Compare page: two to six pictures side by side, with their design and a table of their differences."""

from __future__ import annotations

import streamlit as st

from studio.errors import StudioError
from studio.ui.compare.comparison import ComparedPictures, draw_pictures, draw_table, find_pictures
from studio.ui.shared.markdown import escape_markdown
from studio.ui.shared.navigation import GALLERY
from studio.ui.shared.notices import show_notices
from studio.ui.shared.reading_progress import draw_reading

# For each choice the least width of a picture in pixels and the CSS limit of its height. (A comment, because Streamlit
# would draw a docstring that stands alone in a page.)
SIDE_BY_SIDE, LARGE = "Side by side", "Large"
SIZES = {SIDE_BY_SIDE: (150, "62vh"), LARGE: (400, None)}


def draw_nothing() -> None:
    """Explain how to choose pictures to compare."""
    with st.container(border=True, key="compare_empty"):
        st.space("small")
        st.markdown("#### Nothing to compare yet")
        st.markdown("Tick two to six pictures in the gallery, then choose Compare.")
        st.page_link(GALLERY, label="Go to the gallery", icon=":material/photo_library:")
        st.space("small")


def draw_comparison(compared: ComparedPictures) -> None:
    """Draw the pictures, then the table."""
    for sentence in compared.notes:
        st.caption(escape_markdown(sentence))
    with st.container(horizontal=True, vertical_alignment="center", key="compare_choices"):
        st.session_state.setdefault("compare_size", SIDE_BY_SIDE)
        st.segmented_control(
            "Picture size",
            list(SIZES),
            required=True,
            key="compare_size",
            label_visibility="collapsed",
            persist_state="session",
        )
        if compared.source is not None:
            st.session_state.setdefault("compare_design", compared.run is not None)
            st.toggle("Show the design", key="compare_design", persist_state="session")
    with_design = compared.source is not None and st.session_state["compare_design"]
    least_width_px, tallest = SIZES[st.session_state["compare_size"]]
    draw_pictures(compared, least_width_px=least_width_px, tallest=tallest, with_design=with_design)
    if len(compared.records) > 1:
        draw_table(compared)
    else:
        st.caption("One picture is left. Tick another in the gallery to compare them.")
    st.page_link(GALLERY, label="Choose other pictures", icon=":material/photo_library:")


st.title("Compare")
show_notices()
try:
    draw_reading()
    found = find_pictures()
    if found.records:
        draw_comparison(found)
    else:
        for note in found.notes:
            st.warning(escape_markdown(note))
        draw_nothing()
except StudioError as error:
    st.error(escape_markdown(error))
