"""The card of a variation in a run: its picture, its facts and its actions."""

from __future__ import annotations

import streamlit as st

from studio.catalogue import Catalogue, Variation
from studio.designs.colours.colour_spaces import read_colour
from studio.schema import JobSnapshot
from studio.ui.generate.form import form_values, source
from studio.ui.generate.run_words import describe_progress, describe_way
from studio.ui.shared.facts.design_facts import THIN_BAR_PX, swatches_html
from studio.ui.shared.facts.first_design import describe_from_first
from studio.ui.shared.facts.weaving_facts import describe_woven, explain_seams
from studio.ui.shared.favourites import draw_favourite
from studio.ui.shared.markdown import escape_markdown
from studio.ui.shared.navigation import GALLERY
from studio.ui.shared.notices import attempt
from studio.ui.shared.pictures import (
    download_link,
    show_caption,
    show_place,
    show_preview,
    show_variation,
    untouched_link,
)
from studio.ui.shared.repeat_preview import draw_laid_out

ACTIONS_HEIGHT_PX = 40
"""Height of the row of actions; left free under an unfinished picture, so that the layout does not jump."""


def draw_card(variation: Variation, catalogue: Catalogue) -> None:
    """Draw a finished variation, or an empty place when it is in the bin."""
    record = variation.record
    if variation.deleted_at is not None:
        show_place("In the bin", size=(record.facts.width_px, record.facts.height_px))
        show_caption(f"Seed {record.seed}")
        st.button(
            "Restore",
            key=f"run_restore_{record.id}",
            type="tertiary",
            on_click=_restore,
            args=(catalogue, record.id),
        )
        return
    show_variation(record)
    draw_laid_out(record)
    show_caption(
        f"{describe_way(record)} · seed {record.seed} · {record.seconds:.0f}\N{NO-BREAK SPACE}s",
        link=download_link(record.id),
    )
    if record.weaving is not None:
        if record.weaving.yarns:
            colours = [read_colour(yarn) for yarn in record.weaving.yarns]
            st.html(swatches_html(colours, record.weaving.shares or None, height_px=THIN_BAR_PX))
        words = " · ".join(part for part in (describe_woven(record), describe_from_first(record)) if part)
        show_caption(words, link=untouched_link(record), help_text=explain_seams(record))
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        draw_favourite(variation, place="run")
        st.button(
            "Vary this", key=f"run_vary_{record.id}", type="tertiary", on_click=_vary, args=(catalogue, record.id)
        )
        st.page_link(GALLERY, label="Open", query_params={"open": record.id})


def draw_unfinished(slot: int, seed: int, preview: bytes | None, *, size: tuple[int, int], text: str = "") -> None:
    """Draw an unfinished variation: its preview, or an empty place of its `size` (width, height) with `text` in it."""
    name = f"Variation {slot + 1}"
    if preview is None:
        show_place(text or name, size=size)
    else:
        show_preview(preview, alt=f"{name}, being drawn", size=size)
    show_caption(f"Seed {seed}")


def draw_progress(job: JobSnapshot) -> None:
    """Draw the progress bar of a run or redraw that is not over."""
    st.progress(min(job.step / job.steps, 1.0) if job.steps else 0.0, text=escape_markdown(describe_progress(job)))


def _restore(catalogue: Catalogue, variation_id: str) -> None:
    attempt(catalogue.restore, [variation_id])


def _vary(catalogue: Catalogue, variation_id: str) -> None:
    attempt(lambda: form_values.suggest_settings(source.choose_variation(catalogue, variation_id)))
    st.rerun()  # the whole page: a fragment may have drawn this card
