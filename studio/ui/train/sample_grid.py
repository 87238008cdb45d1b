"""What a training draws of the designs held out, at weights 0, 0.5 and 1, beside each design."""

from __future__ import annotations

import functools
from pathlib import Path

import streamlit as st
from PIL import Image

from studio.jobs.trainings import Training
from studio.ui.picture_routes import sample_url
from studio.ui.shared.amounts import describe_count
from studio.ui.shared.pictures import page_url, picture_html, show_caption, show_place

_SOURCE = "source"
_TALLEST = "34vh"
_NARROWEST_PX = 120
_CHOSEN, _FOLLOWS = "train_samples_step", "train_samples_follow"


def draw_samples(training: Training) -> None:
    """Draw the samples of one step, the newest unless another one is chosen."""
    st.subheader("Samples")
    found = dict(training.folder.list_samples())
    if not found:
        every = training.order.recipe.samples_every
        words = f"Every {describe_count(every)} steps" if every else "With another setting than 0 steps between samples"
        st.caption(f"{words} the designs that are held out are drawn here, with and without the adapter.")
        return
    step = _choose_step(sorted(found))
    examples = sorted(path for path in _list(found[step]) if path.is_dir())
    for number, folder in enumerate(examples, start=1):
        _draw_example(training.id, step, number, folder)


def _choose_step(steps: list[int]) -> int:
    if len(steps) == 1:
        st.caption(f"After step {describe_count(steps[0])}")
        return steps[0]
    if st.session_state.setdefault(_FOLLOWS, True) or st.session_state.get(_CHOSEN) not in steps:
        st.session_state[_CHOSEN] = steps[-1]
    step: int = st.select_slider(
        "After step", steps, key=_CHOSEN, format_func=describe_count, on_change=_note, args=(steps[-1],)
    )
    return step


def _note(newest: int) -> None:
    """Follow the newest step again where it was chosen."""
    st.session_state[_FOLLOWS] = st.session_state[_CHOSEN] == newest


def _draw_example(training_id: str, step: int, number: int, folder: Path) -> None:
    files = {path.stem: path for path in _list(folder) if path.suffix == ".webp"}
    names = sorted(files, key=lambda name: (name != _SOURCE, _weight(name)))
    size = next((size for name in names if (size := _read_size(files[name], _stamp(files[name]))) is not None), (3, 4))
    with st.grid(max(len(names), 1), min_column_width=_NARROWEST_PX, gap="small"):
        for name in names:
            words = _describe(name)
            with st.container(gap="xsmall"):
                stamp = _stamp(files[name])
                if stamp:
                    address = page_url(sample_url(training_id, step, folder.name, name, stamp))
                    alt = f"Held-out design {number}, {words[0].lower()}{words[1:]}, after step {step}"
                    st.html(picture_html(address, alt=alt, size=size, tallest=_TALLEST, link=address))
                else:
                    show_place(words, size=size, tallest=_TALLEST)
                show_caption(words)


def _describe(name: str) -> str:
    if name == _SOURCE:
        return "The design"
    return "Weight 0: the model alone" if _weight(name) == 0 else f"Weight {name}"


def _weight(name: str) -> float:
    try:
        return float(name)
    except ValueError:
        return 0.0


def _stamp(file: Path) -> int:
    """Return the time of a file, 0 where it is gone."""
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0


def _list(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


@functools.lru_cache(maxsize=512)
def _read_size(file: Path, _stamp: int) -> tuple[int, int] | None:
    """Return the width and height of a picture from its header; None where it cannot be read."""
    try:
        with Image.open(file) as image:
            return image.size
    except (OSError, ValueError):
        return None
