"""What the form held for each design, kept by the server: a reload begins a session that knows nothing of the last.

Nothing of it is written to disk. What was drawn is in the catalogue; this is only what was typed since.
"""

from __future__ import annotations

import streamlit as st

from studio.schema import PROMPT_LIMIT
from studio.ui.generate.form.form_values import FormValues, read_form, write_form
from studio.ui.session import workspace

_MOST = 64
"""Designs that are remembered, those used last."""
_OLD = "draft_taken"


def take_draft(design: str, model: str) -> None:
    """Fill an untouched form with what was last in it for this design (its hash) and this model (its id)."""
    if _OLD in st.session_state or (read_form().prompt or "").strip():
        return
    draft = _drafts(str(workspace().outputs)).get((design, model))
    if draft is not None:
        write_form(draft)


def keep_draft(design: str | None, model: str) -> None:
    """Remember what the form holds for a design; from now on this session's form is its own."""
    if design is None:
        return
    st.session_state[_OLD] = True
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
    """Return the drafts of the studio of these outputs, the oldest first."""
    return {}
