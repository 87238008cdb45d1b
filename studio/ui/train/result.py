"""What came of a training: the way to the Generate page, trigger words, the best weight, and its card."""

from __future__ import annotations

import streamlit as st

from studio.jobs.trainings import Training
from studio.ui.shared.best_weight import find_best_weight
from studio.ui.shared.markdown import escape_markdown
from studio.ui.shared.navigation import GENERATE

_CARD_LIMIT_BYTES = 2**18


def draw_result(training: Training) -> None:
    """Draw the adapter of a training: what it needs, and one click that draws with it."""
    weight, reason = find_best_weight(training)
    trigger = training.order.recipe.trigger
    with st.container(border=True, key="training_result", gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown("**The adapter is ready**", width="content")
            st.page_link(
                GENERATE,
                label="Use it on the Generate page",
                icon=":material/auto_awesome:",
                help="Chooses its model and the adapter in Settings, and fills in weight and trigger words.",
                query_params={"training": training.id},
            )
        words = f"Trigger words: **{escape_markdown(trigger)}**" if trigger else "No trigger words"
        st.markdown(f"{words} · weight **{weight:g}**")
        st.caption(escape_markdown(reason))
        _draw_card(training)


def _draw_card(training: Training) -> None:
    """Draw the model card as it is written: it quotes names and captions, which must not be read as Markdown."""
    try:
        with (training.folder.adapter / "README.md").open("rb") as file:
            text = file.read(_CARD_LIMIT_BYTES).decode("utf-8", "replace")
    except OSError:
        return
    with st.expander("Model card", key="training_card"):
        st.caption("README.md beside the adapter, in the form of Hugging Face. Pass it on with the adapter.")
        st.code(text, language="markdown", wrap_lines=True, height=480)
