"""The form's widgets. Their values survive reruns and visits to other pages."""

from __future__ import annotations

import numpy as np
import streamlit as st

from studio.catalogue import Source
from studio.designs.colours.colour_words import find_missing_words
from studio.models.registry import ModelEntry
from studio.schema import (
    COUNT_LIMIT,
    GUIDANCE_LIMIT,
    SEED_LIMIT,
    STEPS_LIMIT,
    seeds_from,
)
from studio.settings_store import StudioSettings
from studio.ui.generate.form.constraints import draw_constraints, keeps_yarns
from studio.ui.generate.form.cross import draw_cross, draw_unused_cross
from studio.ui.generate.form.drawing import draw_drawing
from studio.ui.generate.form.form_values import (
    FRESH,
    LOCKED,
    drop_notice,
    key_of,
    present_notice,
    read_form,
    undo_change,
)
from studio.ui.generate.form.model import draw_adapter
from studio.ui.generate.form.named_yarns import offer_named_colourway
from studio.ui.shared.facts.design_facts import find_facts
from studio.ui.shared.markdown import escape_markdown

_FIELD_PX = 136
"""Least width of a field; two fields stand side by side where the column has twice this width."""


def draw_notice() -> None:
    """Draw the notice on the last change of the form, with buttons to undo or keep it."""
    notice = present_notice()
    if notice is None:
        return
    with st.container(border=True, gap="xsmall"):
        st.caption(escape_markdown(notice))
        with st.container(horizontal=True, gap="medium"):
            st.button("Undo", key="form_undo", type="tertiary", icon=":material/undo:", on_click=undo_change)
            st.button("Keep", key="form_accept", type="tertiary", icon=":material/check:", on_click=drop_notice)


def draw_form(entry: ModelEntry, settings: StudioSettings, design: Source | None) -> None:
    """Draw the form; `design` is None while none is chosen."""
    st.text_area(
        "Prompt",
        key=key_of("prompt"),
        height=92,
        placeholder="Persian medallion carpet, navy field, ivory border",
        help="Describe the carpet that the model should draw: kind, motifs, colours, border. It also helps to name "
        "what the design already has. Motifs alone take the colour words only.",
        persist_state="session",
    )
    _draw_use_of_prompt(design)
    _draw_colour_hint(design)
    drawing = draw_drawing(entry, design)
    if settings.adapter_folder is not None and drawing != "motifs":
        draw_adapter(settings.adapter_folder)
    _draw_seeds()
    if drawing == "motifs":
        draw_cross(design)
    else:
        draw_unused_cross()
        _draw_fine_settings(entry)
    draw_constraints(design)


def _draw_use_of_prompt(design: Source | None) -> None:
    """Say what the prompt does where no model reads it."""
    values = read_form()
    if values.drawing != "motifs":
        return
    if design is not None and keeps_yarns(values.palette, find_facts(design.sha256)):
        st.caption(
            "Motifs keep the design’s yarns, whatever the prompt says; with new or free yarns its colour words "
            "choose the colours."
        )
    else:
        st.caption("Motifs take only the colour words of the prompt, for yarns that are new or free.")


def _draw_colour_hint(design: Source | None) -> None:
    """Warn when the yarns are kept and the prompt names a colour that none of them has."""
    values = read_form()
    facts = None if design is None else find_facts(design.sha256)
    if design is None or facts is None or not keeps_yarns(values.palette, facts):
        return
    worn = [colour for colour, share in zip(facts.palette, facts.shares, strict=True) if share > 0]
    if missing := find_missing_words(values.prompt, np.array(worn, np.uint8)):
        st.caption(f":material/info: The design’s yarns are kept, and none is {missing[0]}.")
        offer_named_colourway(design, values.prompt)


def _draw_fine_settings(entry: ModelEntry) -> None:
    """Draw the rarely used settings in an expander; its title sums them up."""
    values, title = read_form(), escape_markdown(entry.title)
    words = [f"{values.steps} step{'' if values.steps == 1 else 's'}", f"guidance {values.guidance_scale:g}"]
    if values.guidance_scale > 1 and values.negative_prompt.strip():
        words.append("negative prompt")
    with st.expander(f"Fine settings · {', '.join(words)}", key="form_fine"):
        with st.grid(2, min_column_width=_FIELD_PX, gap="small") as pair:
            with pair.cell():
                st.number_input(
                    "Steps",
                    min_value=1,
                    max_value=STEPS_LIMIT,
                    step=1,
                    key=key_of("steps"),
                    help="More steps draw finer and take longer. "
                    f"{title} is at its best around {entry.defaults.steps}.",
                    persist_state="session",
                )
            with pair.cell():
                st.number_input(
                    "Guidance scale",
                    min_value=0.0,
                    max_value=GUIDANCE_LIMIT,
                    step=0.5,
                    format="%.1f",
                    key=key_of("guidance_scale"),
                    help="How closely the picture follows the prompt. Above 1 each step is drawn twice, with and "
                    f"without it. {title} is at its best around {entry.defaults.guidance_scale:g}.",
                    persist_state="session",
                )
        _draw_negative_prompt()


def _draw_negative_prompt() -> None:
    values = read_form()
    guided = values.guidance_scale > 1
    st.text_area(
        "Negative prompt",
        key=key_of("negative_prompt"),
        height=68,
        placeholder="blurred, text, people",
        disabled=not guided,
        help="What the picture should not show.",
        persist_state="session",
    )
    if not guided:
        st.caption(
            f"Not used at a guidance scale of {values.guidance_scale:g}: the model follows the prompt alone. "
            "Set the guidance scale above 1 to use it."
        )


def _draw_seeds() -> None:
    pair = st.grid(2, min_column_width=_FIELD_PX, gap="small")
    with pair.cell():
        st.number_input(
            "Variations", min_value=1, max_value=COUNT_LIMIT, step=1, key=key_of("count"), persist_state="session"
        )
    with pair.cell():
        st.segmented_control(
            "Seed",
            [FRESH, LOCKED],
            key=key_of("seed_mode"),
            required=True,
            width="stretch",
            help="The number that a picture starts from. The same seed with the same settings gives the same picture: "
            "lock it to see what one setting changes. Fresh takes new seeds for each run.",
            persist_state="session",
        )
    values = read_form()
    if values.seed_mode == LOCKED:
        seeds = seeds_from(values.seed, max(values.count, 1))
        st.number_input(
            "First seed" if len(seeds) > 1 else "Seed number",
            min_value=0,
            max_value=SEED_LIMIT - 1,
            step=1,
            key=key_of("seed"),
            help=f"The variations get the seeds {seeds[0]} to {seeds[-1]}." if len(seeds) > 1 else None,
            persist_state="session",
        )
