"""The same drawing in other yarns: colourways of a design, looked at side by side and taken on with a click."""

from __future__ import annotations

import dataclasses
import io
import logging
from itertools import islice

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from studio.catalogue import Catalogue, Source
from studio.designs.colours.colourways import Colourway, make_colourways
from studio.designs.files.export import encode_png
from studio.designs.index_map import IndexMap
from studio.errors import StudioError
from studio.ui.generate.form.source import choose_source
from studio.ui.generate.form.yarns import find_yarns, pick_yarns
from studio.ui.session import workspace
from studio.ui.shared.design_facts import swatches_html
from studio.ui.shared.notices import attempt
from studio.ui.shared.pictures import show_caption, show_preview, title_of

_log = logging.getLogger(__name__)
_PREVIEW_PX = 320
_NARROWEST_PX = 150
_COUNT, _MOST = 8, 24
_OFFERED, _TRIED = 40, 3
"""How many of the designs used last are offered for their yarns, and how many of them are tried before one chooses."""


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
    after = _pick_designs(source)
    st.html(swatches_html([tuple(colour) for colour in index_map.palette.tolist()], index_map.shares().tolist()))
    if len(locked) == len(index_map.used()):
        st.info("Every yarn is locked, so no other colour is left to try. Unlock at least one.", icon=":material/lock:")
        return
    worn, left_out = _sort_out(after, len(index_map.used()) - len(locked), int(count))
    for why in left_out:
        show_caption(why)
    made = _make(source.sha256, int(count), int(seed), locked, worn)
    small = _shrink(index_map)
    with st.grid(4, min_column_width=_NARROWEST_PX, gap="small"):
        for number, colourway in enumerate(made):
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


def _pick_designs(source: Source) -> tuple[Source, ...]:
    """Draw a choice among the other designs; returns those whose yarns are to be tried."""
    offered = {one.sha256: one for one in workspace().catalogue.sources(_OFFERED + 1) if one.sha256 != source.sha256}
    if not offered:
        return ()
    chosen = st.multiselect(
        "In the yarns of",
        list(offered),
        default=list(islice((sha256 for sha256 in offered if _differs(sha256, source.sha256)), _TRIED)),
        format_func=lambda sha256: title_of(offered[sha256]),
        key=f"colourways_after_{source.sha256}",
        placeholder="Choose other designs",
        help="The first colourways take their colours from these designs, one each; the others follow harmonies.",
    )
    return tuple(offered[sha256] for sha256 in chosen)


def _differs(sha256: str, other: str) -> bool:
    """Whether two designs wear different yarns. One that cannot be read may: it is tried, and its reason told."""
    try:
        return not np.array_equal(_find_colours(sha256), _find_colours(other))
    except StudioError:
        return True


def _sort_out(designs: tuple[Source, ...], needed: int, count: int) -> tuple[tuple[str, ...], list[str]]:
    """Return the SHA-256 of the designs whose yarns can be worn, and a sentence on each of the others."""
    worn, left_out = [], []
    for design in designs:
        try:
            yarns = len(_find_colours(design.sha256))
        except StudioError as error:
            _log.warning("%s is left out of the colourways: %s", title_of(design), error)
            why = "its file cannot be read"
        else:
            if yarns < needed:  # two of the design's own would become one; locked ones keep theirs
                why = f"{needed} yarns are needed, and it has {yarns}"
            elif len(worn) == count:
                why = f"{count} colourways are asked for, and the designs before it fill them"
            else:
                worn.append(design.sha256)
                continue
        left_out.append(f"“{title_of(design)}” is left out: {why}.")
    return tuple(worn), left_out


@st.cache_data(max_entries=128, show_spinner=False)
def _find_colours(sha256: str) -> NDArray[np.uint8]:
    """Return the different colours (n, 3) that a design wears."""
    index_map = find_yarns(sha256)
    return np.unique(index_map.palette[index_map.used()], axis=0)


@st.cache_data(max_entries=64, show_spinner="Dyeing …")
def _make(sha256: str, count: int, seed: int, locked: tuple[int, ...], worn: tuple[str, ...]) -> tuple[Colourway, ...]:
    index_map = find_yarns(sha256)
    palettes = [_find_colours(other) for other in worn]
    made = make_colourways(index_map.palette, index_map.shares(), count, seed, locked=locked, palettes=palettes)
    titles = [title_of(workspace().catalogue.source(other)) for other in worn]
    named = [dataclasses.replace(one, title=f"After {title}") for one, title in zip(made, titles, strict=False)]
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
