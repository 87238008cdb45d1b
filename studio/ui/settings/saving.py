"""Saving a changed setting at once: confirmed by a toast, errors shown in the section they belong to."""

from __future__ import annotations

import dataclasses
from typing import Any

import streamlit as st

from studio.errors import StudioError
from studio.ui.session import workspace
from studio.ui.shared.markdown import escape_markdown
from studio.ui.shared.notices import say


def save_settings(section: str, **changes: Any) -> bool:  # noqa: ANN401  # values of any field
    """Save changed fields of `StudioSettings` and return whether it worked. For callbacks.

    An error is remembered for `show_error(section)`.
    """
    store = workspace().settings
    try:
        store.save(dataclasses.replace(store.load(), **changes))
    except StudioError as error:
        remember_error(section, error)
        return False
    forget_error(section)
    say("Saved. It applies from the next run.")
    return True


def remember_error(section: str, error: StudioError) -> None:
    """Remember the error of a section until the section is changed again."""
    st.session_state[f"trouble_{section}"] = str(error)


def forget_error(section: str) -> None:
    """Forget the error of a section."""
    st.session_state.pop(f"trouble_{section}", None)


def show_error(section: str) -> None:
    """Draw the error of a section, if there is one."""
    error = st.session_state.get(f"trouble_{section}")
    if error is not None:
        st.error(escape_markdown(error))
