"""An upload that is read off the page's thread: its progress, its refusal, and the design that it becomes.

A form has one upload for each use of a file, its slot. The file that was chosen last counts: another file, another
design or “Cancel” takes its place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath

import streamlit as st

from studio.catalogue import Source
from studio.jobs.reading import Reading
from studio.ui.session import workspace
from studio.ui.shared.facts.reading import draw_reading_of
from studio.ui.shared.markdown import escape_markdown

DESIGN, SECOND = "design", "cross"
"""The slots: the design to vary, and the second design of a cross."""


@dataclass(frozen=True, slots=True)
class _Upload:
    """A file that was chosen, and its reading."""

    name: str
    reading: Reading[Source]


@dataclass(frozen=True, slots=True)
class Refusal:
    """The name of a file that cannot be used, and why."""

    name: str
    reason: str


def take_upload(slot: str, take: Callable[[Source], None]) -> None:
    """Give the design of a file that is read to `take`; a file that cannot be used waits for `draw_upload`.

    Called before a page draws anything, so that a small file is there at once.
    """
    upload: _Upload | None = st.session_state.get(_upload_key(slot))
    if upload is not None and upload.reading.at_once() and upload.reading.error is None:
        drop_upload(slot)
        take(upload.reading.answer())


def draw_upload(slot: str, label: str) -> Refusal | None:
    """Draw the choice of a file, and how far its reading is. The page is drawn anew at its end.

    Return the refusal of a file that cannot be used, for the caller to show.
    """
    file = st.file_uploader(label, key=_widget_key(slot), on_change=_begin, args=(slot, _turn(slot)))
    upload: _Upload | None = st.session_state.get(_upload_key(slot))
    if upload is None:
        return None
    if upload.reading.error is None:
        st.caption(f"Reading “{escape_markdown(upload.name)}”. You can go on meanwhile, or choose another file.")
        draw_reading_of(upload.reading, f"{slot}_reading", lambda: drop_upload(slot))
        return None
    if file is None:  # the page was left meanwhile, and with it the file: said once
        drop_upload(slot)
    return Refusal(upload.name, str(upload.reading.error))


def is_uploading(slot: str) -> bool:
    """Return whether a file is chosen that did not become a design yet."""
    return st.session_state.get(_upload_key(slot)) is not None


def is_in_use(slot: str) -> bool:
    """Return whether a file was chosen, and no design since: a browser takes a file away before it sends another."""
    return _upload_key(slot) in st.session_state


def drop_upload(slot: str) -> None:
    """Forget the file that was chosen, and stop its reading."""
    upload: _Upload | None = st.session_state.pop(_upload_key(slot), None)
    if upload is not None:
        upload.reading.cancel()
        st.session_state[_turn_key(slot)] = _turn(slot) + 1  # a new widget, without the file


def _begin(slot: str, turn: int) -> None:
    """Begin to read the file that was chosen, in place of the one before; none where it was taken away.

    `turn` is that of the widget. What a browser still says of one whose file became the design comes too late: it
    would open the choice again, over the run.
    """
    if turn != _turn(slot):
        return
    earlier: _Upload | None = st.session_state.get(_upload_key(slot))
    if earlier is not None:
        earlier.reading.cancel()
    st.session_state[_upload_key(slot)] = None
    file = st.session_state.get(_widget_key(slot))
    if file is not None:  # read at once, because an upload ends with its session
        name = str(file.name)
        reading = workspace().designs.take_in(file.getvalue(), PurePath(name).stem)
        st.session_state[_upload_key(slot)] = _Upload(name, reading)


def _turn(slot: str) -> int:
    turn: int = st.session_state.get(_turn_key(slot), 0)
    return turn


def _turn_key(slot: str) -> str:
    return f"{slot}_uploads"


def _widget_key(slot: str) -> str:
    return f"{slot}_upload_{_turn(slot)}"


def _upload_key(slot: str) -> str:
    return f"{slot}_upload_read"
