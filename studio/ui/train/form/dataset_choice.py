"""The choice of what to train on: a folder or ZIP on this computer, an uploaded ZIP, or pictures of the gallery."""

from __future__ import annotations

import itertools
from pathlib import Path, PurePath

import streamlit as st

from studio.catalogue.files.paths import write_atomically
from studio.datasets import Dataset
from studio.errors import StudioError
from studio.jobs.trainings import make_id
from studio.models.given_paths import read_given_path
from studio.ui.session import workspace
from studio.ui.shared.markdown import escape_markdown
from studio.ui.train.form.dataset_reading import DatasetReading
from studio.ui.train.form.gallery_dataset import draw_gallery_choice

FOLDER, UPLOAD, GALLERY = "Folder or ZIP", "Upload a ZIP", "From the gallery"
_READING = "train_reading"
_PATH = "train_path"
_WAY = "train_way"
_UPLOADS = "train_uploads"
_UPLOAD_LIMIT_MB = 1000


def reading() -> DatasetReading | None:
    """Return what this session reads or has read, None where nothing was chosen."""
    found: DatasetReading | None = st.session_state.get(_READING)
    return found


def read_dataset(path: Path) -> None:
    """Begin to read a dataset, in place of the one before."""
    before = reading()
    if before is not None:
        before.close()
    st.session_state[_READING] = DatasetReading(path)


def keep_dataset(dataset: Dataset) -> None:
    """Go on with the dataset that was read, whose captions have changed."""
    now = reading()
    if now is not None:
        now.dataset = dataset


def forget_dataset() -> None:
    """Choose another dataset. For callbacks."""
    before = reading()
    if before is not None:
        before.close()
    st.session_state[_READING] = None


def draw_choice() -> None:
    """Draw the ways to choose a dataset."""
    st.session_state.setdefault(_WAY, FOLDER)
    st.segmented_control(
        "Where the pictures are",
        [FOLDER, UPLOAD, GALLERY],
        required=True,
        key=_WAY,
        label_visibility="collapsed",
        persist_state="session",
    )
    way = st.session_state[_WAY]
    if way == FOLDER:
        _draw_path()
    elif way == UPLOAD:
        _draw_upload()
    else:
        draw_gallery_choice(read_dataset)


def _draw_path() -> None:
    st.text_input(
        "Folder or ZIP of designs",
        key=_PATH,
        placeholder="/home/you/designs/kashan",
        help="Pictures with captions, if there are any: kashan-1.txt beside kashan-1.png, or a metadata.jsonl. Folders "
        "with 0, 1, 2 … hold a design (0) and its variations.",
        persist_state="session",
    )
    if st.button("Read the pictures", key="train_read", disabled=not (st.session_state[_PATH] or "").strip()):
        try:
            read_dataset(read_given_path(st.session_state[_PATH]))
        except (RuntimeError, ValueError):
            st.error("This is no path. Give the path of a folder of pictures, or of a ZIP.")
        else:
            st.rerun()


def _draw_upload() -> None:
    turn = st.session_state.setdefault(_UPLOADS, 0)
    file = st.file_uploader(
        "Drop or browse for a ZIP of designs",
        type=["zip"],
        key=f"train_upload_{turn}",
        max_upload_size=_UPLOAD_LIMIT_MB,
    )
    st.caption("It is kept in the folder “datasets” of the outputs folder, and stays on this computer.")
    if file is None:
        return
    data = file.getvalue()
    place = _find_place(make_id(PurePath(file.name).stem), data)
    try:  # kept at once, because an upload ends with its session
        write_atomically(place, data)
    except StudioError as error:
        st.error(escape_markdown(error))
        return
    st.session_state[_UPLOADS] = turn + 1
    read_dataset(place)
    st.rerun()


def _find_place(stem: str, data: bytes) -> Path:
    """Return the path of an uploaded ZIP: with a number where another ZIP has its name, which a training may need."""
    folder = workspace().outputs / "datasets"
    places = (folder / (f"{stem}-{number}.zip" if number > 1 else f"{stem}.zip") for number in itertools.count(1))
    return next(place for place in places if not place.exists() or _holds(place, data))


def _holds(place: Path, data: bytes) -> bool:
    return place.stat().st_size == len(data) and place.read_bytes() == data
