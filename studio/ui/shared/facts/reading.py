"""The progress of a reading on a page, which is drawn anew at its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from studio.jobs.reading import Reading, ReadingProgress

_POLL_SECONDS = 0.5


def draw_reading_of(reading: Reading[Any], key: str, cancel: Callable[[], None] | None = None) -> None:
    """Draw what a reading is at and the time left, with a button that calls `cancel`; the whole page at its end."""
    st.fragment(_draw, run_every=_POLL_SECONDS)(reading, key, cancel)


def describe_reading(progress: ReadingProgress) -> str:
    """Return a line such as “Finding the yarns · about 3 s left”, in which the time is left out where not known."""
    if progress.seconds_left is None:
        return f"{progress.stage} …"
    return f"{progress.stage} · about {max(round(progress.seconds_left), 1)} s left"


def _draw(reading: Reading[Any], key: str, cancel: Callable[[], None] | None) -> None:
    if reading.over:
        st.rerun()
    progress = reading.progress()
    text = f":material/hourglass_empty: {describe_reading(progress)}"
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=key):
        if progress.share is None:
            st.caption(text, width="stretch")
        else:
            st.progress(progress.share, text=text, width="stretch")
        if cancel is not None and st.button("Cancel", key=f"{key}_cancel"):
            cancel()
            st.rerun()
