"""The model chosen on the Settings page, as the Generate page shows it."""

from __future__ import annotations

import streamlit as st

from studio.errors import StudioError
from studio.models.registry import MODELS, ModelEntry, resolve_model
from studio.settings_store import StudioSettings
from studio.ui.shared.navigation import SETTINGS


def find_model(settings: StudioSettings) -> tuple[ModelEntry, str | None]:
    """Return the chosen model and None; or the built-in model and a sentence on why the chosen one cannot be used."""
    try:
        return resolve_model(settings.model), None
    except StudioError as error:
        return MODELS["builtin"], str(error)


def draw_model(entry: ModelEntry, problem: str | None) -> None:
    """Draw the model's name, its use or its problem, and a link to Settings."""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", gap="small"):
        st.caption(f"Model: **{entry.title}**", width="content")
        st.page_link(SETTINGS, label="Change in Settings")
    if problem is None:
        st.caption(entry.use)
    else:
        st.error(problem)
