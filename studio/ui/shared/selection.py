"""The ticked pictures, in the order of ticking. They stay ticked across pages for one browser session."""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st

_KEY = "selected_pictures"


def selected() -> tuple[str, ...]:
    """Return the ids of the ticked pictures."""
    return tuple(st.session_state.get(_KEY, ()))


def select(variation_ids: Iterable[str]) -> None:
    """Tick these pictures and no others."""
    st.session_state[_KEY] = tuple(dict.fromkeys(variation_ids))


def drop(variation_ids: Iterable[str]) -> None:
    """Untick these pictures."""
    gone = set(variation_ids)
    select(one for one in selected() if one not in gone)


def draw_tick(variation_id: str, name: str) -> None:
    """Draw the tick box of a picture. Screen readers read `name`."""
    key = f"tick_{variation_id}"
    st.session_state[key] = variation_id in selected()
    st.checkbox(f"Select {name}", key=key, label_visibility="collapsed", on_change=_toggle, args=(variation_id, key))


def _toggle(variation_id: str, key: str) -> None:
    if st.session_state[key]:
        select((*selected(), variation_id))
    else:
        drop([variation_id])
