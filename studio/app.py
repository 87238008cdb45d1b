"""The script that Streamlit runs for every page: the frame, the navigation, and what every page shows."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from studio.widgets.navigation import make_pages

WIDGETS = Path(__file__).parent / "widgets"

page = st.navigation(make_pages(), position="top")
st.set_page_config(page_title=f"{page.title} · Carpet Diffusion Studio", page_icon=WIDGETS / "logo.svg", layout="wide")
st.logo(WIDGETS / "logo.svg", size="large")
st.html(WIDGETS / "frame.css")
page.run()
