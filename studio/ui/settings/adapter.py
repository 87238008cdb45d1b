"""Choice of the adapter: none, one found in the project, or a folder on this computer."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from studio.catalogue.identifiers import SHORT_HASH_LENGTH
from studio.errors import AdapterError
from studio.models.adapter_files import CONFIG_FILE, WEIGHTS_FILE, AdapterFile, find_adapters, inspect_adapter
from studio.settings_store import StudioSettings
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
        help="A LoRA in peft format: a folder with adapter_model.safetensors and adapter_config.json. Adapters in the "
        "studio’s own folder are listed. How strongly the adapter acts is chosen for each run.",
        on_change=_choose,
    )
    if asks:
        st.text_input(
            "Folder of the adapter",
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
    """Return the facts in an adapter's files, read again only when a file has changed. Raises `AdapterError`."""
    return _read(str(folder), _stamp(folder / WEIGHTS_FILE), _stamp(folder / CONFIG_FILE))


@st.cache_data(show_spinner="Reading the adapter", max_entries=20)
def _read(folder: str, weights: tuple[int, int] | None, config: tuple[int, int] | None) -> AdapterFile:
    """Return the facts in an adapter's files. The stamps of both files are part of the cache key."""
    return inspect_adapter(Path(folder))


def _stamp(file: Path) -> tuple[int, int] | None:
    """Return a file's time of change (ns) and size (bytes), None when there is no such file."""
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def _choose() -> None:
    choice = st.session_state["settings_adapter"]
    forget_error(_SECTION)
    st.session_state[_ASKS_FOLDER] = choice == _OTHER
    if choice != _OTHER:
        _use_adapter(choice or None)


def _choose_folder() -> None:
    folder = st.session_state["settings_adapter_folder"].strip()
    forget_error(_SECTION)
    if folder and _use_adapter(str(Path(folder).expanduser().resolve())):
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
