"""The address of the Generate page: what it asks for is done once, and what a reload needs is left in it.

`source` is a design, `parent` a variation to vary next, `like` a variation whose settings to take, `run` the run that
is shown. The session remembers design and run as well, so that they are still there after a visit to another page.
"""

from __future__ import annotations

import streamlit as st

from studio.errors import StudioError
from studio.models.registry import ModelEntry
from studio.settings import StudioSettings
from studio.ui.generate.form import drafts, form_values, source
from studio.ui.generate.run_view import find_run
from studio.workspace import Workspace

_RUN = "generate_run"
_KEPT = "generate_address"


def shown_run() -> str | None:
    """Return the run that this session looks at, or None."""
    return st.session_state.get(_RUN)


def show_run(run_id: str) -> None:
    """Look at a run, in this session and after a reload."""
    st.session_state[_RUN] = run_id


def follow_address(studio: Workspace, settings: StudioSettings, entry: ModelEntry) -> tuple[str, ...]:
    """Do what the address asks for; return a sentence for each thing that could not be done."""
    wishes = {
        "source": lambda sha256: _open_design(studio, entry, sha256),
        "parent": lambda variation: form_values.suggest_settings(source.choose_variation(studio.catalogue, variation)),
        "like": lambda variation: _take_settings(studio, settings, entry, variation),
        "run": lambda run_id: _open_run(studio, run_id),
    }
    problems = []
    kept = st.session_state.get(_KEPT, {})
    for name, follow in wishes.items():
        value = st.query_params.get(name)
        if value is None or value == kept.get(name):  # what this page wrote there itself is no wish
            continue
        try:
            follow(value)
        except StudioError as error:
            problems.append(str(error))
    st.session_state.setdefault(_RUN, None)
    return tuple(problems)


def keep_address() -> None:
    """Leave in the address what a reload needs: the design and the run that are shown."""
    wanted = {"source": source.current_sha256(), "run": shown_run()}
    st.session_state[_KEPT] = wanted = {name: value for name, value in wanted.items() if value is not None}
    if st.query_params.to_dict() != wanted:
        st.query_params.from_dict(wanted)


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
