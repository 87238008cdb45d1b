"""Script that Streamlit runs for every page: navigation, logo and styles, then the page itself."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from studio.ui.shared.navigation import make_pages

FOLDER = Path(__file__).parent

# The icon first: otherwise the browser fetches a page's icon from Google Fonts as the favicon.
st.set_page_config(page_icon=FOLDER / "logo.svg", layout="wide")
page = st.navigation(make_pages(), position="top")
st.set_page_config(page_title=f"{page.title} · Carpet Diffusion Studio")
st.logo(FOLDER / "logo.svg", size="large")
st.html(FOLDER / "frame.css")
page.run()
