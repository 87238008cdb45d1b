"""Choice of the model: one of the registry, or a folder on this computer."""

from __future__ import annotations

import streamlit as st

from studio.errors import StudioError
from studio.models.hardware import Hardware
from studio.models.registry import MODELS, ModelEntry, resolve_model
from studio.settings_store import StudioSettings
from studio.ui.session import access_token_present
from studio.ui.settings.saving import forget_error, remember_error, save_settings, show_error
from studio.ui.shared.markdown import escape_markdown

_FOLDER = "folder"
_SECTION = "model"
_ASKS_FOLDER = "settings_asks_folder"
_ABOUT_FOLDER = "Any model of the Stable Diffusion 3 family in diffusers format: a folder with model_index.json."


def draw_model(settings: StudioSettings, found: Hardware) -> None:
    """Draw the models as choices, each with its use, and what is missing for the chosen one."""
    own = settings.model not in MODELS
    asks = own or st.session_state.get(_ASKS_FOLDER, False)
    st.session_state["settings_model"] = _FOLDER if asks else settings.model
    st.radio(
        "Model",
        [*MODELS, _FOLDER],
        format_func=lambda choice: "A folder on this computer" if choice == _FOLDER else MODELS[choice].title,
        captions=[*map(_describe, MODELS.values()), _ABOUT_FOLDER],
        key="settings_model",
        label_visibility="collapsed",
        on_change=_choose,
    )
    if asks:
        if "settings_folder" not in st.session_state:
            st.session_state["settings_folder"] = settings.model if own else ""
        st.text_input(
            "Folder of the model",
            key="settings_folder",
            placeholder="/home/you/models/stable-diffusion-3.5-medium",
            on_change=_choose_folder,
        )
    show_error(_SECTION)
    try:
        entry = resolve_model(settings.model)
    except StudioError as error:
        st.error(escape_markdown(error))
        return
    if asks:
        used = f"In use: {entry.id}" if own else f"{entry.title} stays in use until a folder with a model is given."
        st.caption(escape_markdown(used))
    if shortages := _find_shortages(entry, found):
        st.warning(
            escape_markdown(f"{' '.join(shortages)} The built-in model runs on this computer."),
            title=f"This computer is too small for {escape_markdown(entry.title)}",
            icon=":material/memory_alt:",
        )
    if entry.gated:
        _draw_access(entry)


def _find_shortages(entry: ModelEntry, found: Hardware) -> list[str]:
    """Return a sentence on each thing that a model to be downloaded needs and this computer does not have."""
    if entry.local:
        return []
    shortages = []
    memory_gb = (found.ram_gib + found.swap_gib) * 2**30 / 1e9
    if entry.download_gb > memory_gb:
        shortages.append(
            f"Loading the model takes {entry.download_gb:g} GB of memory and swap space for a moment, but there are "
            f"{memory_gb:.0f} GB: a run would be refused after the model was fetched."
        )
    if found.device == "cpu":
        shortages.append("There is no graphics card to draw on, and a processor is far too slow for this model.")
    return shortages


def _describe(entry: ModelEntry) -> str:
    fetched = "Comes with the studio" if entry.local else f"Fetched once, {entry.download_gb:g} GB"
    licence = f"[{entry.licence}]({entry.licence_url})" if entry.licence_url else entry.licence
    token = " · needs a Hugging Face token" if entry.gated else ""
    return f"{entry.use}  \n{fetched} · {licence}{token}"


def _draw_access(entry: ModelEntry) -> None:
    page = f"https://huggingface.co/{entry.id}"
    if access_token_present():
        st.caption(
            f":material/check: A Hugging Face token was found. The model is fetched at its first run, "
            f"if you have accepted its licence on [its page]({page})."
        )
        return
    st.warning(
        f"1. Accept the licence on [{escape_markdown(entry.title)}’s page]({page}).\n"
        "2. In a terminal, run `hf auth login` and paste an access token of your Hugging Face account "
        "(or set the variable `HF_TOKEN` before the studio starts).\n"
        "3. Start a run. The model is fetched before it draws.",
        title="No Hugging Face token was found",
        icon=":material/key:",
    )


def _choose() -> None:
    choice = st.session_state["settings_model"]
    forget_error(_SECTION)
    st.session_state[_ASKS_FOLDER] = choice == _FOLDER
    if choice != _FOLDER:
        st.session_state.pop("settings_folder", None)
        save_settings(_SECTION, model=choice)


def _choose_folder() -> None:
    folder = st.session_state["settings_folder"]
    forget_error(_SECTION)
    if not folder.strip():
        return
    try:
        entry = resolve_model(folder)
    except StudioError as error:
        remember_error(_SECTION, error)
        return
    if save_settings(_SECTION, model=entry.id) and entry.id in MODELS:
        st.session_state[_ASKS_FOLDER] = False
