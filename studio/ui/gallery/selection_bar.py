"""The bar with the actions for all ticked pictures, shown at the bottom while any is ticked."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from studio.catalogue.records import GalleryPage, GalleryQuery
from studio.ui.session import workspace
from studio.ui.shared.deletion import delete_pictures, restore_pictures
from studio.ui.shared.links import link_compare
from studio.ui.shared.notices import attempt, count_pictures, say
from studio.ui.shared.selection import drop, select, selected


def draw_selection_bar(query: GalleryQuery, page: GalleryPage) -> None:
    """Draw the bar for the ticked pictures. Pictures in the bin can only be restored."""
    chosen = selected()
    if not chosen:
        return
    with st.bottom, st.container(horizontal=True, vertical_alignment="center", gap="small", key="selection_bar"):
        hidden = len(set(chosen) - {variation.id for variation in page.variations})
        elsewhere = f", {hidden} of them not on this page" if hidden else ""
        st.markdown(f"**{len(chosen)} selected**{elsewhere}", width="content")
        if query.deleted:
            _draw_action("Restore", "restore", _restore)
        else:
            link_compare(chosen)
            _draw_action("Favourite", "favourite", _favourite)
            _draw_action("Delete", "delete", _delete)
        _draw_action("Clear", "clear", lambda: select(()))


def _draw_action(label: str, name: str, act: Callable[[], None]) -> None:
    st.button(label, key=f"{name}_selected", type="tertiary", on_click=act)


def _restore() -> None:
    chosen = selected()
    if restore_pictures(chosen):
        drop(chosen)


def _favourite() -> None:
    chosen = selected()
    for one in chosen:
        if not attempt(workspace().catalogue.set_favourite, one, True):
            return
    say(f"{count_pictures(len(chosen))} marked as favourite{'s' if len(chosen) > 1 else ''}.")


def _delete() -> None:
    chosen = selected()
    if delete_pictures(chosen):
        drop(chosen)
