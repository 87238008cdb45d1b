"""Changing a setting: kept at once, confirmed quietly, an error told where it happened."""

from __future__ import annotations

import dataclasses

import streamlit as st

from studio.errors import StudioError
from studio.ui.session import workspace
from studio.ui.shared.notices import say


def keep(part: str, **changes: object) -> bool:
    """Keep changed settings from a callback; an error is remembered for `show_trouble(part)`."""
    store = workspace().settings
    try:
        store.save(dataclasses.replace(store.load(), **changes))
    except StudioError as error:
        remember_trouble(part, error)
        return False
    forget_trouble(part)
    say("Saved. It holds from the next run on.")
    return True


def remember_trouble(part: str, error: StudioError) -> None:
    """Keep an error of a part of the settings until it is shown or the part is changed again."""
    st.session_state[f"trouble_{part}"] = str(error)


def forget_trouble(part: str) -> None:
    """Drop the error of a part."""
    st.session_state.pop(f"trouble_{part}", None)


def show_trouble(part: str) -> None:
    """Draw the error of a part, if there is one."""
    trouble = st.session_state.get(f"trouble_{part}")
    if trouble is not None:
        st.error(trouble)
