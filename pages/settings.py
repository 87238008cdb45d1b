"""Settings: model, adapter, memory, and what is stored. Each change is kept at once."""

from __future__ import annotations

import streamlit as st

from studio.errors import StudioError
from studio.session import access_token_present, hardware, workspace
from studio.widgets.notices import show_notices
from studio.widgets.settings_adapter import draw_adapter
from studio.widgets.settings_memory import draw_hardware, draw_idle, draw_memory_now, draw_profile
from studio.widgets.settings_model import draw_model
from studio.widgets.settings_storage import draw_storage

st.title("Settings")
show_notices()
st.caption("Each change is kept at once and holds from the next run on. Nothing needs a restart.")
try:
    settings = workspace().settings.load()
    computer = hardware()
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Model")
        draw_model(settings, computer)
        token = "found" if access_token_present() else "none found"
        st.caption(f"Hugging Face token: {token}. Only the models of Stable Diffusion 3.5 need one.")
        st.subheader("Adapter")
        draw_adapter(settings)
        st.subheader("Memory profile")
        draw_profile(settings, computer)
    with right:
        st.subheader("This computer")
        draw_hardware(computer)
        st.subheader("Memory")
        draw_memory_now()
        draw_idle(settings)
        st.subheader("Storage")
        draw_storage()
except StudioError as error:
    st.error(str(error))
