"""The model and the adapter chosen in Settings, as the form shows them; an adapter fresh from its training."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import streamlit as st

from studio.errors import RequestError, StudioError
from studio.models.adapter_files import name_adapter
from studio.models.registry import MODELS, ModelEntry, resolve_model
from studio.schema import ADAPTER_WEIGHT_LIMIT
from studio.settings_store import StudioSettings
from studio.ui.generate.form.form_values import key_of, read_form, write_form
from studio.ui.shared.best_weight import find_best_weight
from studio.ui.shared.markdown import escape_markdown
from studio.ui.shared.navigation import SETTINGS
from studio.ui.shared.trained_adapter import read_notes
from studio.workspace import Workspace


def find_model(settings: StudioSettings) -> tuple[ModelEntry, str | None]:
    """Return the chosen model and None; or the built-in model and a sentence on why the chosen one cannot be used."""
    try:
        return resolve_model(settings.model), None
    except StudioError as error:
        return MODELS["builtin"], str(error)


def draw_model(entry: ModelEntry, problem: str | None, drawing: str) -> None:
    """Draw what the model does in this drawing, its name, its use or its problem, and a link to Settings."""
    used = drawing != "motifs"
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", gap="small"):
        st.caption(f"Model: **{escape_markdown(entry.title)}**" if used else "Model: **not used**", width="content")
        st.page_link(SETTINGS, label="Change in Settings")
    if problem is not None:
        st.error(escape_markdown(problem))
    elif drawing == "model":
        st.caption(entry.use)
    elif drawing == "both":
        st.caption(f"{entry.use} Its picture only leads: the motifs are drawn at the design’s own size.")
    else:
        st.caption(f"The design’s own motifs draw, at its own size. “Model” and “Both” use the {_name(entry)}.")


def _name(entry: ModelEntry) -> str:
    """Return the model's title for the middle of a sentence in Markdown."""
    title = entry.title if entry.id != "builtin" else f"{entry.title[0].lower()}{entry.title[1:]}"
    return escape_markdown(title)


def draw_adapter(folder: str) -> None:
    """Draw the weight of the adapter in a folder, and the words that call for it."""
    adapter = Path(folder)
    st.slider(
        f"Adapter: {escape_markdown(name_adapter(adapter))}",
        min_value=0.0,
        max_value=ADAPTER_WEIGHT_LIMIT,
        step=0.05,
        key=key_of("adapter_weight"),
        help="How strongly the adapter chosen in Settings acts: 0 not at all, 1 as it was trained.",
        persist_state="session",
    )
    trigger = read_notes(adapter).trigger
    if not trigger:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="form_trigger"):
        st.caption(f"Its trigger words: **{escape_markdown(trigger)}**", width="content")
        if not calls_for(read_form().prompt or "", trigger):
            st.button(
                "Put them into the prompt",
                key="form_add_trigger",
                type="tertiary",
                help="The adapter was trained with these words at the beginning of every caption.",
                on_click=_add_trigger,
                args=(trigger,),
            )


def use_training(studio: Workspace, training_id: str) -> None:
    """Choose a training's adapter and its model in the settings, and fill in its weight and its trigger words.

    Raises `NotFoundError` for an unknown training, `RequestError` for one without an adapter.
    """
    training = studio.trainings.find(training_id)
    if training.adapter is None:
        raise RequestError(f"The training {training_id} has no adapter yet. Wait for its end, or resume it.")
    model = training.order.recipe.model
    settings = studio.settings.load()
    studio.settings.save(dataclasses.replace(settings, model=model, adapter_folder=str(training.adapter)))
    weight, _ = find_best_weight(training)
    values = read_form()
    trigger = training.order.recipe.trigger
    write_form(
        dataclasses.replace(
            values,
            adapter_weight=weight,
            prompt=begin_with(values.prompt or "", trigger),
            drawing="model" if values.drawing == "motifs" else values.drawing,
            cross=None,
        ),
        notice=f"The adapter {name_adapter(training.adapter)} acts at {weight:g}"
        + (f", and the prompt begins with its trigger words, {trigger}." if trigger else "."),
    )


def calls_for(prompt: str, trigger: str) -> bool:
    """Return whether a prompt holds the trigger words."""
    return trigger.casefold() in " ".join(prompt.split()).casefold()


def begin_with(prompt: str, trigger: str) -> str:
    """Return a prompt that begins with the trigger words, unless it holds them already."""
    if calls_for(prompt, trigger):
        return prompt
    return f"{trigger}, {prompt}" if prompt.strip() else trigger


def _add_trigger(trigger: str) -> None:
    st.session_state[key_of("prompt")] = begin_with(read_form().prompt or "", trigger)
