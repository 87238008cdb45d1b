"""Notices of callbacks: errors, confirmations, and the offer to undo a deletion.

A callback runs before the page is drawn. So it stores a notice in the session, and the page draws it in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from studio.errors import StudioError
from studio.ui.session import workspace

_ERROR = "notices_trouble"
_CONFIRMATION = "notices_said"
_DELETED = "notices_deleted"


def attempt(action: Callable[..., Any], *arguments: Any) -> bool:  # noqa: ANN401
    """Call an action from a callback and return whether it worked. An error is stored for `show_notices`."""
    try:
        action(*arguments)
    except StudioError as error:
        st.session_state[_ERROR] = str(error)
        return False
    return True


def say(text: str) -> None:
    """Store a confirmation, shown as a toast when the page is drawn next."""
    st.session_state[_CONFIRMATION] = text


def show_notices() -> None:
    """Draw the stored notices: an error here, at the top of the page, and a confirmation as a toast."""
    error = st.session_state.pop(_ERROR, None)
    if error is not None:
        st.error(error)
    confirmation = st.session_state.pop(_CONFIRMATION, None)
    if confirmation is not None:
        st.toast(confirmation, icon=":material/check:")


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


def count_pictures(count: int) -> str:
    """Return a number of pictures in words: 1 picture, 5 pictures."""
    return f"{count} picture" if count == 1 else f"{count} pictures"


def _undo(deleted: tuple[str, ...], after: Callable[[tuple[str, ...]], None] | None) -> None:
    if attempt(workspace().catalogue.restore, deleted):
        forget_deletion()
        say(f"{count_pictures(len(deleted))} restored.")
        if after is not None:
            after(deleted)
