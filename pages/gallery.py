"""Gallery page: all pictures, newest first; the viewer of one picture with its parameters; the bin."""

from __future__ import annotations

import dataclasses

import streamlit as st

from studio.catalogue.records import GalleryPage, GalleryQuery
from studio.errors import StudioError
from studio.ui.gallery.filters import (
    clear_filters,
    clear_linked_filters,
    draw_filters,
    draw_pages,
    is_filtered,
    is_whole_bin,
    read_query,
)
from studio.ui.gallery.grid import draw_grid
from studio.ui.gallery.scroll_position import scroll_back
from studio.ui.gallery.selection_bar import draw_selection_bar
from studio.ui.gallery.viewer import draw_viewer
from studio.ui.session import workspace
from studio.ui.shared.deletion import draw_empty_bin, show_undo
from studio.ui.shared.links import change_address, link_compare_run
from studio.ui.shared.markdown import escape_markdown
from studio.ui.shared.navigation import GENERATE
from studio.ui.shared.notices import count_pictures, show_notices
from studio.ui.shared.reading_progress import draw_reading


def draw_gallery(query: GalleryQuery) -> None:
    """Draw one page of the gallery and its filters."""
    draw_filters(query)
    draw_reading()
    page = find_page(query)
    draw_summary(query, page)
    if page.variations:
        draw_grid(page.variations)
        draw_pages(page.pages, page.page)
        scroll_back()
    else:
        draw_nothing(query)
    draw_selection_bar(query, page)


def find_page(query: GalleryQuery) -> GalleryPage:
    """Return the page of the query, or the last page when the query is beyond it."""
    catalogue = workspace().catalogue
    page = catalogue.find(query)
    if page.variations or page.total == 0:
        return page
    return catalogue.find(dataclasses.replace(query, page=page.pages))


def draw_summary(query: GalleryQuery, page: GalleryPage) -> None:
    """Draw the number of pictures found, and what a link has limited them to."""
    count = count_pictures(page.total)
    if query.run is None and query.source is None and query.parent is None:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            if page.total:
                st.caption("In the bin: " + count if query.deleted else f"{count}, newest first", width="content")
            if query.deleted and page.total:
                draw_empty_bin(workspace().catalogue.ids(query), whole=is_whole_bin(query))
        return
    what = "from this run" if query.run else "made from this design" if query.source else "varied from this picture"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"Only {count} {what}", width="content")
        st.button("Show all pictures", icon=":material/close:", type="tertiary", on_click=clear_linked_filters)
        if query.run is not None and page.total:
            link_compare_run(query.run)


def draw_nothing(query: GalleryQuery) -> None:
    """Explain why there are no pictures, and what to do."""
    with st.container(border=True, key="gallery_empty"):
        st.space("small")
        if query.deleted:
            st.markdown("#### The bin is empty")
            st.markdown("Deleted pictures stay here until you empty the bin.")
        elif is_filtered(query):
            st.markdown("#### No matching pictures")
            st.markdown("Try other words or filters, or show all pictures.")
            st.button("Show all pictures", icon=":material/filter_list_off:", on_click=clear_filters)
        else:
            st.markdown("#### No pictures yet")
            st.markdown("Upload a design and describe the variations you want. They appear here.")
            st.page_link(GENERATE, label="Make variations", icon=":material/auto_awesome:")
        st.space("small")


def reopen(variation_ids: tuple[str, ...]) -> None:
    """Open a restored picture again if it was deleted in the viewer."""
    if "open" in st.query_params and len(variation_ids) == 1:
        change_address(open=variation_ids[0])


st.title("Gallery")
show_notices()
try:
    opened = st.query_params.get("open")
    if opened:
        draw_viewer(opened, read_query())
    else:
        draw_gallery(read_query())
    show_undo(after=reopen)
except StudioError as error:
    st.error(escape_markdown(error))
