"""The captions of a dataset in a table beside small pictures: changed, made from the designs themselves, saved."""

from __future__ import annotations

import base64
import io
import logging
from collections.abc import Callable

import streamlit as st
from PIL import Image

from studio.datasets import CAPTION_LIMIT, Dataset, Example
from studio.datasets.caption_table import list_captions, write_captions
from studio.errors import DesignError
from studio.ui.shared.amounts import describe_count
from studio.ui.shared.notices import attempt, say

_PAGE = 20
_ROW_HEIGHT_PX = 64
_THUMBNAIL_PX = 120
_NUMBER = "train_captions_page"
_TURN = "train_captions_turn"

logger = logging.getLogger(__name__)


def draw_captions(dataset: Dataset, keep: Callable[[Dataset], None]) -> None:
    """Draw the table, a page of pictures at a time; `keep` is called with the dataset whose captions were saved."""
    missing = sum(not one.caption for one in dataset.examples)
    with st.expander("Captions", key="train_captions", on_change="rerun") as table:
        if not table.open:  # pictures are opened only to be seen
            return
        st.caption(
            "A caption says what its picture shows: kind, motifs, colours, border. What it names can be called for in "
            "a prompt; what it leaves out becomes part of the style. Captions are saved beside the pictures."
        )
        if missing and st.button(
            "Write those that are missing, from the designs themselves",
            key="train_captions_make",
            icon=":material/edit_note:",
            help="Names yarns, border, symmetry and layout as the studio measures them. Change them as you like.",
        ):
            _make_missing(dataset, keep)
        _draw_table(dataset, keep)


def _draw_table(dataset: Dataset, keep: Callable[[Dataset], None]) -> None:
    pages = -(-len(dataset.examples) // _PAGE)
    page = st.pagination(pages, key=_NUMBER) if pages > 1 else 1
    shown = dataset.examples[(page - 1) * _PAGE : page * _PAGE]
    rows = [{"picture": _draw_thumbnail(dataset, one), "name": one.name, "caption": one.caption} for one in shown]
    turn = st.session_state.setdefault(_TURN, 0)
    edited = st.data_editor(
        rows,
        key=f"train_captions_{turn}_{page}",
        hide_index=True,
        row_height=_ROW_HEIGHT_PX,
        disabled=("picture", "name"),
        alt="The pictures and their captions",
        column_config={
            "picture": st.column_config.ImageColumn("Picture", width="small"),
            "name": st.column_config.TextColumn("File", width="small"),
            "caption": st.column_config.TextColumn("Caption", width="large", max_chars=CAPTION_LIMIT),
        },
    )
    changed = {
        one.id: row["caption"] or ""
        for one, row in zip(shown, edited, strict=True)
        if (row["caption"] or "") != one.caption
    }
    number = "1 caption" if len(changed) == 1 else f"{len(changed)} captions"
    if st.button(f"Save {number}" if changed else "Save captions", key="train_captions_save", disabled=not changed):
        _save(dataset, changed, keep)


def _make_missing(dataset: Dataset, keep: Callable[[Dataset], None]) -> None:
    bar = st.progress(0.0, text="Looking at the designs")

    def show(done: int, total: int) -> None:
        bar.progress(done / max(total, 1), text=f"Looking at the designs: {done} of {total}")

    made = {row.id: row.caption for row in list_captions(dataset, progress=show) if row.origin == "design"}
    bar.empty()
    _save(dataset, made, keep)


def _save(dataset: Dataset, captions: dict[str, str], keep: Callable[[Dataset], None]) -> None:
    """Write captions, say what came of it, and draw the page anew."""

    def save() -> None:
        outcome = write_captions(dataset, captions)
        keep(outcome.dataset)
        number = len(outcome.written)
        said = f"{describe_count(number)} caption{'' if number == 1 else 's'} saved."
        say(" ".join([said, *map(str, outcome.kept[:3])]))

    attempt(save)
    st.session_state[_TURN] += 1  # a fresh table, without the edits that were saved
    st.rerun()


def _draw_thumbnail(dataset: Dataset, example: Example) -> str:
    """Return a small picture of an example as an address that holds it; empty where it cannot be read."""
    try:
        return _encode_thumbnail(example.id, dataset)
    except DesignError as error:
        logger.warning("%s", error)
        return ""


@st.cache_data(max_entries=2000, show_spinner=False)
def _encode_thumbnail(example_id: str, _dataset: Dataset) -> str:
    example = next(one for one in _dataset.examples if one.id == example_id)
    image = _dataset.open_design(example).image.convert("RGB")
    image.thumbnail((_THUMBNAIL_PX, _THUMBNAIL_PX), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=80)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
