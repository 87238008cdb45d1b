"""The choice of the adapter: none, one that lies in the project, or a folder on this computer."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from studio.errors import AdapterError
from studio.models.adapter_files import CONFIG_FILE, WEIGHTS_FILE, AdapterFile, find_adapters, inspect_adapter
from studio.settings import StudioSettings
from studio.ui.settings.change import forget_trouble, keep, remember_trouble, show_trouble
from studio.ui.shared.parameters import SHORT_HASH_LENGTH
from studio.ui.shared.tables import plain_table
from studio.workspace import PROJECT

_NONE, _OTHER = "", "other"
_PART = "adapter"
_ASKS_FOLDER = "settings_asks_adapter"


def draw_adapter(settings: StudioSettings) -> None:
    """Draw the adapters that were found, a field for another, and the facts of the one in use."""
    chosen = settings.adapter_folder
    found = {str(folder): folder.name for folder in find_adapters(PROJECT)}
    if chosen is not None:
        found.setdefault(chosen, Path(chosen).name)
    asks = st.session_state.get(_ASKS_FOLDER, False)
    st.session_state["settings_adapter"] = _OTHER if asks else (chosen or _NONE)
    st.selectbox(
        "Adapter",
        [_NONE, *found, _OTHER],
        format_func=lambda choice: {_NONE: "None", _OTHER: "A folder on this computer…"}.get(choice) or found[choice],
        key="settings_adapter",
        help="A LoRA in peft’s form: a folder with adapter_model.safetensors and adapter_config.json. Those in the "
        "studio’s own folder are listed. How strongly it acts is chosen for each run.",
        on_change=_choose,
    )
    if asks:
        st.text_input(
            "Folder of the adapter",
            key="settings_adapter_folder",
            placeholder="/home/you/adapters/kashan",
            on_change=_choose_folder,
        )
    show_trouble(_PART)
    if chosen is None:
        return
    try:
        adapter = read_adapter(Path(chosen))
    except AdapterError as error:
        st.error(str(error))
        return
    st.html(
        plain_table(
            (
                ("Name", adapter.name),
                ("Folder", chosen),
                ("Rank", str(adapter.rank)),
                ("Alpha", f"{adapter.alpha:g}"),
                ("Layers it changes", str(len(adapter.modules))),
                ("Fingerprint", adapter.sha256[:SHORT_HASH_LENGTH]),
            ),
            "The adapter in use",
        )
    )


def read_adapter(folder: Path) -> AdapterFile:
    """Return what is in an adapter's files, read again only when they have changed. Raises `AdapterError`."""
    return _read(str(folder), _stamp(folder / WEIGHTS_FILE), _stamp(folder / CONFIG_FILE))


@st.cache_data(show_spinner="Reading the adapter", max_entries=20)
def _read(folder: str, weights: tuple[int, int] | None, config: tuple[int, int] | None) -> AdapterFile:
    """Return what is in an adapter's files; the stamps of both files are part of what is remembered."""
    return inspect_adapter(Path(folder))


def _stamp(file: Path) -> tuple[int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def _choose() -> None:
    choice = st.session_state["settings_adapter"]
    forget_trouble(_PART)
    st.session_state[_ASKS_FOLDER] = choice == _OTHER
    if choice != _OTHER:
        _take(choice or None)


def _choose_folder() -> None:
    folder = st.session_state["settings_adapter_folder"].strip()
    forget_trouble(_PART)
    if folder and _take(str(Path(folder).expanduser().resolve())):
        st.session_state[_ASKS_FOLDER] = False


def _take(folder: str | None) -> bool:
    """Keep an adapter that can be read; one that cannot be leaves the choice as it was."""
    try:
        if folder is not None:
            read_adapter(Path(folder))
    except AdapterError as error:
        remember_trouble(_PART, error)
        return False
    return keep(_PART, adapter_folder=folder)
