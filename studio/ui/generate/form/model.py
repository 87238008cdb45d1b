"""The model chosen on the Settings page, as the Generate page shows it."""

from __future__ import annotations

import streamlit as st

from studio.errors import StudioError
from studio.models.registry import MODELS, ModelEntry, resolve_model
from studio.settings_store import StudioSettings
from studio.ui.shared.markdown import escape_markdown
from studio.ui.shared.navigation import SETTINGS


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
