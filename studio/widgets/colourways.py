"""The same drawing in other yarns: colourways of a design, looked at side by side and taken on with a click."""

from __future__ import annotations

import dataclasses
import io
import logging

import numpy as np
import streamlit as st
from PIL import Image

from studio.catalogue import Catalogue, Source
from studio.designs.colourways import Colourway, make_colourways
from studio.designs.export import encode_png
from studio.designs.index_map import IndexMap
from studio.errors import StudioError
from studio.session import workspace
from studio.widgets.design_facts import swatches_html
from studio.widgets.notices import attempt
from studio.widgets.pictures import show_caption, show_preview
from studio.widgets.source import choose_source, title_of
from studio.widgets.yarns import find_yarns, pick_yarns

_log = logging.getLogger(__name__)
_PREVIEW_PX = 320
_NARROWEST_PX = 150
_COUNT, _MOST = 8, 24
_OTHERS = 3
"""Designs used last whose yarns are tried too."""


def draw_colourways(source: Source) -> None:
    """Draw the button that opens the colourways of a design."""
    if st.button("Colourways", key="colourways_open", type="tertiary", icon=":material/palette:"):
        _show(source)


@st.dialog("Colourways", width="large")
def _show(source: Source) -> None:
    index_map = find_yarns(source.sha256)
    st.caption("The same drawing in other yarns, knot for knot. Yarns that you lock keep their colour.")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        count = st.number_input("Colourways", 1, _MOST, _COUNT, 1, key="colourways_count", width=120)
        locked = pick_yarns("Locked yarns", index_map, "colourways_locked")
        seed = st.session_state.setdefault("colourways_seed", 1)
        st.button("Others", icon=":material/refresh:", key="colourways_more", on_click=_turn)
    st.html(swatches_html([tuple(colour) for colour in index_map.palette.tolist()], index_map.shares().tolist()))
    found = _make(source.sha256, int(count), int(seed), locked)
    small = _shrink(index_map)
    with st.grid(4, min_column_width=_NARROWEST_PX, gap="small"):
        for number, colourway in enumerate(found):
            with st.container(gap="xsmall"):
                picture = _encode_preview(small.with_palette(colourway.palette))
                show_preview(picture, alt=colourway.title, size=(source.width_px, source.height_px), tallest="34vh")
                st.html(swatches_html([tuple(colour) for colour in colourway.palette.tolist()]))
                show_caption(colourway.title)
                with st.container(horizontal=True, gap="xsmall"):
                    if st.button(
                        "Take this",
                        key=f"colourways_take_{number}",
                        width="stretch",
                        on_click=attempt,
                        args=(_take, workspace().catalogue, source, index_map, colourway),
                    ):
                        st.rerun()  # closes the dialog
                    st.download_button(
                        "",
                        data=lambda colourway=colourway: encode_png(index_map.with_palette(colourway.palette)),
                        file_name=f"{_name(source, colourway)}.png",
                        mime="image/png",
                        icon=":material/download:",
                        help="Fetch it as an indexed PNG, one number a yarn.",
                        key=f"colourways_fetch_{number}",
                        on_click="ignore",
                    )


@st.cache_data(max_entries=64, show_spinner="Dyeing …")
def _make(sha256: str, count: int, seed: int, locked: tuple[int, ...]) -> tuple[Colourway, ...]:
    index_map = find_yarns(sha256)
    others, palettes = [], []
    for other in workspace().catalogue.sources(_OTHERS + 1):
        if other.sha256 == sha256 or len(others) == _OTHERS:
            continue
        try:
            worn = find_yarns(other.sha256)
        except StudioError as error:
            _log.warning("%s is left out of the colourways: %s", title_of(other), error)
            continue
        if len(np.unique(worn.palette[worn.used()], axis=0)) < len(index_map.used()):
            continue  # with fewer yarns than the design two of its own would become one
        others.append(other)
        palettes.append(np.ascontiguousarray(worn.palette[worn.used()]))
    made = make_colourways(index_map.palette, index_map.shares(), count, seed, locked=locked, palettes=palettes)
    named = [
        dataclasses.replace(one, title=f"After {title_of(other)}") for one, other in zip(made, others, strict=False)
    ]
    return (*named, *made[len(named) :])


def _shrink(index_map: IndexMap) -> IndexMap:
    """Return a design small enough to look at, each knot one of its own."""
    step = max(1, max(index_map.width_px, index_map.height_px) // _PREVIEW_PX)
    return index_map.with_indices(np.ascontiguousarray(index_map.indices[::step, ::step]))


def _encode_preview(index_map: IndexMap) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(index_map.pixels()).save(buffer, "WEBP", lossless=True)
    return buffer.getvalue()


def _take(catalogue: Catalogue, source: Source, index_map: IndexMap, colourway: Colourway) -> None:
    """Make a colourway the design that the next run varies; it is kept with the other designs."""
    data = encode_png(index_map.with_palette(colourway.palette))
    choose_source(catalogue.add_source(data, label=_name(source, colourway)))


def _name(source: Source, colourway: Colourway) -> str:
    return f"{title_of(source)}, {colourway.title[0].lower()}{colourway.title[1:]}"


def _turn() -> None:
    st.session_state["colourways_seed"] += 1
