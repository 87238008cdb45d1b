"""Settings page: model, adapter, memory and storage. Each change is saved at once."""

from __future__ import annotations

import streamlit as st

from studio.errors import StudioError
from studio.ui.session import access_token_present, hardware, workspace
from studio.ui.settings.adapter import draw_adapter
from studio.ui.settings.memory import draw_hardware, draw_idle_minutes, draw_memory_use, draw_profile
from studio.ui.settings.model import draw_model
from studio.ui.settings.storage import draw_storage
from studio.ui.shared.markdown import escape_markdown
from studio.ui.shared.notices import show_notices

st.title("Settings")
show_notices()
st.caption("Each change is saved at once and applies from the next run. No restart is needed.")
try:
    settings = workspace().settings.load()
    computer = hardware()
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Model")
        draw_model(settings, computer)
        token = "found" if access_token_present() else "none found"
        st.caption(f"Hugging Face token: {token}. Only the Stable Diffusion 3.5 models need one.")
        st.subheader("Adapter")
        draw_adapter(settings)
        st.subheader("Memory profile")
        draw_profile(settings, computer)
    with right:
        st.subheader("This computer")
        draw_hardware(computer)
        st.subheader("Memory")
        draw_memory_use()
        draw_idle_minutes(settings)
        st.subheader("Storage")
        draw_storage()
except StudioError as error:
    st.error(escape_markdown(error))
