"""Deletion of pictures: to the bin, with an offer to undo it, and out of the bin for good."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from studio.ui.session import workspace
from studio.ui.shared.notices import attempt, count_pictures, say
from studio.ui.shared.selection import select

_DELETED = "notices_deleted"


def delete_pictures(variation_ids: Sequence[str]) -> bool:
    """Move pictures to the bin, remember them for “Undo”, and return whether it worked. For callbacks."""
    if not attempt(workspace().catalogue.delete, tuple(variation_ids)):
        return False
    st.session_state[_DELETED] = tuple(variation_ids)
    return True


def forget_deletion() -> None:
    """Withdraw the offer to undo. The pictures stay in the bin."""
    st.session_state.pop(_DELETED, None)


def show_undo(after: Callable[[tuple[str, ...]], None] | None = None) -> None:
    """Draw the bar that offers to undo the last deletion, if any. `after` is called with the ids that came back."""
    deleted: tuple[str, ...] = st.session_state.get(_DELETED, ())
    if not deleted:
        return
    with st.bottom, st.container(horizontal=True, vertical_alignment="center", gap="small", key="undo_bar"):
        st.markdown(f"Deleted {count_pictures(len(deleted))}.", width="content")
        st.button("Undo", icon=":material/undo:", key="undo_deletion", on_click=_undo, args=(deleted, after))
        st.button(
            "Dismiss",
            icon=":material/close:",
            key="dismiss_deletion",
            type="tertiary",
            help="The pictures stay in the bin until it is emptied.",
            on_click=forget_deletion,
        )


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


def _undo(deleted: tuple[str, ...], after: Callable[[tuple[str, ...]], None] | None) -> None:
    if attempt(workspace().catalogue.restore, deleted):
        forget_deletion()
        say(f"{count_pictures(len(deleted))} restored.")
        if after is not None:
            after(deleted)
