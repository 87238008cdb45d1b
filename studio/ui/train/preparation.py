"""A new training, step by step: its pictures, its settings, what fits, and its start."""

from __future__ import annotations

import streamlit as st

from studio.adapter_training.forecast import Forecast, forecast
from studio.datasets import Dataset, DatasetReport, split
from studio.errors import StudioError
from studio.models.registry import ModelEntry
from studio.schema import LoraRecipe
from studio.ui.session import hardware, workspace
from studio.ui.shared.links import change_address
from studio.ui.shared.markdown import escape_markdown
from studio.ui.shared.notices import attempt
from studio.ui.train.form import dataset_choice
from studio.ui.train.form.advice import list_advice
from studio.ui.train.form.captions_table import draw_captions
from studio.ui.train.form.dataset_reading import DatasetReading
from studio.ui.train.form.dataset_report import draw_report
from studio.ui.train.form.fit import draw_fit
from studio.ui.train.form.recipe_form import draw_recipe, find_entry, prepare_recipe, read_name, read_recipe

_POLL_SECONDS = 0.5


def draw_preparation() -> None:
    """Draw the steps to a training; those that need the pictures once they are read."""
    settings = workspace().settings.load()
    prepare_recipe(settings)
    st.subheader("1. Pictures")
    dataset = _draw_pictures()
    found = st.container()
    st.subheader("2. Settings")
    draw_recipe(settings, "" if dataset is None else dataset.name)
    st.subheader("3. Start")
    try:
        recipe = read_recipe()
        entry, computer = find_entry(recipe.model), hardware()
        report = None if dataset is None or entry is None else _check(dataset, recipe, entry)
        foreseen = None if dataset is None or entry is None else _foresee(dataset, recipe)
    except StudioError as error:
        st.error(escape_markdown(error))
        return
    if dataset is not None:
        with found:
            if report is not None:
                draw_report(report)
            draw_captions(dataset, dataset_choice.keep_dataset)
    pictures = None if report is None or foreseen is None else (report, foreseen.epochs)
    for sentence in list_advice(recipe, entry, computer, pictures):
        st.caption(f":material/info: {escape_markdown(sentence)}")
    if foreseen is not None:
        draw_fit(foreseen)
    if dataset is None:
        st.caption(":material/block: Choose the pictures first: a folder, a ZIP, or favourites of the gallery.")
    clicked = st.button(
        "Start the training",
        key="train_start",
        type="primary",
        icon=":material/model_training:",
        disabled=dataset is None or entry is None,
        width="stretch",
    )
    if clicked and dataset is not None:
        _start(dataset, recipe)


def _draw_pictures() -> Dataset | None:
    """Draw the choice of a dataset, or what is known of the chosen one; return it once it is read."""
    reading = dataset_choice.reading()
    if reading is None:
        dataset_choice.draw_choice()
        return None
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"**{escape_markdown(reading.path.name or str(reading.path))}**", width="content")
        st.button(
            "Choose other pictures",
            key="train_other",
            type="tertiary",
            on_click=dataset_choice.forget_dataset,
        )
    if not reading.over:
        st.fragment(_draw_reading, run_every=_POLL_SECONDS)(reading)
        return None
    if reading.dataset is None:
        st.error(escape_markdown(reading.error or ""))
        return None
    return reading.dataset


def _draw_reading(reading: DatasetReading) -> None:
    if reading.over:
        st.rerun()
    done, total = reading.progress
    words = f"Reading the pictures: {done} of {total}" if total else "Looking for pictures"
    st.progress(done / max(total, 1), text=words)


def _check(dataset: Dataset, recipe: LoraRecipe, entry: ModelEntry) -> DatasetReport:
    return dataset.check(recipe.resolution_px, entry.multiple_px, entry.smallest_px)


def _foresee(dataset: Dataset, recipe: LoraRecipe) -> Forecast:
    trained, _ = split(dataset.examples, recipe.held_out, recipe.seed)
    earlier = [one.folder for one in workspace().trainings.list_all() if not one.state.active]
    return forecast(recipe, len(trained), hardware(), earlier)


def _start(dataset: Dataset, recipe: LoraRecipe) -> None:
    started: list[str] = []
    if attempt(lambda: started.append(workspace().trainings.start(read_name(dataset.name), dataset.path, recipe))):
        change_address(training=started[0])
    st.rerun()
