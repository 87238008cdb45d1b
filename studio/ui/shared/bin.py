"""The button that empties the bin of deleted pictures, shared by the Gallery and Settings pages."""

from __future__ import annotations

import streamlit as st

from studio.ui.session import workspace
from studio.ui.shared.notices import attempt, count_pictures, forget_deletion, say
from studio.ui.shared.selection import select


def draw_empty_bin(count: int) -> None:
    """Draw the button that removes all pictures in the bin, after a confirmation."""
    with st.popover("Empty the bin", icon=":material/delete_forever:", key="empty_bin"):
        st.markdown(f"Remove {count_pictures(count)} for good? This cannot be undone.")
        st.button("Remove for good", type="primary", key="empty_bin_sure", on_click=_empty)


def _empty() -> None:
    def empty() -> None:
        removed = workspace().catalogue.empty_bin()
        say(f"{count_pictures(removed)} removed for good.")

    if attempt(empty):
        select(())
        forget_deletion()
