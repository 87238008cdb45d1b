"""One variation on a page: its picture, what tells it from the others, and what can be done with it."""

from __future__ import annotations

import streamlit as st

from studio.catalogue import Catalogue, Variation
from studio.designs.colours.colour_spaces import read_colour
from studio.ui.generate.form import form_values, source
from studio.ui.shared.design_facts import THIN_BAR_PX, swatches_html
from studio.ui.shared.favourites import draw_favourite
from studio.ui.shared.laid_out import draw_laid_out
from studio.ui.shared.navigation import GALLERY
from studio.ui.shared.notices import attempt
from studio.ui.shared.pictures import (
    TALLEST,
    download_link,
    show_caption,
    show_place,
    show_preview,
    show_variation,
    untouched_link,
)
from studio.ui.shared.woven import describe_woven

ACTIONS_HEIGHT_PX = 40
"""What the row of actions takes; left free under a picture that is still being drawn, so that nothing jumps."""


def draw_card(variation: Variation, catalogue: Catalogue, *, place: str, tallest: str | None = TALLEST) -> None:
    """Draw a finished variation on Generate. `place` tells its buttons from those of the same picture elsewhere."""
    record = variation.record
    if variation.deleted_at is not None:
        show_place("In the bin", size=(record.facts.width_px, record.facts.height_px), tallest=tallest)
        show_caption(f"Seed {record.seed}")
        st.button(
            "Bring back",
            key=f"{place}_restore_{record.id}",
            type="tertiary",
            on_click=attempt,
            args=(catalogue.restore, [record.id]),
        )
        return
    show_variation(record, tallest=tallest)
    draw_laid_out(record)
    show_caption(f"Seed {record.seed} · {record.seconds:.0f} s", link=download_link(record.id))
    if record.weaving is not None:
        if record.weaving.yarns:
            colours = [read_colour(yarn) for yarn in record.weaving.yarns]
            st.html(swatches_html(colours, record.weaving.shares or None, height_px=THIN_BAR_PX))
        show_caption(describe_woven(record), link=untouched_link(record.id))
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        draw_favourite(variation, place=place)
        st.button(
            "Vary this", key=f"{place}_vary_{record.id}", type="tertiary", on_click=_vary, args=(catalogue, record.id)
        )
        st.page_link(GALLERY, label="Open", query_params={"open": record.id})


def draw_unfinished(
    slot: int, seed: int, preview: bytes | None, *, size: tuple[int, int], tallest: str | None = TALLEST, text: str = ""
) -> None:
    """Draw a variation that is not there (yet): its preview where there is one, or an empty place of its `size`."""
    name = f"Variation {slot + 1}"
    if preview is None:
        show_place(text or name, size=size, tallest=tallest)
    else:
        show_preview(preview, alt=f"{name}, being drawn", size=size, tallest=tallest)
    show_caption(f"Seed {seed}")


def _vary(catalogue: Catalogue, variation_id: str) -> None:
    attempt(lambda: form_values.suggest_settings(source.choose_variation(catalogue, variation_id)))
    st.rerun()  # the whole page: the cards may be drawn by a part of it that redraws alone
