"""The form's widgets. Their values survive reruns and visits to other pages."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import streamlit as st

from studio.catalogue import Source
from studio.designs.colours.colour_words import find_missing_words
from studio.models.registry import ModelEntry
from studio.schema import (
    ADAPTER_WEIGHT_LIMIT,
    COUNT_LIMIT,
    GUIDANCE_LIMIT,
    LEAST_CHANGE,
    MOST_CHANGE,
    SEED_LIMIT,
    STEPS_LIMIT,
    effective_steps,
    seeds_from,
)
from studio.settings_store import StudioSettings
from studio.ui.generate.form.constraints import draw_constraints, keeps_yarns
from studio.ui.generate.form.cross import draw_cross
from studio.ui.generate.form.form_values import (
    CHANGE_PRESET_KEY,
    CHANGES,
    FRESH,
    LOCKED,
    PRESET_KEY,
    drop_notice,
    key_of,
    present_notice,
    preset_of,
    presets,
    read_form,
    undo_change,
)
from studio.ui.generate.form.named_yarns import offer_named_colourway
from studio.ui.shared.design_facts import find_facts

_DRAWINGS = {"motifs": "Motifs", "model": "Model", "both": "Both"}
_ABOUT_DRAWING = {
    "motifs": "The design is drawn anew from its own motifs, in its own yarns: every line can be woven.",
    "model": "{model} draws, and its picture is woven afterwards.",
    "both": "{model} draws and leads; its picture is drawn anew in the design’s own motifs.",
}
_FIELD_PX = 136
"""Least width of a field; two fields stand side by side where the column has twice this width."""


def draw_notice() -> None:
    """Draw the notice on the last change of the form, with buttons to undo or keep it."""
    notice = present_notice()
    if notice is None:
        return
    with st.container(border=True, gap="xsmall"):
        st.caption(notice)
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
        help="Describe the carpet you want: kind, motifs, colours, border. It also helps to name what the design "
        "already has.",
        persist_state="session",
    )
    _draw_colour_hint(design)
    drawing = _draw_drawing(entry)
    if drawing != "model":
        _draw_change()
    if drawing == "both":
        _draw_pull()
    if drawing != "motifs":
        _draw_strength()
    if settings.adapter_folder is not None and drawing != "motifs":
        st.slider(
            f"Adapter: {Path(settings.adapter_folder).resolve().name}",
            min_value=0.0,
            max_value=ADAPTER_WEIGHT_LIMIT,
            step=0.05,
            key=key_of("adapter_weight"),
            help="How strongly the adapter chosen in Settings acts: 0 not at all, 1 as it was trained.",
            persist_state="session",
        )
    _draw_seeds()
    if drawing == "motifs":
        draw_cross(design)
    else:
        _draw_fine_settings(entry)
    draw_constraints(design)


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
    values = read_form()
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
                    f"{entry.title} is at its best around {entry.defaults.steps}.",
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
                    f"without it. {entry.title} is at its best around {entry.defaults.guidance_scale:g}.",
                    persist_state="session",
                )
        _draw_negative_prompt()


def _draw_drawing(entry: ModelEntry) -> str:
    """Draw the choice of who draws, and return it."""
    st.segmented_control(
        "Drawn from",
        list(_DRAWINGS),
        format_func=_DRAWINGS.__getitem__,
        key=key_of("drawing"),
        required=True,
        width="stretch",
        help="Motifs puts the design’s own motifs together anew, coarse to fine. Model draws a new picture from design "
        "and prompt. Both lets the model say what goes where, and the motifs how it is drawn.",
        persist_state="session",
    )
    drawing = read_form().drawing
    st.caption(_ABOUT_DRAWING[drawing].format(model=entry.title))
    return drawing


def _draw_change() -> None:
    share = f"{read_form().change:.0%}".replace("%", " %")
    _draw_named_slider(
        "change",
        CHANGE_PRESET_KEY,
        CHANGES,
        labels=(f"How far :gray[· about {share} of the knots are drawn anew]", "Share drawn anew"),
        limits=(LEAST_CHANGE, MOST_CHANGE),
        number_format="percent",
        help_text="How much of the design is drawn anew, the same for every design. Subtle keeps motifs at their "
        "places; at Strong a medallion may move or change. The border’s bands and corners stay where they are.",
    )


def _draw_pull() -> None:
    st.slider(
        "Pull of the model’s picture",
        min_value=0.0,
        max_value=1.0,
        step=0.05,
        key=key_of("pull"),
        help="How much the model’s picture leads: at 0 the design itself does, at 1 the layout is the model’s.",
        persist_state="session",
    )


def _draw_strength() -> None:
    values = read_form()
    drawn = effective_steps(values.steps, values.strength)
    steps = f"{drawn} of {values.steps} steps {'is' if drawn == 1 else 'are'} drawn"
    _draw_named_slider(
        "strength",
        PRESET_KEY,
        presets(),
        labels=(f"Strength :gray[· {steps}]", "Strength as a number"),
        limits=(0.01, 1.0),
        number_format=None,
        help_text="How far a variation may depart from the design. Subtle keeps layout and colours; Strong keeps only "
        "the rough idea. The higher it is, the more of the steps are drawn.",
    )


def _draw_named_slider(
    name: str,
    preset_key: str,
    named: Mapping[str, float],
    *,
    labels: tuple[str, str],
    limits: tuple[float, float],
    number_format: str | None,
    help_text: str,
) -> None:
    """Draw the named values of a field and a slider for all others, each of which follows the other."""
    st.segmented_control(
        labels[0],
        list(named),
        key=preset_key,
        required=True,
        on_change=_follow_preset,
        args=(name, preset_key, named),
        width="stretch",
        help=help_text,
        persist_state="session",
    )
    st.slider(
        labels[1],
        min_value=limits[0],
        max_value=limits[1],
        step=0.01,
        format=number_format,
        key=key_of(name),
        on_change=_follow_slider,
        args=(name, preset_key, named),
        label_visibility="collapsed",
        persist_state="session",
    )


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


def _follow_preset(name: str, preset_key: str, named: Mapping[str, float]) -> None:
    if st.session_state[preset_key] in named:
        st.session_state[key_of(name)] = named[st.session_state[preset_key]]


def _follow_slider(name: str, preset_key: str, named: Mapping[str, float]) -> None:
    st.session_state[preset_key] = preset_of(st.session_state[key_of(name)], named)
