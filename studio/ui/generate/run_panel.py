"""The run on the Generate page: place in line, progress, pictures, and what it was drawn with."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st

from studio.catalogue import Source, Variation
from studio.catalogue.lineage import Lineage, find_design
from studio.errors import NotFoundError, StudioError
from studio.schema import JobSnapshot, JobState, TrainingSnapshot
from studio.ui.generate.cards import ACTIONS_HEIGHT_PX, draw_card, draw_progress, draw_unfinished
from studio.ui.generate.redraw import draw_offer, draw_ongoing
from studio.ui.generate.run_score import SetScore, describe_miss, describe_score, find_score
from studio.ui.generate.run_view import RunSlot, RunView, find_run
from studio.ui.generate.run_words import (
    count_variations,
    describe_end,
    describe_facts,
    describe_progress,
    describe_training,
)
from studio.ui.shared.links import COMPARE_MOST
from studio.ui.shared.markdown import escape_markdown
from studio.ui.shared.navigation import COMPARE, TRAIN
from studio.ui.shared.notices import show_notices
from studio.ui.shared.pictures import show_caption, show_place, show_source
from studio.workspace import Workspace

if TYPE_CHECKING:
    from streamlit.elements.lib.grid_container import GridContainer

_STARTED = "run_started"
_INTO_VIEW = """<script>
setTimeout(() => {
  const head = document.querySelector(".st-key-run_head");
  const box = head?.getBoundingClientRect();
  if (box && (box.top < 0 || box.top > innerHeight / 4)) head.scrollIntoView({block: "start"});
}, 300);
</script>"""
"""Where the run is below the form, as on a phone, the page scrolls to it once its empty places are there."""
POLL_SECONDS = 0.5
_OTHERS_POLL_SECONDS = 3.0
_COLUMNS = 3
_NARROWEST_PX = 156
SCORE_HELP = (
    "Drawn anew: knots with another yarn than in the design, but for one that looks like it (ΔE below 3). The design’s "
    "own drawing: neighbourhoods of 8 × 8 knots that the design has too, as they are or mirrored; the rest are places "
    "where motifs meet that never met before, or lines that the design does not have. Outlines are compared where "
    "pictures have colours of their own: 0 % are the same lines, 100 % unrelated ones."
)


def draw_run(workspace: Workspace, run_id: str) -> None:
    """Draw a run as a fragment, which reruns by itself twice a second while the run or a redraw goes on."""
    try:
        idle = find_run(workspace, run_id).idle
    except NotFoundError as error:
        st.info(escape_markdown(error))
        return
    st.fragment(_draw_run, run_every=None if idle else POLL_SECONDS)(workspace, run_id, polled=not idle)
    if st.session_state.pop(_STARTED, False):
        st.html(_INTO_VIEW, unsafe_allow_javascript=True)


def bring_into_view() -> None:
    """Let the page scroll to the run that it draws next, unless that is in view."""
    st.session_state[_STARTED] = True


def draw_waiting_sheet(source: Source, count: int) -> None:
    """Draw the design and `count` empty places for the variations of the next run."""
    size = (source.width_px, source.height_px)
    with _sheet():
        _draw_design(source)
        for slot in range(count):
            show_place(f"Variation {slot + 1}", size=size)


def belongs_to(workspace: Workspace, run_id: str, design: Source) -> bool:
    """Return whether to show a run with this design: it was made from it, or is unknown, which `draw_run` reports."""
    try:
        return find_run(workspace, run_id).source.sha256 == design.sha256
    except NotFoundError:
        return True


def draw_way_back(workspace: Workspace, run_id: str, choose: Callable[[Source], None]) -> None:
    """Draw a button that calls `choose` with the design of a run, beside which the run is shown again."""
    view = find_run(workspace, run_id)
    name = escape_markdown(view.source.label or "the last design")
    label = f"Back to {name} and its {count_variations(view.finished)}"
    st.button(label, key="run_back", type="tertiary", icon=":material/undo:", on_click=choose, args=(view.source,))


def draw_others(workspace: Workspace, own: str | None) -> None:
    """Draw a line on the runs of other sessions, with a button to show one; nothing while the run `own` goes on."""
    active = workspace.jobs.active()
    if any(workspace.jobs.run_of(snapshot.id) == own for snapshot in active):
        return  # it shows its own place in line
    st.fragment(_draw_others, run_every=_OTHERS_POLL_SECONDS if active else None)(workspace)


def _draw_run(workspace: Workspace, run_id: str, *, polled: bool) -> None:
    show_notices()
    view = find_run(workspace, run_id)
    if polled and view.idle:
        st.rerun()  # the whole page: it draws this fragment without a timer
    with st.container(key="run_view"):
        _draw_head(workspace, view)
        if view.ongoing is not None and view.ongoing.state is JobState.QUEUED:
            _draw_training_first(workspace)
        if view.snapshot is not None:
            _draw_error(workspace, view.snapshot)
        _draw_pictures(workspace, view)
        if view.facts is not None:
            cross = view.request.cross  # its second design alone is looked up: this is drawn twice a second
            second = None if cross is None else find_design(workspace.catalogue, cross.source)
            lineage = Lineage(view.source, second)
            for line in (describe_facts(view.facts, view.request, lineage), *map(escape_markdown, view.facts.notes)):
                st.caption(line)


def _draw_pictures(workspace: Workspace, view: RunView) -> None:
    # Only once the run is over, because its figures would change with each picture that comes. For the same reason a
    # picture counts until its redraw is finished.
    finished = tuple(slot.variation for slot in view.slots if slot.variation is not None)
    scored = find_score(workspace.catalogue, finished) if view.ongoing is None else None
    if scored is not None and (words := describe_score(scored, [one.record for one in finished])):
        st.caption(words, help=SCORE_HELP)
        if (miss := describe_miss([one.record for one in finished])) is not None:
            st.caption(f":material/info: {miss}")
        if 2 * len(scored.twins) >= len(finished):
            st.caption(
                ":material/info: Most of these variations are nearly alike. Draw more of the design anew, or "
                "use a higher strength, and they differ more."
            )
    with _sheet():
        _draw_design(view.source)
        for slot in view.slots:
            with st.container(gap="xsmall"):
                _draw_slot(workspace, view, slot, scored)


def _draw_slot(workspace: Workspace, view: RunView, slot: RunSlot, scored: SetScore | None) -> None:
    """Draw a slot: its redraw, its finished variation, or its unfinished one."""
    if slot.ongoing is not None:
        draw_ongoing(workspace, slot.number, slot.ongoing, view.size)
        return
    if slot.variation is not None:
        draw_card(slot.variation, workspace.catalogue)
        if scored is not None:
            _draw_doubt(workspace, view, slot.variation, scored)
    else:
        if view.ongoing is None:
            draw_unfinished(slot.number, slot.seed, None, size=view.size, text="Not finished")
        else:
            draw_unfinished(slot.number, slot.seed, view.ongoing.previews[slot.number], size=view.size)
        st.space(ACTIONS_HEIGHT_PX)
    if slot.redraw is not None:
        _draw_error(workspace, slot.redraw)


def _draw_doubt(workspace: Workspace, view: RunView, variation: Variation, scored: SetScore) -> None:
    """Say that a variation is nearly its design or nearly another variation, and offer a redraw."""
    if variation.deleted_at is not None:
        return
    if variation.id in scored.copies:
        more = "A higher strength" if variation.record.drawing == "model" else "A larger share drawn anew"
        st.caption(f":material/content_copy: Nearly the design itself. {more} departs further from it.")
    elif variation.id in scored.twins:
        st.caption(f":material/content_copy: Nearly the same as variation {scored.twins[variation.id] + 1}.")
    else:
        return
    draw_offer(workspace, view, variation)


def _draw_head(workspace: Workspace, view: RunView) -> None:
    """Draw a row with the run's progress and “Cancel”, or its end and a link to Compare. Its height is fixed."""
    with st.container(
        horizontal=True, vertical_alignment="center", height=56, border=False, gap="medium", key="run_head"
    ):
        if view.ongoing is not None:
            draw_progress(view.ongoing)
            st.button("Cancel", key="run_cancel", on_click=workspace.jobs.cancel, args=(view.id,))
        else:
            st.markdown(f"**{describe_end(view.finished, view.snapshot)}**")
            if view.finished:
                st.page_link(
                    COMPARE,
                    label="Compare with the design"
                    if view.finished <= COMPARE_MOST
                    else f"Compare the first {COMPARE_MOST} with the design",
                    icon=":material/compare:",
                    query_params={"run": view.id},
                )


def _draw_error(workspace: Workspace, job: JobSnapshot) -> None:
    """Draw the error of a job, if it has one, and a button to save its unsaved pictures."""
    if job.error is None:
        return
    st.error(escape_markdown(job.error), icon=":material/error:")
    if job.unsaved and job.state.over:
        st.markdown(f"{job.unsaved} finished picture{'' if job.unsaved == 1 else 's'} could not be saved yet.")
        if st.button("Save again", key=f"run_save_{job.id}", type="primary"):
            try:
                workspace.jobs.save_again(job.id)
            except StudioError as error:
                st.toast(escape_markdown(error), icon=":material/error:")
            else:
                st.rerun()


def _draw_design(source: Source) -> None:
    with st.container(gap="xsmall"):
        show_source(source)
        show_caption("Your design")


def _draw_others(workspace: Workspace) -> None:
    _draw_training_first(workspace)
    runs = [one for one in workspace.jobs.active() if isinstance(one, JobSnapshot)]
    if not runs:
        return
    number = "Another run" if len(runs) == 1 else f"{len(runs)} other runs"
    progress = escape_markdown(describe_progress(runs[0]))
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", gap="xsmall"):
        st.caption(f"{number}: {progress[0].lower()}{progress[1:]}", width="content")
        if st.button("Show", key="run_show_other", type="tertiary"):
            st.query_params["run"] = workspace.jobs.run_of(runs[0].id)
            st.rerun()


def _draw_training_first(workspace: Workspace) -> None:
    """Say that a training is at the head of the queue, where one is, with a link to it."""
    active = workspace.jobs.active()
    if active and isinstance(active[0], TrainingSnapshot):
        st.caption(f":material/model_training: {describe_training(active[0])}")
        st.page_link(TRAIN, label="Show the training", query_params={"training": active[0].id})


def _sheet() -> GridContainer:
    """Return the grid of the design and its variations."""
    return st.grid(_COLUMNS, min_column_width=_NARROWEST_PX, gap="small")
