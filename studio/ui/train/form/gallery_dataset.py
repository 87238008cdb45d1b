"""A dataset from the gallery: the favourites, copied with their prompts as captions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from studio.catalogue.records import GalleryQuery
from studio.ui.session import workspace
from studio.ui.shared.navigation import GALLERY
from studio.ui.shared.notices import count_pictures


def draw_gallery_choice(read: Callable[[Path], None]) -> None:
    """Draw what the gallery offers; `read` is called with the folder of what was taken from it."""
    favourites = workspace().catalogue.ids(GalleryQuery(favourites_only=True))
    if not favourites:
        st.caption("There are no favourites yet. Star the pictures in the gallery that show what you want more of.")
        st.page_link(GALLERY, label="Go to the gallery", icon=":material/photo_library:")
        return
    st.caption(f"{count_pictures(len(favourites))} with a star, each with its prompt as its caption.")
