"""The settings of a training, all of them, as a table."""

from __future__ import annotations

import streamlit as st

from studio.jobs.trainings import Training
from studio.ui.shared.tables import plain_table
from studio.ui.train.form.setting_words import SETTINGS, show_value


def draw_settings(training: Training) -> None:
    """Draw the settings of a training in an expander, and where its files are."""
    with st.expander("All settings", key="training_settings"):
        recipe = training.order.recipe
        rows = [(setting.label, show_value(getattr(recipe, name))) for name, setting in SETTINGS.items()]
        rows.append(("Dataset", str(training.order.dataset)))
        if training.facts is not None:
            rows.append(("Computed on", training.facts.device))
        st.html(plain_table(rows, "Settings of the training"))
        st.caption("Everything of this training is stored in this folder. TensorBoard reads its folder “logs”.")
        st.code(str(training.folder.root), language=None, wrap_lines=True)
