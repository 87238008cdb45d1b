"""The Colourways dialog: the current design in other palettes, each of which can become a design or a file."""

from __future__ import annotations

import dataclasses
import functools
import io
import logging
from itertools import islice

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from studio.catalogue import Catalogue, Source
from studio.designs.colours.colourways import Colourway, make_colourways
from studio.designs.files.density import Density
from studio.designs.files.export import encode_png
from studio.designs.index_map import IndexMap
from studio.errors import StudioError
from studio.ui.generate.form.design_change import drop_sample_prompt
from studio.ui.generate.form.source import choose_source
from studio.ui.generate.form.yarns import find_yarns, pick_yarns, tell_yarns
from studio.ui.session import workspace
from studio.ui.shared.facts.design_facts import find_density, swatches_html
from studio.ui.shared.notices import attempt
from studio.ui.shared.pictures import show_caption, show_preview, title_of

_log = logging.getLogger(__name__)
_PREVIEW_PX = 320
_NARROWEST_PX = 150
_DEFAULT_COUNT, _COUNT_LIMIT = 8, 24
_OFFERED, _PRESELECTED = 40, 3
"""Recently used designs that are offered for their yarns, and how many of them are selected at first."""


def draw_colourways(source: Source) -> None:
    """Draw the button that opens the dialog."""
    if st.button("Colourways", key="colourways_open", type="tertiary", icon=":material/palette:"):
        _draw_dialog(source)


@st.dialog("Colourways", width="large")
def _draw_dialog(source: Source) -> None:
    index_map = tell_yarns(source.sha256)
    if index_map is None:
        return
    st.caption("The same drawing in other yarns, knot for knot. Yarns that you lock keep their colour.")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        count = st.number_input("Colourways", 1, _COUNT_LIMIT, _DEFAULT_COUNT, 1, key="colourways_count", width=120)
        locked = pick_yarns("Locked yarns", index_map, "colourways_locked")
        seed = st.session_state.setdefault("colourways_seed", 1)
        st.button("Show others", icon=":material/refresh:", key="colourways_more", on_click=_change_seed)
    designs = _pick_designs(source)
    st.html(swatches_html([tuple(colour) for colour in index_map.palette.tolist()], index_map.shares().tolist()))
    if len(locked) == len(index_map.used()):
        st.info("Every yarn is locked, so no colour can change. Unlock at least one.", icon=":material/lock:")
        return
    usable, reasons = _select_usable(designs, len(index_map.used()) - len(locked), int(count))
    for reason in reasons:
        show_caption(reason)
    made = _make(source.sha256, int(count), int(seed), locked, usable)
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
                        help="Makes this colourway the design to vary. It is kept with your other designs.",
                        on_click=_take,
                        args=(workspace().catalogue, source, index_map, colourway),
                    ):
                        st.rerun()  # closes the dialog
                    st.download_button(
                        "",
                        data=functools.partial(_encode, index_map, colourway, find_density(source.sha256)),
                        file_name=f"{_name(source, colourway)}.png",
                        mime="image/png",
                        icon=":material/download:",
                        help="Download it as an indexed PNG, one number per yarn.",
                        key=f"colourways_fetch_{number}",
                        on_click="ignore",
                    )


def _pick_designs(source: Source) -> tuple[Source, ...]:
    """Draw a multiple choice of the other designs; return those to take yarns from."""
    offered = {one.sha256: one for one in workspace().catalogue.sources(_OFFERED + 1) if one.sha256 != source.sha256}
    if not offered:
        return ()
    chosen = st.multiselect(
        "Yarns from other designs",
        list(offered),
        default=list(islice((sha256 for sha256 in offered if _differs(sha256, source.sha256)), _PRESELECTED)),
        format_func=lambda sha256: title_of(offered[sha256]),
        key=f"colourways_after_{source.sha256}",
        placeholder="Choose other designs",
        help="The first colourways take their yarns from these designs, one design each; the others follow colour "
        "harmonies.",
    )
    return tuple(offered[sha256] for sha256 in chosen)


def _differs(sha256: str, other: str) -> bool:
    """Return whether two designs use different colours; True if one cannot be read, which `_select_usable` reports."""
    try:
        return not np.array_equal(_find_colours(sha256), _find_colours(other))
    except StudioError:
        return True


def _select_usable(designs: tuple[Source, ...], needed: int, count: int) -> tuple[tuple[str, ...], list[str]]:
    """Return the SHA-256 of at most `count` designs with `needed` yarns, and a sentence on each of the others."""
    usable: list[str] = []
    reasons: list[str] = []
    for design in designs:
        try:
            yarns = len(_find_colours(design.sha256))
        except StudioError as error:
            _log.warning("%s is left out of the colourways: %s", title_of(design), error)
            why = "its file cannot be read"
        else:
            if yarns < needed:  # two of the design's unlocked yarns would become one
                why = f"{needed} yarns are needed, and it has {yarns}"
            elif len(usable) == count:
                why = f"{count} colourways are shown, and the designs before it fill them"
            else:
                usable.append(design.sha256)
                continue
        reasons.append(f"“{title_of(design)}” is left out: {why}.")
    return tuple(usable), reasons


@st.cache_data(max_entries=128, show_spinner=False)
def _find_colours(sha256: str) -> NDArray[np.uint8]:
    """Return the distinct colours (n, 3) that a design uses, as RGB."""
    index_map = find_yarns(sha256)
    return np.unique(index_map.palette[index_map.used()], axis=0)


@st.cache_data(max_entries=64, show_spinner="Making the colourways …")
def _make(
    sha256: str, count: int, seed: int, locked: tuple[int, ...], others: tuple[str, ...]
) -> tuple[Colourway, ...]:
    """Return `count` colourways of a design; the first ones are in the yarns of `others` and named after them."""
    index_map = find_yarns(sha256)
    palettes = [_find_colours(other) for other in others]
    made = make_colourways(index_map.palette, index_map.shares(), count, seed, locked=locked, palettes=palettes)
    titles = [title_of(workspace().catalogue.source(other)) for other in others]
    named = [dataclasses.replace(one, title=f"After {title}") for one, title in zip(made, titles, strict=False)]
    return (*named, *made[len(named) :])


def _shrink(index_map: IndexMap) -> IndexMap:
    """Return a design subsampled for a preview; without interpolation, so that every pixel is a yarn of the design."""
    step = max(1, max(index_map.width_px, index_map.height_px) // _PREVIEW_PX)
    return index_map.with_indices(np.ascontiguousarray(index_map.indices[::step, ::step]))


def _encode_preview(index_map: IndexMap) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(index_map.pixels()).save(buffer, "WEBP", lossless=True)
    return buffer.getvalue()


def _take(catalogue: Catalogue, source: Source, index_map: IndexMap, colourway: Colourway) -> None:
    """Add a colourway to the designs and make it the current one."""
    label = _name(source, colourway)

    def take() -> None:
        data = _encode(index_map, colourway, find_density(source.sha256))
        choose_source(catalogue.add_source(data, label=label), akin=True)
        drop_sample_prompt()  # its colour words are those of the other yarns

    attempt(take)


def _encode(index_map: IndexMap, colourway: Colourway, density: Density | None) -> bytes:
    return encode_png(index_map.with_palette(colourway.palette), density)


def _name(source: Source, colourway: Colourway) -> str:
    return f"{title_of(source)}, {colourway.title[0].lower()}{colourway.title[1:]}"


def _change_seed() -> None:
    st.session_state["colourways_seed"] += 1
