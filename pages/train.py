"""Train page: an adapter taught from a folder of designs; earlier trainings and what came of them."""

from __future__ import annotations

import streamlit as st

from studio.ui.shared.notices import show_notices

st.title("Train")
show_notices()
