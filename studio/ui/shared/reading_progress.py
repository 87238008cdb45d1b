"""The progress of reading the files of an outputs folder, while the pages show what was read so far."""

from __future__ import annotations

import streamlit as st

from studio.ui.session import workspace

_POLL_SECONDS = 2.0


def draw_reading() -> None:
    """Draw how many files were read while the list of pictures is made again, and draw the page anew at its end."""
    if workspace().catalogue.reading is not None:
        st.fragment(_draw, run_every=_POLL_SECONDS)()


def _draw() -> None:
    progress = workspace().catalogue.reading
    if progress is None:
        st.rerun()
        return
    done, total = progress
    text = f"The list of pictures is made again from the files: {done} of {total} read. The newest come first."
    st.progress(min(done / max(total, 1), 1.0), text=text)
