"""The trainings of this studio, newest first, each in a row that opens it."""

from __future__ import annotations

import streamlit as st

from studio.jobs.trainings import Training
from studio.schema import TrainingSnapshot
from studio.ui.session import workspace
from studio.ui.shared.amounts import describe_count, describe_moment
from studio.ui.shared.markdown import escape_markdown
from studio.ui.train.training_words import ICONS, STATES, describe_progress, name_training
from studio.ui.train.watch import show_training

_POLL_SECONDS = 3.0


def draw_active() -> None:
    """Draw a line on the training at the head of the queue: on a phone the list is far below."""
    if any(isinstance(one, TrainingSnapshot) for one in workspace().jobs.active()):
        st.fragment(_draw_active, run_every=_POLL_SECONDS)()


def _draw_active() -> None:
    found = [one for one in workspace().jobs.active() if isinstance(one, TrainingSnapshot)]
    if not found:
        st.rerun()  # the whole page: it draws this line no more
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="training_active"):
        st.markdown(f":material/model_training: {escape_markdown(describe_progress(found[0]))}", width="content")
        st.button(
            f"Show {escape_markdown(name_training(found[0].id))}",
            key="training_show_active",
            type="tertiary",
            on_click=show_training,
            args=(found[0].id,),
        )


def draw_trainings() -> None:
    """Draw the list, again by itself while a training is in the queue."""
    st.subheader("Trainings")
    active = any(one.state.active for one in workspace().trainings.list_all())
    st.fragment(_draw, run_every=_POLL_SECONDS if active else None)(polled=active)


def _draw(*, polled: bool) -> None:
    found = workspace().trainings.list_all()
    if polled and not any(one.state.active for one in found):
        st.rerun()  # the whole page: it draws this fragment without a timer
    if not found:
        with st.container(border=True, key="trainings_empty"):
            st.markdown("#### No training yet")
            st.markdown(
                "Name a folder of your designs, look at what was found in it, and start. Some twenty designs of one "
                "style are enough for a first adapter. It is listed here while it is trained and afterwards."
            )
        return
    with st.container(key="training_view_list", gap="small"):
        for training in found:
            _draw_row(training)


def _draw_row(training: Training) -> None:
    with st.container(border=True, key=f"training_row_{training.id}", gap="xsmall"):
        st.button(
            f"**{escape_markdown(name_training(training.id))}**",
            key=f"training_show_{training.id}",
            type="tertiary",
            help="Shows its curves, samples and settings.",
            on_click=show_training,
            args=(training.id,),
        )
        st.caption(f"{ICONS[training.state]} {escape_markdown(_describe(training))}")


def _describe(training: Training) -> str:
    """Return state, steps, loss and date in a line."""
    if training.snapshot is not None and training.state.active:
        return describe_progress(training.snapshot)
    progress = training.progress
    words = [
        STATES[training.state],
        f"{describe_count(progress.step)} of {describe_count(training.order.recipe.steps)} steps",
    ]
    if progress.validations:
        words.append(f"held-out loss {progress.validations[-1].loss:.3f}")
    elif progress.losses:
        words.append(f"loss {progress.losses[-1]:.3f}")
    words.append(describe_moment(training.order.created_at))
    return " · ".join(word for word in words if word)
