"""The query parameters of the Generate page: each is applied once; those that a reload needs stay in the address.

`source` is a design to open, `parent` a variation to vary, `cross` a variation to cross the design with, `like` a
variation to take the settings of, `training` one whose adapter to draw with, `run` a run to show. The session
remembers design and run too, because they are not in the address of the other pages.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from studio.errors import StudioError
from studio.models.registry import ModelEntry
from studio.settings_store import StudioSettings
from studio.ui.generate.form import cross, drafts, form_values, model, source
from studio.ui.generate.run_view import find_run
from studio.workspace import Workspace

_RUN = "generate_run"
_KEPT = "generate_address"


def shown_run() -> str | None:
    """Return the id of the run that this session shows, or None."""
    return st.session_state.get(_RUN)


def show_run(run_id: str) -> None:
    """Show a run, in this session and after a reload."""
    st.session_state[_RUN] = run_id


def follow_address(studio: Workspace, settings: StudioSettings, entry: ModelEntry) -> tuple[str, ...]:
    """Apply the query parameters that are new; return a sentence for each one that failed."""
    actions: dict[str, Callable[[str], None]] = {
        "source": lambda sha256: _open_design(studio, entry, sha256),
        "parent": lambda variation: form_values.suggest_settings(source.choose_variation(studio.catalogue, variation)),
        "cross": lambda variation: cross.choose_cross(studio.catalogue, variation),
        "training": lambda training: _use_training(studio, training),
        "like": lambda variation: _take_settings(studio, settings, entry, variation),
        "run": lambda run_id: _open_run(studio, run_id),
    }
    problems = []
    kept = st.session_state.get(_KEPT, {})
    for name, follow in actions.items():
        value = st.query_params.get(name)
        if value is None or value == kept.get(name):  # written by `keep_address`
            continue
        try:
            follow(value)
        except StudioError as error:
            problems.append(str(error))
    st.session_state.setdefault(_RUN, None)
    return tuple(problems)


def keep_address() -> None:
    """Write the current design and the run that is shown into the address, for a reload."""
    shown = {"source": source.current_sha256(), "run": shown_run()}
    wanted = {name: value for name, value in shown.items() if value is not None}
    st.session_state[_KEPT] = wanted
    if st.query_params.to_dict() != wanted:
        st.query_params.from_dict(wanted)


def _use_training(studio: Workspace, training_id: str) -> None:
    model.use_training(studio, training_id)
    keep_address()  # without the training, so that it is applied once
    st.rerun()  # with the settings and the model that it has changed


def _open_design(studio: Workspace, entry: ModelEntry, sha256: str) -> None:
    source.choose_source(studio.catalogue.source(sha256))
    drafts.take_draft(sha256, entry.id)


def _take_settings(studio: Workspace, settings: StudioSettings, entry: ModelEntry, variation_id: str) -> None:
    record = studio.catalogue.variation(variation_id).record
    form_values.take_settings(record, settings, entry)
    if source.current_source(studio.catalogue) is None:
        source.choose_source(studio.catalogue.source(record.source), record.parent)
    if shown_run() is None:
        show_run(record.run)


def _open_run(studio: Workspace, run_id: str) -> None:
    view = find_run(studio, run_id)
    if _RUN not in st.session_state and not form_values.read_form().prompt.strip():  # reloaded, or opened in a new tab
        form_values.take_run(view.request, len(view.slots))
    if "source" not in st.query_params or source.current_source(studio.catalogue) is None:
        source.choose_source(view.source, view.request.parent)
    show_run(run_id)
