"""A dataset from the gallery: favourites or ticked pictures, copied beside their designs with prompts as captions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import streamlit as st

from studio.catalogue.records import GalleryQuery
from studio.datasets.collecting import collect
from studio.errors import StudioError
from studio.ui.session import workspace
from studio.ui.shared.markdown import escape_markdown
from studio.ui.shared.navigation import GALLERY
from studio.ui.shared.notices import count_pictures
from studio.ui.shared.selection import selected

_NAME = "train_collection"
_WHICH = "train_collected"


def draw_gallery_choice(read: Callable[[Path], None]) -> None:
    """Draw what the gallery offers; `read` is called with the folder that was made of it."""
    offers = {
        "Favourites": workspace().catalogue.ids(GalleryQuery(favourites_only=True)),
        "Ticked pictures": selected(),
    }
    offers = {name: ids for name, ids in offers.items() if ids}
    if not offers:
        st.caption("Nothing is marked yet. In the gallery, star or tick the pictures that show what you want more of.")
        st.page_link(GALLERY, label="Go to the gallery", icon=":material/photo_library:")
        return
    which = st.radio(
        "Pictures of the gallery",
        list(offers),
        format_func=lambda name: f"{name}: {count_pictures(len(offers[name]))}",
        key=_WHICH,
    )
    st.session_state.setdefault(_NAME, f"Gallery {date.today().isoformat()}")
    name = st.text_input(
        "Name of the dataset",
        key=_NAME,
        help="The pictures are copied into a folder of this name, in “datasets” of the outputs folder, beside the "
        "designs that they were made from. Their prompts become their captions.",
        persist_state="session",
    )
    if st.button("Take these pictures", key="train_collect", disabled=not (name or "").strip()):
        _collect(offers[which], name or "", read)


def _collect(ids: tuple[str, ...], name: str, read: Callable[[Path], None]) -> None:
    bar = st.progress(0.0, text="Copying the pictures")

    def show(done: int, total: int) -> None:
        bar.progress(done / max(total, 1), text=f"Copying the pictures: {done} of {total}")

    try:
        folder = collect(workspace().catalogue, ids, workspace().outputs / "datasets", name.strip(), progress=show)
    except StudioError as error:
        bar.empty()
        st.error(escape_markdown(error))
        return
    read(folder)
    st.rerun()
