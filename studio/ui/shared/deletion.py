"""Deletion of pictures: to the bin, with an offer to undo it, and out of the bin for good."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from studio.ui.session import workspace
from studio.ui.shared.notices import attempt, count_pictures, say
from studio.ui.shared.selection import drop

_DELETED = "notices_deleted"


def delete_pictures(variation_ids: Sequence[str]) -> bool:
    """Move pictures to the bin, remember them for “Undo”, and return whether it worked. For callbacks.

    “Undo” brings back what this moved, not what was in the bin before.
    """

    def delete() -> None:
        st.session_state[_DELETED] = workspace().catalogue.delete(variation_ids)

    return attempt(delete)


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


def draw_empty_bin(variation_ids: Sequence[str], *, whole: bool = True) -> None:
    """Draw the button that removes these pictures in the bin for good, after a confirmation. They are the whole bin?

    What is put into the bin after the question was drawn stays there.
    """
    label = "Empty the bin" if whole else "Remove these from the bin"
    with st.popover(label, icon=":material/delete_forever:", key="empty_bin"):
        others = "" if whole else " The other pictures in the bin stay there."
        st.markdown(f"Remove {count_pictures(len(variation_ids))} for good? This cannot be undone.{others}")
        st.button(
            "Remove for good", type="primary", key="empty_bin_sure", on_click=_empty, args=(tuple(variation_ids),)
        )


def _empty(variation_ids: tuple[str, ...]) -> None:
    def empty() -> None:
        removed = workspace().catalogue.empty_bin(variation_ids)
        say(f"{count_pictures(removed)} removed for good.")

    if attempt(empty):
        drop(variation_ids)
        forget_deletion()


def _undo(deleted: tuple[str, ...], after: Callable[[tuple[str, ...]], None] | None) -> None:
    if restore_pictures(deleted) and after is not None:
        after(deleted)


def restore_pictures(variation_ids: Sequence[str]) -> bool:
    """Move pictures back from the bin, say how many were there, and return whether it worked. For callbacks."""

    def restore() -> None:
        say(f"{count_pictures(len(workspace().catalogue.restore(variation_ids)))} restored.")

    if not attempt(restore):
        return False
    forget_deletion()
    return True
