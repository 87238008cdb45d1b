"""Deletion of a training with all of its files, after a confirmation that says what it frees."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import streamlit as st

from studio.jobs.trainings import Training
from studio.ui.session import workspace
from studio.ui.shared.amounts import describe_bytes
from studio.ui.shared.links import change_address
from studio.ui.shared.markdown import escape_markdown
from studio.ui.shared.notices import attempt, say
from studio.ui.train.training_words import name_training


def draw_deletion(training: Training) -> None:
    """Draw the button that deletes a training for good."""
    with st.popover("Delete this training", icon=":material/delete_forever:", key="training_delete"):
        size = describe_bytes(workspace().trainings.measure(training.id))
        kept = " and its adapter" if training.adapter is not None else ""
        name = escape_markdown(name_training(training.id))
        st.markdown(
            f"Delete “{name}” with its checkpoints, samples{kept} for good? This "
            f"frees {size} and cannot be undone. The pictures that it was trained on, and those that were drawn with "
            "it, stay."
        )
        if _is_in_use(training):
            st.markdown("Its adapter is the one in Settings. After this, none is chosen there.")
        st.button(
            "Delete for good", type="primary", key="training_delete_sure", on_click=_delete, args=(training, size)
        )


def _is_in_use(training: Training) -> bool:
    chosen = workspace().settings.load().adapter_folder
    return chosen is not None and Path(chosen).is_relative_to(training.folder.root)


def _delete(training: Training, size: str) -> None:
    def delete() -> None:
        settings = workspace().settings
        if _is_in_use(training):
            settings.save(dataclasses.replace(settings.load(), adapter_folder=None))
        workspace().trainings.delete(training.id)
        say(f"Deleted. {size} are free again.")

    if attempt(delete):
        change_address(training=None)
