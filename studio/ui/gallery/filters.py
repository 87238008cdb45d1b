"""The gallery's filters. The page's address is where they live: a view can be linked, and the back button works.

Bound widgets (`bind="query-params"`) would put a label into the address and overwrite the history's last step; so each
widget is set from the address before it is drawn, and its callback writes the address.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from studio.catalogue.records import TEXT_LIMIT, Choice, GalleryQuery
from studio.errors import InputError
from studio.ui.session import workspace
from studio.ui.shared.links import change_address

ALL, FAVOURITES, BIN = "all", "favourites", "bin"
_SHOWN = {ALL: "All", FAVOURITES: ":material/star: Favourites", BIN: ":material/delete: Bin"}
_LINKED = ("source", "run", "parent")
"""Filters that come with a link and have no widget."""
_FILTERS = ("text", "show", "model", "adapter", *_LINKED)
_LONGEST_PAGE_NUMBER = 6


def read_query() -> GalleryQuery:
    """Return what the page's address asks for; an address that makes no sense shows everything."""
    said = st.query_params
    page = said.get("page", "")
    try:
        return GalleryQuery(
            page=int(page) if page.isdecimal() and len(page) <= _LONGEST_PAGE_NUMBER and int(page) > 0 else 1,
            favourites_only=said.get("show") == FAVOURITES,
            deleted=said.get("show") == BIN,
            text=said.get("text", "")[:TEXT_LIMIT],
            model=said.get("model") or None,
            adapter=said.get("adapter") or None,
            **{name: said.get(name) or None for name in _LINKED},
        )
    except InputError as error:
        st.warning(str(error))
        return GalleryQuery()


def filtered(query: GalleryQuery) -> bool:
    """Whether a query leaves anything out."""
    return query != GalleryQuery(page=query.page)


def clear_filters() -> None:
    """Show everything again. For callbacks."""
    change_address(page=None, **dict.fromkeys(_FILTERS))


def drop_linked() -> None:
    """Take away what a link has narrowed the gallery to. For callbacks."""
    change_address(page=None, **dict.fromkeys(_LINKED))


def draw_filters(query: GalleryQuery) -> None:
    """Draw the search field and the choices; each change goes back to the first page."""
    choices = workspace().catalogue.choices()
    with st.container(horizontal=True, vertical_alignment="center", key="gallery_filters"):
        st.session_state["find_text"] = query.text
        st.text_input(
            "Find in prompts",
            key="find_text",
            type="search",
            placeholder="Find words of the prompt",
            max_chars=TEXT_LIMIT,
            label_visibility="collapsed",
            on_change=_apply,
            args=("text", "find_text"),
            width=300,
        )
        st.session_state["find_show"] = BIN if query.deleted else FAVOURITES if query.favourites_only else ALL
        st.segmented_control(
            "Show",
            list(_SHOWN),
            required=True,
            format_func=_SHOWN.__getitem__,
            key="find_show",
            label_visibility="collapsed",
            on_change=_apply,
            args=("show", "find_show"),
        )
        _draw_choice("Model", "model", query.model, "Any model", choices.models)
        _draw_choice("Adapter", "adapter", query.adapter, "Any adapter", choices.adapters)


def draw_pages(pages: int, page: int) -> None:
    """Draw the page numbers when there is more than one page."""
    if pages < 2:
        return
    key = f"find_page_{page}"  # another widget for each page: so it always shows the page of the address
    with st.container(horizontal_alignment="center"):
        st.pagination(pages, default=page, key=key, on_change=_turn_page, args=(key,))


def _draw_choice(label: str, name: str, chosen: str | None, anything: str, choices: Sequence[Choice]) -> None:
    """Draw a filter where there is something to choose from, or where the address has chosen already."""
    labels = {choice.value: f"{choice.label} ({choice.count})" for choice in choices}
    if len(labels) < 2 and chosen is None:
        return
    if chosen is not None:
        labels.setdefault(chosen, chosen)
    key = f"find_{name}"
    st.session_state[key] = chosen or ""
    st.selectbox(
        label,
        ["", *labels],
        format_func=lambda value: labels.get(value, anything),
        key=key,
        label_visibility="collapsed",
        on_change=_apply,
        args=(name, key),
        width=168,
    )


def _apply(name: str, key: str) -> None:
    value = st.session_state[key]
    change_address(page=None, **{name: None if value == ALL else value})


def _turn_page(key: str) -> None:
    page = st.session_state[key]
    change_address(page=str(page) if page > 1 else None)
