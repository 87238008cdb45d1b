"""The form's choice of who draws, and how far: from motifs, by the model, or both."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from studio.catalogue import Source
from studio.designs.inspection import Inspection, describe_share
from studio.models.registry import ModelEntry
from studio.schema import LEAST_CHANGE, MOST_CHANGE, effective_steps
from studio.ui.generate.form.form_values import (
    CHANGE_PRESET_KEY,
    CHANGES,
    PRESET_KEY,
    FormValues,
    key_of,
    preset_of,
    presets,
    read_form,
)
from studio.ui.generate.form.obstacles import has_one_yarn
from studio.ui.shared.facts.design_facts import count_yarns, find_facts
from studio.ui.shared.markdown import escape_markdown

DRAWINGS = {"motifs": "Motifs", "model": "Model", "both": "Both"}
"""Who draws, in one word each."""


def draw_drawing(entry: ModelEntry, design: Source | None) -> str:
    """Draw the choice of who draws, what it means for this design, and how far; return the choice."""
    st.segmented_control(
        "Drawn from",
        list(DRAWINGS),
        format_func=DRAWINGS.__getitem__,
        key=key_of("drawing"),
        required=True,
        width="stretch",
        help="Motifs puts the design’s own motifs together anew, coarse to fine. Model draws a new picture from design "
        "and prompt. Both lets the model say what goes where, and the motifs how it is drawn.",
        persist_state="session",
    )
    values, model = read_form(), escape_markdown(entry.title)
    st.caption(describe_drawing(values, model, None if design is None else find_facts(design.sha256)))
    if values.drawing != "model":
        _draw_change(values)
    if values.drawing == "both":
        _draw_pull(values)
    if values.drawing != "motifs":
        _draw_strength(values)
    return values.drawing


def describe_drawing(values: FormValues, model: str, facts: Inspection | None) -> str:
    """Return what the form's choice of who draws means for a design with these facts, None for no design yet.

    `model` is the model's title in Markdown.
    """
    if values.drawing == "model":
        return f"{model} draws, and its picture is woven afterwards."
    if has_one_yarn(facts):
        return ":material/info: This design has one yarn, so its motifs have nothing to vary."
    if values.drawing == "both":
        return f"{model} draws and leads; its picture is drawn anew in the design’s own motifs."
    if values.cross is None:
        drawn = "The design is drawn anew from its own motifs"
    elif values.cross_way == "motifs":
        drawn = "The motifs of both designs are drawn into one field"
    else:
        drawn = "This design’s motifs are drawn in the layout of the second one"
    return f"{drawn}, {_describe_yarns(values, facts)}: every line can be woven."


def _describe_yarns(values: FormValues, facts: Inspection | None) -> str:
    """Return the yarns that motifs are drawn in, such as “in its own yarns”."""
    if values.palette == "new":
        return f"in {values.colours} new {'yarn' if values.colours == 1 else 'yarns'}"
    crossed = values.cross is not None
    if facts is None or facts.indexed:
        return "in this design’s yarns" if crossed else "in its own yarns"
    return f"in the {count_yarns(len(facts.palette))} suggested for {'this design' if crossed else 'it'}"


def _draw_change(values: FormValues) -> None:
    led = values.drawing == "both" or (values.cross is not None and values.cross_way == "layout")
    share = f"{'at least' if led else 'about'} {describe_share(values.change)}"
    _draw_named_slider(
        "change",
        CHANGE_PRESET_KEY,
        CHANGES,
        labels=(f"How far :gray[· {share} of the knots are drawn anew]", "How far, in percent"),
        limits=(LEAST_CHANGE, MOST_CHANGE),
        number_format="percent",
        help_text="How much of the design is drawn anew, the same for every design. Subtle keeps motifs at their "
        "places; at Strong a medallion may move or change. The border’s bands and corners stay where they are.",
    )


def _draw_pull(values: FormValues) -> None:
    st.slider(
        f"Pull of the model’s picture :gray[· {describe_pull(values.pull)}]",
        min_value=0.0,
        max_value=1.0,
        step=0.05,
        format="percent",
        key=key_of("pull"),
        help="How much the model’s picture says what goes where. At 0 % the layout is the design’s own.",
        persist_state="session",
    )


def describe_pull(pull: float) -> str:
    """Return the pull of a model's picture in words: layout 70 % the model’s."""
    return f"layout {describe_share(pull)} the model’s" if pull > 0 else "layout the design’s own"


def _draw_strength(values: FormValues) -> None:
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


def _follow_preset(name: str, preset_key: str, named: Mapping[str, float]) -> None:
    if st.session_state[preset_key] in named:
        st.session_state[key_of(name)] = named[st.session_state[preset_key]]


def _follow_slider(name: str, preset_key: str, named: Mapping[str, float]) -> None:
    st.session_state[preset_key] = preset_of(st.session_state[key_of(name)], named)
