"""The gallery's cards: thumbnails that open a picture, each with a star and a tick box."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import streamlit as st

from studio.catalogue.lineage import Lineage, name_designs
from studio.catalogue.records import Source, Variation
from studio.schema import VariationRecord
from studio.ui.picture_routes import thumbnail_url
from studio.ui.session import workspace
from studio.ui.shared.deletion import forget_deletion
from studio.ui.shared.facts.weaving_facts import describe_percent
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
    """Draw a card for each picture, with at most one query to the catalogue: for the names of designs."""
    st.html(_STYLE + STAR_STYLE)
    designs = _find_designs(variations)
    with st.grid(_COLUMNS_LIMIT, min_column_width=_LEAST_WIDTH_PX, gap=("medium", "small"), key="gallery_grid") as grid:
        for variation in variations:
            with grid.cell():
                _draw_frame(variation, place="card", words=_words(variation.record, designs))


def draw_run_strip(variations: Sequence[Variation], shown: str) -> None:
    """Draw a run's pictures as small thumbnails in their order. The one with the id `shown` is framed, not a button."""
    st.html(_STYLE)
    with st.grid(5, min_column_width=48, gap="xsmall", key="sisters") as grid:
        for variation in variations:
            with grid.cell():
                _draw_frame(variation, place="sister", framed=variation.id == shown)


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


def _find_designs(variations: Sequence[Variation]) -> Mapping[str, Source]:
    """Return the designs of the pictures without a prompt, by hash; their cards have the design's name instead."""
    records = [variation.record for variation in variations if not variation.record.prompt]
    hashes = {one.source for one in records} | {one.cross.source for one in records if one.cross is not None}
    return workspace().catalogue.named_sources(hashes) if hashes else {}


def _draw_frame(variation: Variation, *, place: str, words: str = "", framed: bool = False) -> None:
    """Draw a thumbnail that opens on a click anywhere on it: a transparent button covers it. `words` are HTML."""
    record = variation.record
    address = page_url(thumbnail_url(record.id))
    picture = picture_html(address, alt=describe_variation(record), size=_SHAPE, tallest=None)
    if framed:
        picture = f'<div style="outline:2px solid currentColor;outline-offset:-2px;border-radius:4px">{picture}</div>'
    with st.container(key=f"frame_{place}_{variation.id}"):
        st.html(picture + words)
        if not framed:
            st.button(
                f"Open {name_variation(record)}",
                key=f"open_{place}_{variation.id}",
                on_click=open_variation,
                args=(variation.id,),
            )
        if words:
            _draw_marks(variation)


def _words(record: VariationRecord, designs: Mapping[str, Source]) -> str:
    """Return a card's words: the prompt, or the names of the designs where there is none, then settings."""
    title = record.prompt
    if not title:
        second = None if record.cross is None else designs.get(record.cross.source)
        title = name_designs(record, Lineage(designs.get(record.source), second))
    facts = " · ".join((*_settings(record), f"seed {record.seed}"))
    return (
        f'<div class="card-words" title="{escape(title)}"><div>{escape(title)}</div>'
        f"<small>{escape(facts)}</small></div>"
    )


def _settings(record: VariationRecord) -> list[str]:
    """Return how far the picture may depart from its design, in the words of the form."""
    if record.drawing == "motifs":
        return [f"How far {describe_percent(record.change)}"]
    strength = f"Strength {record.strength:g}"
    return [strength, f"pull {describe_percent(record.pull)}"] if record.drawing == "both" else [strength]
