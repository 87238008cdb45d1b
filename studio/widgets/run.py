"""A run on a page: its place in line, its progress, its pictures as they come, and what it was made with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import streamlit as st

from studio.catalogue import Catalogue, Source, Variation
from studio.errors import NotFoundError, StudioError
from studio.requests import JobSnapshot, RunFacts, VariationRecord, VariationRequest, fresh_seed
from studio.widgets.cards import draw_card, draw_unfinished
from studio.widgets.links import COMPARE_MOST
from studio.widgets.navigation import COMPARE
from studio.widgets.notices import attempt, show_notices
from studio.widgets.pictures import show_caption, show_place, show_source
from studio.widgets.run_words import describe_end, describe_facts, describe_progress
from studio.widgets.set_score import SetScore, describe_score, find_score
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


@dataclass(frozen=True, slots=True)
class RunView:
    """A run as it is drawn, from the queue or, after a restart, from the catalogue alone.

    `slots` pairs each seed with its finished variation, if any; `size` is that of the design in pixels. `request`
    holds the settings: the run's own, or those written into its first picture.
    """

    id: str
    source: Source
    size: tuple[int, int]
    slots: tuple[tuple[int, Variation | None], ...]
    request: VariationRequest | VariationRecord
    facts: RunFacts | None
    snapshot: JobSnapshot | None

    @property
    def over(self) -> bool:
        """Whether nothing more will happen."""
        return self.snapshot is None or self.snapshot.state.over

    @property
    def finished(self) -> int:
        """Number of pictures that are there."""
        return sum(variation is not None for _, variation in self.slots)


def find_run(workspace: Workspace, run_id: str) -> RunView:
    """Return a run by its id. Raises `NotFoundError` when neither the queue nor the catalogue knows it."""
    catalogue = workspace.catalogue
    snapshot = workspace.jobs.snapshot(run_id)
    if snapshot is not None:
        source = catalogue.source(snapshot.request.source)
        found = [_find(catalogue, one) for one in snapshot.variations]
        slots = tuple(zip(snapshot.request.seeds, found, strict=True))
        size = (source.width_px, source.height_px)
        return RunView(run_id, source, size, slots, snapshot.request, snapshot.facts, snapshot)
    variations = catalogue.run(run_id)
    if not variations:
        raise NotFoundError("This run is not known any more. What it finished, if anything, is in the gallery.")
    record = variations[0].record
    return RunView(
        id=run_id,
        source=catalogue.source(record.source),
        size=(record.facts.width_px, record.facts.height_px),
        slots=tuple((variation.record.seed, variation) for variation in variations),
        request=record,
        facts=record.facts,
        snapshot=None,
    )


def draw_run(workspace: Workspace, run_id: str) -> None:
    """Draw a run; while it is not over, it is drawn again twice a second without the rest of the page."""
    try:
        running = not find_run(workspace, run_id).over
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
    if any(snapshot.id == own for snapshot in active):
        return  # it shows its place in line itself
    st.fragment(_draw_others, run_every=_OTHERS_POLL_SECONDS if active else None)(workspace)


def _draw_run(workspace: Workspace, run_id: str, running: bool) -> None:
    show_notices()
    view = find_run(workspace, run_id)
    if running and view.over:
        st.rerun()  # the whole page once more: it draws this part without a clock
    with st.container(key="run_view"):
        _draw_head(workspace, view)
        _draw_trouble(workspace, view)
        _draw_pictures(workspace, view)
        if view.facts is not None:
            for line in (describe_facts(view.facts), *view.facts.notes):
                st.caption(line)


def _draw_pictures(workspace: Workspace, view: RunView) -> None:
    # Only of a whole run: while pictures come, figures of the first two would change under the reader's eyes.
    there = tuple(variation for _, variation in view.slots if variation is not None)
    scored = find_score(workspace.catalogue, there) if view.over else None
    if scored is not None and (words := describe_score(scored.score)):
        st.caption(words, help=SCORE_HELP)
    with _sheet():
        _draw_design(view.source)
        for slot, (seed, variation) in enumerate(view.slots):
            with st.container(gap="xsmall"):
                if variation is not None:
                    draw_card(variation, workspace.catalogue, place="run")
                    if scored is not None:
                        _draw_doubt(workspace, view, variation, scored)
                else:
                    preview = view.snapshot.previews[slot] if view.snapshot is not None else None
                    draw_unfinished(slot, seed, preview, size=view.size, text="Not finished" if view.over else "")


def _draw_doubt(workspace: Workspace, view: RunView, variation: Variation, scored: SetScore) -> None:
    """Say that a variation is no new one, and offer another in its place."""
    if variation.deleted_at is not None:
        return
    if variation.id in scored.copies:
        st.caption(":material/content_copy: Nearly the design itself. A higher strength leaves it further.")
    elif variation.id in scored.twins:
        st.caption(f":material/content_copy: Nearly the same as variation {scored.twins[variation.id] + 1}.")
    else:
        return
    if isinstance(view.request, VariationRequest):
        again = st.button("Again with another seed", key=f"run_again_{variation.id}", type="tertiary")
        if again and attempt(_again, workspace, view.request):
            st.rerun()  # the whole page: this part of it would go on showing the old run


def _again(workspace: Workspace, request: VariationRequest) -> None:
    """Start a run of one variation with the same settings and a fresh seed."""
    st.query_params["run"] = workspace.jobs.submit(replace(request, seeds=(fresh_seed(),)))


def _draw_head(workspace: Workspace, view: RunView) -> None:
    """One row of the same height whether the run goes on or not: where it stands, and what can be done now."""
    with st.container(horizontal=True, vertical_alignment="center", height=56, border=False, gap="medium"):
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


def _draw_trouble(workspace: Workspace, view: RunView) -> None:
    if view.snapshot is None or view.snapshot.error is None:
        return
    st.error(view.snapshot.error, icon=":material/error:")
    if view.snapshot.unsaved and view.over:
        number = view.snapshot.unsaved
        st.markdown(f"{number} finished picture{'' if number == 1 else 's'} could not be saved yet.")
        if st.button("Save again", key="run_save", type="primary"):
            try:
                workspace.jobs.save_again(view.id)
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
            st.query_params["run"] = active[0].id
            st.rerun()


def _sheet():  # noqa: ANN202
    return st.grid(_COLUMNS, min_column_width=_NARROWEST_PX, gap="small")


def _find(catalogue: Catalogue, variation_id: str | None) -> Variation | None:
    if variation_id is None:
        return None
    try:
        return catalogue.variation(variation_id)
    except NotFoundError:  # removed for good meanwhile
        return None
