"""One training: its progress while it runs, its curves and samples, and what to do with it."""

from __future__ import annotations

import streamlit as st

from studio.errors import NotFoundError
from studio.jobs.trainings import Training, TrainingState
from studio.ui.session import workspace
from studio.ui.shared.amounts import describe_count, describe_moment
from studio.ui.shared.links import change_address
from studio.ui.shared.markdown import escape_markdown
from studio.ui.shared.notices import attempt, show_notices
from studio.ui.train.charts import draw_losses
from studio.ui.train.deletion import draw_deletion
from studio.ui.train.evaluation_view import draw_evaluation
from studio.ui.train.result import draw_result
from studio.ui.train.sample_grid import draw_samples
from studio.ui.train.settings_table import draw_settings
from studio.ui.train.training_words import (
    ICONS,
    describe_end,
    describe_figures,
    describe_progress,
    name_training,
)

_HEAD_POLL_SECONDS = 1.0
_BODY_POLL_SECONDS = 5.0
_HEAD_HEIGHT_PX = 64
_ADDRESS = "training"


def shown_training() -> str | None:
    """Return the id of the training that the address names."""
    return st.query_params.get(_ADDRESS)


def show_training(training_id: str | None) -> None:
    """Show a training, or the list of them (None). For callbacks."""
    change_address(training=training_id)


def draw_training(training_id: str) -> None:
    """Draw a training. Parts of it are drawn again by themselves while it is in the queue. Raises `NotFoundError`."""
    training = workspace().trainings.find(training_id)
    active = training.state.active
    st.button(
        "All trainings",
        icon=":material/arrow_back:",
        type="tertiary",
        key="train_back",
        on_click=show_training,
        args=(None,),
    )
    st.subheader(escape_markdown(name_training(training_id)))
    st.fragment(_draw_head, run_every=_HEAD_POLL_SECONDS if active else None)(training_id, polled=active)
    if training.adapter is not None and not active:
        draw_result(training)
    st.fragment(_draw_body, run_every=_BODY_POLL_SECONDS if active else None)(training_id)
    if training.adapter is not None and not active:
        draw_evaluation(training)
    draw_settings(training)
    if not active:
        draw_deletion(training)


def _draw_head(training_id: str, *, polled: bool) -> None:
    """Draw the progress and “Stop”, or the end and “Resume”. The height of the progress is fixed."""
    show_notices()
    training = _find(training_id)
    if polled != training.state.active:
        st.rerun()  # the whole page: it draws this fragment with, or without, a timer
    st.caption(escape_markdown(_describe(training)))  # what the child has found is known a little later
    snapshot = training.snapshot
    if snapshot is None or not training.state.active:
        _draw_end(training)
        return
    with st.container(
        horizontal=True,
        vertical_alignment="center",
        height=_HEAD_HEIGHT_PX,
        border=False,
        gap="medium",
        key="training_head",
    ):
        share = training.progress.share if not snapshot.step else None
        done = share if share is not None else snapshot.step / max(snapshot.steps, 1)
        st.progress(min(done, 1.0), text=escape_markdown(describe_progress(snapshot)))
        stopping = snapshot.stage.startswith("Stopping")
        waits = training.state is TrainingState.WAITING
        st.button(
            "Take out of the line" if waits else "Stop",
            key="training_stop",
            icon=":material/pause:",
            disabled=stopping,
            help="It can be resumed later." if waits else "Writes a checkpoint first, from which it can be resumed.",
            on_click=workspace().trainings.stop,
            args=(training_id,),
        )
    st.caption(escape_markdown(describe_figures(snapshot)) or "\N{NO-BREAK SPACE}")


def _draw_end(training: Training) -> None:
    if training.state is TrainingState.FAILED and training.error:
        st.error(escape_markdown(training.error), icon=":material/error:")
    words = escape_markdown(describe_end(training))
    with st.container(horizontal=True, vertical_alignment="center", gap="medium", key="training_head"):
        st.markdown(f"{ICONS[training.state]} {words}", width="content")
        if training.state is not TrainingState.FINISHED:
            st.button(
                "Resume",
                key="training_resume",
                type="primary",
                icon=":material/play_arrow:",
                on_click=_resume,
                args=(training.id,),
            )


def _resume(training_id: str) -> None:
    attempt(workspace().trainings.resume, training_id)


def _find(training_id: str) -> Training:
    """Return a training for a part of the page; where it is gone, the whole page is drawn, which says so."""
    try:
        return workspace().trainings.find(training_id)
    except NotFoundError:
        st.rerun()


def _draw_body(training_id: str) -> None:
    training = _find(training_id)
    with st.container(key="training_view"):
        st.subheader("Loss")
        draw_losses(training.progress, training.order.recipe.steps)
        draw_samples(training)


def _describe(training: Training) -> str:
    """Return a line on what is trained on what."""
    recipe, facts = training.order.recipe, training.facts
    words = [f"rank {recipe.rank}", f"{describe_count(recipe.steps)} steps"]
    if facts is not None:
        known = facts.dataset
        words.insert(0, str(facts.model.get("title", recipe.model)))
        counts = f"{known.get('trained', '?')} pictures to train on, {known.get('held_out', '?')} held out"
        words += [f"{known.get('name', training.order.dataset.name)}: {counts}"]
    else:
        words.append(training.order.dataset.name)
    if moment := describe_moment(training.order.created_at):
        words.append(moment)
    return " · ".join(words)
