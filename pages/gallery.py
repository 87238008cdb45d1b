"""Gallery: everything that was made, newest first; one picture with all that is known of it; the bin."""

from __future__ import annotations

import dataclasses

import streamlit as st

from studio.catalogue.records import GalleryPage, GalleryQuery
from studio.errors import StudioError
from studio.ui.gallery.filters import (
    change_address,
    clear_filters,
    draw_filters,
    draw_pages,
    drop_linked,
    filtered,
    read_query,
)
from studio.ui.gallery.grid import draw_grid
from studio.ui.gallery.opened import draw_opened
from studio.ui.gallery.scrolling import scroll_back
from studio.ui.gallery.selection_bar import draw_selection_bar
from studio.ui.session import workspace
from studio.ui.shared.bin import draw_empty_bin
from studio.ui.shared.links import link_compare_run
from studio.ui.shared.navigation import GENERATE
from studio.ui.shared.notices import count_pictures, show_notices, show_undo


def draw_gallery(query: GalleryQuery) -> None:
    """Draw one page of the gallery with its filters."""
    draw_filters(query)
    page = find_page(query)
    draw_narrowing(query, page)
    if page.variations:
        draw_grid(page.variations)
        draw_pages(page.pages, page.page)
        scroll_back()
    else:
        draw_nothing(query)
    draw_selection_bar(query, page)


def find_page(query: GalleryQuery) -> GalleryPage:
    """Return the page that is asked for, or the last one when it lies beyond."""
    catalogue = workspace().catalogue
    page = catalogue.find(query)
    if page.variations or page.total == 0:
        return page
    return catalogue.find(dataclasses.replace(query, page=page.pages))


def draw_narrowing(query: GalleryQuery, page: GalleryPage) -> None:
    """Say how many pictures there are, and what a link has narrowed them to."""
    count = count_pictures(page.total)
    if query.run is None and query.source is None and query.parent is None:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            if page.total:
                st.caption("In the bin: " + count if query.deleted else f"{count}, newest first", width="content")
            if query.deleted and page.total:
                draw_empty_bin(page.total)
        return
    what = "from this run" if query.run else "made from this design" if query.source else "varied from this picture"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"Only {count} {what}", width="content")
        st.button("Show all pictures", icon=":material/close:", type="tertiary", on_click=drop_linked)
        if query.run is not None and page.total:
            link_compare_run(query.run)


def draw_nothing(query: GalleryQuery) -> None:
    """Say why there is nothing to see and what to do."""
    with st.container(border=True, key="gallery_empty"):
        st.space("small")
        if query.deleted:
            st.markdown("#### The bin is empty")
            st.markdown("Pictures that you delete lie here until you empty it.")
        elif filtered(query):
            st.markdown("#### No picture fits")
            st.markdown("Try other words, or show all pictures.")
            st.button("Show all pictures", icon=":material/filter_list_off:", on_click=clear_filters)
        else:
            st.markdown("#### No pictures yet")
            st.markdown("Upload a design and describe a variation of it: what is made appears here.")
            st.page_link(GENERATE, label="Make variations", icon=":material/auto_awesome:")
        st.space("small")


def reopen(variation_ids: tuple[str, ...]) -> None:
    """Open the picture again that was deleted in its own view."""
    if "open" in st.query_params and len(variation_ids) == 1:
        change_address(open=variation_ids[0])


st.title("Gallery")
show_notices()
try:
    opened = st.query_params.get("open")
    if opened:
        draw_opened(opened, read_query())
    else:
        draw_gallery(read_query())
    show_undo(after=reopen)
except StudioError as error:
    st.error(str(error))
