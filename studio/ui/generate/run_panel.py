"""A run on a page: its place in line, its progress, its pictures as they come, and what it was made with."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from studio.catalogue import Source
from studio.errors import NotFoundError, StudioError
from studio.schema import JobSnapshot
from studio.ui.generate.cards import ACTIONS_HEIGHT_PX, draw_card, draw_unfinished
from studio.ui.generate.redraw import draw_forming, draw_offer
from studio.ui.generate.run_view import RunSlot, RunView, find_run
from studio.ui.generate.run_words import describe_end, describe_facts, describe_progress
from studio.ui.generate.set_score import SetScore, describe_score, find_score
from studio.ui.shared.links import COMPARE_MOST
from studio.ui.shared.navigation import COMPARE
from studio.ui.shared.notices import show_notices
from studio.ui.shared.pictures import show_caption, show_place, show_source
from studio.workspace import Workspace

POLL_SECONDS = 0.5
_OTHERS_POLL_SECONDS = 3.0
_COLUMNS = 3
_NARROWEST_PX = 156
SCORE_HELP = (
    "Fidelity: do edges lie where the design has them? 1 is the same drawing, 0 an unrelated one. "
    "Difference: how differently are two variations drawn? 0 is one drawing in other colours. Colours do not count."
)
_NUMBERS = ("none", "one", "two", "three", "four", "five", "six")


def draw_run(workspace: Workspace, run_id: str) -> None:
    """Draw a run; while something happens in it, it is drawn anew twice a second without the rest of the page."""
    try:
        running = not find_run(workspace, run_id).still
    except NotFoundError as error:
        st.info(str(error))
        return
    st.fragment(_draw_run, run_every=POLL_SECONDS if running else None)(workspace, run_id, running)


def draw_waiting_sheet(source: Source, count: int) -> None:
    """Draw the design and the places of the variations that nobody asked for yet."""
    size = (source.width_px, source.height_px)
    with _sheet():
        _draw_design(source)
        for slot in range(count):
            show_place(f"Variation {slot + 1}", size=size)


def is_run_of(workspace: Workspace, run_id: str | None, design: Source) -> bool:
    """Whether a run is to be shown beside this design: it was made from it, or is not known and that has to be said."""
    if run_id is None:
        return False
    try:
        return find_run(workspace, run_id).source.sha256 == design.sha256
    except NotFoundError:
        return True


def draw_way_back(workspace: Workspace, run_id: str | None, choose: Callable[[Source], None]) -> None:
    """Draw a button that goes back to the design of the last run, beside which its pictures are shown again."""
    if run_id is None:
        return
    view = find_run(workspace, run_id)
    label = f"Back to {view.source.label or 'the last design'} and its {view.finished} variations"
    st.button(label, key="run_back", type="tertiary", icon=":material/undo:", on_click=choose, args=(view.source,))


def draw_others(workspace: Workspace, own: str | None) -> None:
    """Say that somebody else's run is being drawn, with a way to look at it; nothing while the own one goes on."""
    active = workspace.jobs.active()
    if any(workspace.jobs.run_of(snapshot.id) == own for snapshot in active):
        return  # it shows its place in line itself
    st.fragment(_draw_others, run_every=_OTHERS_POLL_SECONDS if active else None)(workspace)


def _draw_run(workspace: Workspace, run_id: str, running: bool) -> None:
    show_notices()
    view = find_run(workspace, run_id)
    if running and view.still:
        st.rerun()  # the whole page once more: it draws this part without a clock
    with st.container(key="run_view"):
        _draw_head(workspace, view)
        if view.snapshot is not None:
            _draw_trouble(workspace, view.snapshot)
        _draw_pictures(workspace, view)
        if view.facts is not None:
            for line in (describe_facts(view.facts), *view.facts.notes):
                st.caption(line)


def _draw_pictures(workspace: Workspace, view: RunView) -> None:
    # Only of a whole run: while pictures come, figures of the first two would change under the reader's eyes. So, too,
    # a picture that is drawn again counts until the new one is there.
    there = tuple(slot.variation for slot in view.slots if slot.variation is not None)
    scored = find_score(workspace.catalogue, there) if view.over else None
    if scored is not None and (words := describe_score(scored.score)):
        st.caption(words, help=SCORE_HELP)
        if 2 * len(scored.twins) >= len(there):
            st.caption(":material/info: Most of these are nearly alike. A higher strength sets them further apart.")
    with _sheet():
        _draw_design(view.source)
        for slot in view.slots:
            with st.container(gap="xsmall"):
                _draw_slot(workspace, view, slot, scored)


def _draw_slot(workspace: Workspace, view: RunView, slot: RunSlot, scored: SetScore | None) -> None:
    """Draw one place of the sheet: what comes into it, what is in it, or that nothing is."""
    if slot.forming:
        draw_forming(workspace, slot, view.size)
        return
    if slot.variation is not None:
        draw_card(slot.variation, workspace.catalogue, place="run")
        if scored is not None:
            _draw_doubt(workspace, view, slot, scored)
    else:
        # Only a run that the queue knows goes on.
        preview = None if view.over else view.snapshot.previews[slot.number]
        text = "Not finished" if view.over else ""
        draw_unfinished(slot.number, slot.seed, preview, size=view.size, text=text)
        st.space(ACTIONS_HEIGHT_PX)
    if slot.again is not None:
        _draw_trouble(workspace, slot.again)


def _draw_doubt(workspace: Workspace, view: RunView, slot: RunSlot, scored: SetScore) -> None:
    """Say that a variation is no new one, and offer another in its place."""
    variation = slot.variation
    if variation.deleted_at is not None:
        return
    if variation.id in scored.copies:
        st.caption(":material/content_copy: Nearly the design itself. A higher strength leaves it further.")
    elif variation.id in scored.twins:
        st.caption(f":material/content_copy: Nearly the same as variation {scored.twins[variation.id] + 1}.")
    else:
        return
    draw_offer(workspace, view, slot)


def _draw_head(workspace: Workspace, view: RunView) -> None:
    """One row of the same height whether the run goes on or not: where it stands, and what can be done now."""
    with st.container(
        horizontal=True, vertical_alignment="center", height=56, border=False, gap="medium", key="run_head"
    ):
        if not view.over:
            done = view.snapshot.step / view.snapshot.steps if view.snapshot.steps else 0.0
            st.progress(min(done, 1.0), text=describe_progress(view.snapshot))
            st.button("Cancel", key="run_cancel", on_click=workspace.jobs.cancel, args=(view.id,))
        else:
            st.markdown(f"**{describe_end(view.finished, view.snapshot)}**")
            if view.finished:
                st.page_link(
                    COMPARE,
                    label=f"Compare the design and its {_NUMBERS[view.finished]}"
                    if view.finished <= COMPARE_MOST
                    else f"Compare the design and its first {_NUMBERS[COMPARE_MOST]}",
                    icon=":material/compare:",
                    query_params={"run": view.id},
                )


def _draw_trouble(workspace: Workspace, job: JobSnapshot) -> None:
    """Say what went wrong in a run, or in drawing one of its places again."""
    if job.error is None:
        return
    st.error(job.error, icon=":material/error:")
    if job.unsaved and job.state.over:
        st.markdown(f"{job.unsaved} finished picture{'' if job.unsaved == 1 else 's'} could not be saved yet.")
        if st.button("Save again", key=f"run_save_{job.id}", type="primary"):
            try:
                workspace.jobs.save_again(job.id)
            except StudioError as error:
                st.toast(str(error), icon=":material/error:")
            else:
                st.rerun()


def _draw_design(source: Source) -> None:
    with st.container(gap="xsmall"):
        show_source(source)
        show_caption("Your design")


def _draw_others(workspace: Workspace) -> None:
    active = workspace.jobs.active()
    if not active:
        return
    number = "Another run" if len(active) == 1 else f"{len(active)} other runs"
    progress = describe_progress(active[0])
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", gap="xsmall"):
        st.caption(f"{number}: {progress[0].lower()}{progress[1:]}", width="content")
        if st.button("Show", key="run_show_other", type="tertiary"):
            st.query_params["run"] = workspace.jobs.run_of(active[0].id)
            st.rerun()


def _sheet():  # noqa: ANN202
    return st.grid(_COLUMNS, min_column_width=_NARROWEST_PX, gap="small")
