"""Notices of callbacks: errors and confirmations.

A callback runs before the page is drawn. So it stores a notice in the session, and the page draws it in its place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec

import streamlit as st

from studio.errors import StudioError
from studio.ui.shared.markdown import escape_markdown

Arguments = ParamSpec("Arguments")

_ERROR = "notices_trouble"
_CONFIRMATION = "notices_said"


def attempt(action: Callable[Arguments, object], *arguments: Arguments.args, **options: Arguments.kwargs) -> bool:
    """Call an action from a callback and return whether it worked. An error is stored for `show_notices`."""
    try:
        action(*arguments, **options)
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
        st.error(escape_markdown(error))
    confirmation = st.session_state.pop(_CONFIRMATION, None)
    if confirmation is not None:
        st.toast(escape_markdown(confirmation), icon=":material/check:")


def count_pictures(count: int) -> str:
    """Return a number of pictures in words: 1 picture, 5 pictures."""
    return f"{count} picture" if count == 1 else f"{count} pictures"
