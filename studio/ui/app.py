"""Script that Streamlit runs for every page: navigation, logo and styles, then the page itself."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from studio.ui.shared.navigation import make_pages

FOLDER = Path(__file__).parent

page = st.navigation(make_pages(), position="top")
st.set_page_config(page_title=f"{page.title} · Carpet Diffusion Studio", page_icon=FOLDER / "logo.svg", layout="wide")
st.logo(FOLDER / "logo.svg", size="large")
st.html(FOLDER / "frame.css")
page.run()
