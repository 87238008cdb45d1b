"""Form values per design, kept in the server's memory, because reloading the page starts an empty session.

Drafts are not written to disk: the settings of finished pictures are in the catalogue.
"""

from __future__ import annotations

import streamlit as st

from studio.schema import PROMPT_LIMIT
from studio.ui.generate.form.form_values import FormValues, read_form, write_form
from studio.ui.session import workspace

_MOST = 64
"""Drafts that are kept; the least recently used are dropped first."""
_IN_USE = "draft_taken"


def take_draft(design: str, model: str) -> None:
    """Fill an untouched form with the draft for this design (SHA-256) and model (id), if there is one."""
    if _IN_USE in st.session_state or (read_form().prompt or "").strip():
        return
    draft = _drafts(str(workspace().outputs)).get((design, model))
    if draft is not None:
        write_form(draft)


def keep_draft(design: str | None, model: str) -> None:
    """Keep the form's values as the draft for a design. From then on, drafts leave this session's form alone."""
    if design is None:
        return
    st.session_state[_IN_USE] = True
    values = read_form()
    if len(values.prompt or "") + len(values.negative_prompt or "") > 2 * PROMPT_LIMIT:
        return
    drafts = _drafts(str(workspace().outputs))
    drafts.pop((design, model), None)
    drafts[design, model] = values
    while len(drafts) > _MOST:
        del drafts[next(iter(drafts))]


@st.cache_resource(show_spinner=False)
def _drafts(outputs: str) -> dict[tuple[str, str], FormValues]:
    """Return the drafts by design and model for this outputs folder, least recently used first."""
    return {}
