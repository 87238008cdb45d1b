"""Filters of the gallery, kept in the page's address, so that a view can be linked and the back button works.

Each widget is set from the address before it is drawn, and its callback writes the address. Streamlit's own binding
(`bind="query-params"`) would write labels into the address and replace the last step of the browser's history.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import streamlit as st

from studio.catalogue.records import TEXT_LIMIT, Choice, GalleryQuery
from studio.errors import InputError
from studio.ui.session import workspace
from studio.ui.shared.links import change_address
from studio.ui.shared.markdown import escape_markdown

ALL, FAVOURITES, BIN = "all", "favourites", "bin"
_SHOWN = {ALL: "All", FAVOURITES: ":material/star: Favourites", BIN: ":material/delete: Bin"}
_LINKED = ("source", "run", "parent")
"""Filters without a widget: only links set them."""
_FILTERS = ("text", "show", "model", "drawing", "adapter", *_LINKED)
_PAGE_NUMBER_DIGITS = 6
_CHOICE_WIDTH_PX = 216


def read_query() -> GalleryQuery:
    """Return the query in the page's address; an invalid address shows everything."""
    address = st.query_params
    page = address.get("page", "")
    try:
        return GalleryQuery(
            page=int(page) if page.isdecimal() and len(page) <= _PAGE_NUMBER_DIGITS and int(page) > 0 else 1,
            favourites_only=address.get("show") == FAVOURITES,
            deleted=address.get("show") == BIN,
            text=address.get("text", "")[:TEXT_LIMIT],
            model=address.get("model") or None,
            drawing=address.get("drawing") or None,
            adapter=address.get("adapter") or None,
            source=address.get("source") or None,
            run=address.get("run") or None,
            parent=address.get("parent") or None,
        )
    except InputError as error:
        st.warning(escape_markdown(error))
        return GalleryQuery()


def is_filtered(query: GalleryQuery) -> bool:
    """Return whether a query filters anything out."""
    return query != GalleryQuery(page=query.page)


def is_whole_bin(query: GalleryQuery) -> bool:
    """Return whether a query finds everything in the bin."""
    return query == GalleryQuery(page=query.page, deleted=True)


def clear_filters() -> None:
    """Remove all filters. For callbacks."""
    change_address(page=None, **dict.fromkeys(_FILTERS))


def clear_linked_filters() -> None:
    """Remove the filters that a link has set. For callbacks."""
    change_address(page=None, **dict.fromkeys(_LINKED))


def draw_filters(query: GalleryQuery) -> None:
    """Draw the search field and the filters. Each change goes back to the first page."""
    choices = workspace().catalogue.choices()
    with st.container(horizontal=True, vertical_alignment="center", key="gallery_filters"):
        st.session_state["find_text"] = query.text
        st.text_input(
            "Search the prompts",
            key="find_text",
            type="search",
            placeholder="Search the prompts",
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
        _draw_drawn_by(query, choices.drawn_by)
        labels = {choice.value: f"{choice.label} ({choice.count})" for choice in choices.adapters}
        _draw_choice("Adapter", "adapter", query.adapter, labels, anything="Any adapter")


def draw_pages(pages: int, page: int) -> None:
    """Draw the page numbers when there is more than one page."""
    if pages < 2:
        return
    key = f"find_page_{page}"  # a widget of its own for each page, so that it always shows the page of the address
    with st.container(horizontal_alignment="center"):
        st.pagination(pages, default=page, key=key, on_change=_turn_page, args=(key,))


def _draw_drawn_by(query: GalleryQuery, choices: Sequence[Choice]) -> None:
    """Draw the filter by who drew: motifs, a model, or a model and motifs. It sets a model and a drawing."""
    labels = {_drawn_by(choice.value, choice.drawing): f"{_title(choice)} ({choice.count})" for choice in choices}
    chosen = None
    if query.model is not None or query.drawing is not None:
        chosen = _drawn_by(query.model, query.drawing)
        fitting = [choice for choice in choices if _fits(choice, query)]
        if len(fitting) == 1:
            chosen = _drawn_by(fitting[0].value, fitting[0].drawing)
        elif chosen not in labels:  # an address that names the model or the drawing alone
            name = fitting[0].label if query.model is not None and fitting else query.model or query.drawing
            labels[chosen] = f"{name}, all ({sum(choice.count for choice in fitting)})"
    _draw_choice("Drawn by", "drawn_by", chosen, labels, anything="Drawn by: all", apply=_apply_drawn_by)


def _title(choice: Choice) -> str:
    """Return who drew, as the name of a choice: The design’s motifs, Built-in, Built-in and motifs."""
    if choice.drawing == "both":
        return f"{choice.label} and motifs"
    return choice.label[:1].upper() + choice.label[1:] if choice.drawing == "motifs" else choice.label


def _fits(choice: Choice, query: GalleryQuery) -> bool:
    return query.model in (None, choice.value) and query.drawing in (None, choice.drawing)


def _drawn_by(model: str | None, drawing: str | None) -> str:
    return f"{drawing or ''}:{model or ''}"


def _draw_choice(
    label: str,
    name: str,
    chosen: str | None,
    labels: Mapping[str, str],
    *,
    anything: str,
    apply: Callable[[str, str], None] | None = None,
) -> None:
    """Draw a filter when it has at least two choices, or when the address has already set it."""
    labels = dict(labels)
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
        on_change=apply or _apply,
        args=(name, key),
        width=_CHOICE_WIDTH_PX,
    )


def _apply_drawn_by(_name: str, key: str) -> None:
    drawing, _, model = st.session_state[key].partition(":")
    change_address(page=None, drawing=drawing or None, model=model or None)


def _apply(name: str, key: str) -> None:
    value = st.session_state[key]
    change_address(page=None, **{name: None if value == ALL else value})


def _turn_page(key: str) -> None:
    page = st.session_state[key]
    change_address(page=str(page) if page > 1 else None)
