"""Choice of the adapter: none, one found in the project, or a folder on this computer."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from studio.catalogue.identifiers import SHORT_HASH_LENGTH
from studio.errors import AdapterError, StudioError, quote
from studio.models.adapter_files import (
    FORMS,
    AdapterFile,
    find_adapters,
    inspect_adapter,
    name_adapter,
    read_adapter_path,
    stamp_adapter,
)
from studio.models.adapter_fit import check_fit, read_layers
from studio.models.registry import resolve_model
from studio.settings_store import StudioSettings
from studio.ui.session import workspace
from studio.ui.settings.saving import forget_error, remember_error, save_settings, show_error
from studio.ui.shared.markdown import escape_markdown
from studio.ui.shared.tables import plain_table
from studio.workspace import PROJECT

_NONE, _OTHER = "", "other"
_SECTION = "adapter"
_ASKS_FOLDER = "settings_asks_adapter"


def draw_adapter(settings: StudioSettings) -> None:
    """Draw a list of the adapters found, a field for another folder, and a table of the one in use."""
    chosen = settings.adapter_folder
    trained = [one.adapter for one in workspace().trainings.list_all() if one.adapter is not None]
    found = {str(folder): name_adapter(folder) for folder in (*find_adapters(PROJECT), *trained)}
    if chosen is not None:
        found.setdefault(chosen, name_adapter(Path(chosen)))
    asks = st.session_state.get(_ASKS_FOLDER, False)
    st.session_state["settings_adapter"] = _OTHER if asks else (chosen or _NONE)
    st.selectbox(
        "Adapter",
        [_NONE, *found, _OTHER],
        format_func=lambda choice: {_NONE: "None", _OTHER: "A folder on this computer…"}.get(choice) or found[choice],
        key="settings_adapter",
        help=f"A LoRA: {FORMS}. Adapters that you trained, and those in the studio’s own folder, are listed. How "
        "strongly the adapter acts is chosen for each run.",
        on_change=_choose,
    )
    if asks:
        st.text_input(
            "Folder or file of the adapter",
            key="settings_adapter_folder",
            placeholder="/home/you/adapters/kashan",
            on_change=_choose_folder,
        )
    show_error(_SECTION)
    if chosen is None:
        return
    try:
        adapter = read_adapter(Path(chosen))
    except AdapterError as error:
        st.error(escape_markdown(error))
        return
    if (misfit := _find_misfit(adapter, settings.model)) is not None:
        st.error(escape_markdown(misfit))
    st.html(
        plain_table(
            (
                ("Name", adapter.name),
                ("Folder" if adapter.path != adapter.weights else "File", quote(chosen)),
                ("Rank", _describe_rank(adapter)),
                ("Alpha", _describe_alpha(adapter)),
                ("Layers it changes", str(len(adapter.layers))),
                ("Fingerprint", adapter.sha256[:SHORT_HASH_LENGTH]),
            ),
            "The adapter in use",
        )
    )


def read_adapter(path: Path) -> AdapterFile:
    """Return the facts in an adapter's files, read again only when a file has changed. Raises `AdapterError`."""
    return _read(path, (ascii(path), stamp_adapter(path)))


@st.cache_data(show_spinner="Reading the adapter", max_entries=20)
def _read(_path: Path, key: tuple[object, ...]) -> AdapterFile:
    """Return the facts in an adapter’s files. The key stands for the path, whose encoding Streamlit may not hash."""
    return inspect_adapter(_path)


def _find_misfit(adapter: AdapterFile, model: str) -> str | None:
    """Return why an adapter does not fit the chosen model; None if it does, or if the model is not on this computer."""
    try:
        folder = resolve_model(model).folder
        if folder is not None and (layers := read_layers(folder)):
            check_fit(layers, adapter)
    except AdapterError as error:
        return str(error)
    except StudioError:  # the model itself: its own section says so
        return None
    return None


def _describe_rank(adapter: AdapterFile) -> str:
    low, high = adapter.ranks
    return str(low) if low == high else f"{low} to {high}"


def _describe_alpha(adapter: AdapterFile) -> str:
    if any(layer.alpha for layer in adapter.layers):
        return "for each layer, in the file"
    return "as the rank" if adapter.settings is None else f"{adapter.settings.alpha:g}"


def _choose() -> None:
    choice = st.session_state["settings_adapter"]
    forget_error(_SECTION)
    st.session_state[_ASKS_FOLDER] = choice == _OTHER
    if choice != _OTHER:
        _use_adapter(choice or None)


def _choose_folder() -> None:
    text = st.session_state["settings_adapter_folder"]
    forget_error(_SECTION)
    if not text.strip():
        return
    try:
        path = read_adapter(read_adapter_path(text)).path
    except AdapterError as error:
        remember_error(_SECTION, error)
        return
    if _use_adapter(str(path)):
        st.session_state[_ASKS_FOLDER] = False


def _use_adapter(folder: str | None) -> bool:
    """Save the choice of an adapter if its files can be read; otherwise the choice stays as it was."""
    try:
        if folder is not None:
            read_adapter(Path(folder))
    except AdapterError as error:
        remember_error(_SECTION, error)
        return False
    return save_settings(_SECTION, adapter_folder=folder)
