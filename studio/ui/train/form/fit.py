"""What fits, told before the start: the memory and the time that a training takes on this computer."""

from __future__ import annotations

import streamlit as st

from studio.adapter_training.forecast import Forecast
from studio.ui.shared.markdown import escape_markdown


def draw_fit(found: Forecast) -> None:
    """Draw the forecast, as a warning where the card is too small."""
    text = "  \n".join(escape_markdown(line) for line in found.lines)
    if found.fit == "too large":
        st.warning(escape_markdown(" ".join(found.lines)), title="The card is too small", icon=":material/memory_alt:")
    elif found.fit == "tight":
        st.warning(escape_markdown(" ".join(found.lines)), title="It is tight", icon=":material/memory_alt:")
    else:
        with st.container(border=True, key="train_fit"):
            st.markdown(text)
