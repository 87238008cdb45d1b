"""The gallery's cards: thumbnails that open a picture, each with a star and a tick box."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st

from studio.catalogue.records import Variation
from studio.schema import VariationRecord
from studio.ui.picture_routes import thumbnail_url
from studio.ui.shared.deletion import forget_deletion
from studio.ui.shared.favourites import STAR_STYLE, draw_favourite
from studio.ui.shared.links import change_address
from studio.ui.shared.pictures import describe_variation, page_url, picture_html
from studio.ui.shared.selection import draw_tick

_COLUMNS_LIMIT = 6
_LEAST_WIDTH_PX = 158
"""Lets two cards stand side by side on a phone 360 px wide."""
_SHAPE = (4, 5)
"""Width to height of every card's frame, so that rows stay even; the picture is shown whole in it."""

_STYLE = """<style>
[class*="st-key-frame_"] { position: relative; gap: 0; }
[class*="st-key-frame_"] [class*="st-key-open_"] { position: absolute; inset: 0; width: auto !important; height: auto;
  z-index: 1; }
[class*="st-key-frame_"] [class*="st-key-open_"] * { position: static; }
[class*="st-key-frame_"] [class*="st-key-open_"] button { position: absolute; inset: 0; width: 100%; height: 100%;
  overflow: hidden; opacity: 0; cursor: pointer; }
[class*="st-key-frame_"]:has([class*="st-key-open_"] button:focus-visible) { outline: 2px solid currentColor;
  outline-offset: 3px; border-radius: 4px; }
[class*="st-key-frame_"] img { transition: filter 120ms; }
[class*="st-key-frame_"]:has([class*="st-key-open_"] button:hover) img { filter: brightness(1.07); }
[class*="st-key-marks_"] { position: absolute; inset: 0.4rem 0.4rem auto 0.4rem; width: auto !important; z-index: 2;
  pointer-events: none; }
[class*="st-key-marks_"] [class*="st-key-tick_"], [class*="st-key-marks_"] button { pointer-events: auto;
  background: color-mix(in srgb, Canvas 90%, transparent) !important; border: none; border-radius: 0.5rem; }
[class*="st-key-marks_"] [class*="st-key-tick_"] { padding: 0.25rem 0.45rem; }
[class*="st-key-marks_"] button { min-height: 2rem; padding: 0 0.45rem; }
.card-words { margin-top: 0.45rem; font-size: 0.85rem; line-height: 1.35; }
.card-words div { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; overflow: hidden;
  min-height: 2.7em; overflow-wrap: anywhere; }
.card-words small { display: block; margin-top: 0.15rem; font-size: 0.78rem; opacity: 0.7; white-space: nowrap;
  overflow: hidden; text-overflow: ellipsis; font-variant-numeric: tabular-nums; }
</style>"""


def name_variation(record: VariationRecord) -> str:
    """Return a short name that distinguishes a picture from the others of its run."""
    return f"variation {record.slot + 1}, seed {record.seed}"


def open_variation(variation_id: str) -> None:
    """Open a picture in the viewer. For callbacks."""
    forget_deletion()
    change_address(open=variation_id)


def draw_grid(variations: Sequence[Variation]) -> None:
    """Draw a card for each picture, without a query to the catalogue."""
    st.html(_STYLE + STAR_STYLE)
    with st.grid(_COLUMNS_LIMIT, min_column_width=_LEAST_WIDTH_PX, gap=("medium", "small"), key="gallery_grid") as grid:
        for variation in variations:
            with grid.cell():
                _draw_frame(variation, place="card", words=True)


def draw_run_strip(variations: Sequence[Variation], shown: str) -> None:
    """Draw a run's pictures as small thumbnails in their order. The one with the id `shown` is framed, not a button."""
    st.html(_STYLE)
    with st.grid(5, min_column_width=48, gap="xsmall", key="sisters") as grid:
        for variation in variations:
            with grid.cell():
                _draw_frame(variation, place="sister", words=False, framed=variation.id == shown)


def _draw_marks(variation: Variation) -> None:
    """Draw the tick box and the star over the upper corners of a picture."""
    with st.container(
        horizontal=True,
        horizontal_alignment="distribute",
        vertical_alignment="center",
        key=f"marks_{variation.id}",
    ):
        draw_tick(variation.id, name_variation(variation.record))
        draw_favourite(variation)


def _draw_frame(variation: Variation, *, place: str, words: bool, framed: bool = False) -> None:
    """Draw a thumbnail that opens on a click anywhere on it: a transparent button covers it."""
    record = variation.record
    address = page_url(thumbnail_url(record.id))
    picture = picture_html(address, alt=describe_variation(record), size=_SHAPE, tallest=None)
    if framed:
        picture = f'<div style="outline:2px solid currentColor;outline-offset:-2px;border-radius:4px">{picture}</div>'
    with st.container(key=f"frame_{place}_{variation.id}"):
        st.html(picture + _words(record) if words else picture)
        if not framed:
            st.button(
                f"Open {name_variation(record)}",
                key=f"open_{place}_{variation.id}",
                on_click=open_variation,
                args=(variation.id,),
            )
        if words:
            _draw_marks(variation)


def _words(record: VariationRecord) -> str:
    far = f"Change {record.change:g}" if record.drawing == "motifs" else f"Strength {record.strength:g}"
    facts = f"{far} · seed {record.seed}"
    return (
        f'<div class="card-words" title="{escape(record.prompt)}"><div>{escape(record.prompt)}</div>'
        f"<small>{escape(facts)}</small></div>"
    )
