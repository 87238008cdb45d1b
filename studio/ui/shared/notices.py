"""What just happened: errors of callbacks, quiet confirmations, and the way back from a deletion.

A callback runs before the page is drawn, so it leaves a note, and the page draws the notes where they belong.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from studio.errors import StudioError
from studio.ui.session import workspace

_TROUBLE = "notices_trouble"
_SAID = "notices_said"
_DELETED = "notices_deleted"


def attempt(action: Callable[..., Any], *arguments: Any) -> bool:  # noqa: ANN401
    """Do something from a callback; an error is kept for `show_notices`. Return whether it went well."""
    try:
        action(*arguments)
    except StudioError as error:
        st.session_state[_TROUBLE] = str(error)
        return False
    return True


def say(text: str) -> None:
    """Confirm something quietly when the page is drawn next."""
    st.session_state[_SAID] = text


def show_notices() -> None:
    """Draw what callbacks have left: an error where the page begins, a confirmation as a toast."""
    trouble = st.session_state.pop(_TROUBLE, None)
    if trouble is not None:
        st.error(trouble)
    said = st.session_state.pop(_SAID, None)
    if said is not None:
        st.toast(said, icon=":material/check:")


def delete_pictures(variation_ids: Sequence[str]) -> bool:
    """Move pictures to the bin and remember them for “Undo”. For callbacks; returns whether it went well."""
    if not attempt(workspace().catalogue.delete, tuple(variation_ids)):
        return False
    st.session_state[_DELETED] = tuple(variation_ids)
    return True


def forget_deletion() -> None:
    """Take the offer to undo away; the pictures stay in the bin."""
    st.session_state.pop(_DELETED, None)


def show_undo(after: Callable[[tuple[str, ...]], None] | None = None) -> None:
    """Draw the bar that offers to undo the last deletion, if there was one; `after` is told what came back."""
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
        say(f"{count_pictures(len(deleted)).capitalize()} restored.")
        if after is not None:
            after(deleted)
