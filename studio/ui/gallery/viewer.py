"""The viewer: one large picture beside its design, with its parameters and its actions."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from studio.catalogue import Source, Variation, format_parameters
from studio.catalogue.lineage import Lineage, find_lineage, has_file, name_design, name_second
from studio.catalogue.records import GalleryQuery, Neighbours
from studio.errors import NotFoundError
from studio.schema import Cross, VariationRecord
from studio.ui.gallery.grid import draw_run_strip, open_variation
from studio.ui.gallery.loom_export import draw_export, draw_yarns
from studio.ui.gallery.scroll_position import scroll_to_top
from studio.ui.session import workspace
from studio.ui.shared.deletion import delete_pictures, forget_deletion, restore_pictures
from studio.ui.shared.facts.record_facts import RecordWithDesign, describe_size
from studio.ui.shared.favourites import STAR_STYLE, draw_favourite
from studio.ui.shared.links import change_address, link_compare_run, link_cross, link_same_settings, link_vary
from studio.ui.shared.markdown import escape_markdown
from studio.ui.shared.pictures import show_caption, show_source, show_variation
from studio.ui.shared.selection import drop
from studio.ui.shared.tables import facts_table

_TALLEST = "74vh"


def draw_viewer(variation_id: str, query: GalleryQuery) -> None:
    """Draw the viewer of a picture. `query` is the gallery view it was opened from, which orders its neighbours."""
    catalogue = workspace().catalogue
    try:
        variation = catalogue.variation(variation_id)
    except NotFoundError as error:
        st.error(escape_markdown(error))
        st.button("All pictures", icon=":material/arrow_back:", on_click=_close)
        return
    neighbours = catalogue.neighbours(query, variation_id)
    st.html(STAR_STYLE)
    _draw_navigation(neighbours)
    lineage = find_lineage(catalogue, variation.record)
    picture, words = st.columns([6, 5], gap="medium")
    with picture:
        show_variation(variation.record, full=True, tallest=_TALLEST)
        st.caption(_caption(variation.record, neighbours))
        draw_yarns(variation.record)
    with words:
        _draw_actions(variation, neighbours)
        for note in variation.record.facts.notes:
            st.caption(f":material/info: {escape_markdown(note)}")
        _draw_relations(variation, lineage)
        st.html(facts_table(RecordWithDesign(variation.record, lineage.design, lineage.second)))
        with st.expander("Copy the parameters", icon=":material/content_copy:"):
            st.code(format_parameters(variation.record), language=None, wrap_lines=True)
    scroll_to_top(variation.id)


def _draw_navigation(neighbours: Neighbours | None) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="opened_way"):
        st.button("All pictures", icon=":material/arrow_back:", key="opened_close", on_click=_close)
        if neighbours is None:
            return
        st.button(
            "Newer",
            key="opened_newer",
            shortcut="Left",
            disabled=neighbours.newer is None,
            on_click=open_variation,
            args=(neighbours.newer,),
        )
        st.button(
            "Older",
            key="opened_older",
            shortcut="Right",
            disabled=neighbours.older is None,
            on_click=open_variation,
            args=(neighbours.older,),
        )


def _draw_actions(variation: Variation, neighbours: Neighbours | None) -> None:
    catalogue = workspace().catalogue
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="opened_actions"):
        if variation.deleted_at is not None:
            st.markdown("This picture is in the bin.", width="content")
            st.button(
                "Restore",
                icon=":material/restore_from_trash:",
                key="opened_restore",
                on_click=_restore,
                args=(variation.id,),
            )
            return
        link_same_settings(variation.id)
        link_vary(variation.id)
        link_cross(variation.id)
        draw_favourite(variation, place="opened")
        st.download_button(
            "Download",
            data=lambda: catalogue.variation_bytes(variation.id),
            file_name=f"{variation.id}.png",
            mime="image/png",
            key="opened_download",
            icon=":material/download:",
            on_click="ignore",
            help="The full-size PNG, with all of its parameters stored inside.",
        )
        draw_export(variation)
        st.button(
            "Delete",
            icon=":material/delete:",
            key="opened_delete",
            on_click=_delete,
            args=(variation.id, neighbours),
        )


def _draw_relations(variation: Variation, lineage: Lineage) -> None:
    """Draw the designs that the picture was made from, and the other pictures of its run."""
    record = variation.record
    same_run = workspace().catalogue.run(record.run, replaced=True)
    design, run = st.columns([2, 3], gap="medium", wrap=False)
    with design, st.container(gap="xsmall"):
        st.markdown("**Made from**")
        _draw_design(lineage.design, name_design(lineage.design, record.source))
        if lineage.design is not None:
            _draw_link("All variations of this design", "opened_source", _narrow, "source", record.source)
        if record.parent is not None:
            _draw_link("Open the picture it was varied from", "opened_parent", open_variation, record.parent)
        if record.cross is not None:
            _draw_second(record.cross, lineage.second)
    with run, st.container(gap="xsmall"):
        st.markdown("**From the same run**")
        if len(same_run) > 1:
            draw_run_strip(same_run, record.id)
            link_compare_run(record.run)
        else:
            st.caption("This run has no other picture.")


def _draw_second(cross: Cross, second: Source | None) -> None:
    """Draw the second design of a cross: an upload, a sample, or a picture of the gallery."""
    st.markdown("**In the layout of**" if cross.way == "layout" else "**Crossed with**")
    _draw_design(second, name_second(cross, second))
    if cross.parent is not None:
        _draw_link("Open the picture it was crossed with", "opened_cross_parent", open_variation, cross.parent)


def _draw_link(label: str, key: str, follow: Callable[..., None], *to: str) -> None:
    st.button(label, key=key, type="tertiary", on_click=follow, args=to)


def _draw_design(source: Source | None, name: str) -> None:
    """Draw a design and its name, or say that it is gone."""
    if source is None or not has_file(workspace().catalogue, source):
        st.caption(f"{escape_markdown(name)} is no longer stored.")
        return
    show_source(source, tallest="24vh")
    show_caption(name)


def _caption(record: VariationRecord, neighbours: Neighbours | None) -> str:
    facts = record.facts
    size = describe_size(facts.width_px, facts.height_px)
    if facts.enlarged:
        size += f", drawn at {describe_size(facts.working_width_px, facts.working_height_px)} and enlarged"
    return size if neighbours is None else f"{neighbours.position} of {neighbours.total} · {size}"


def _close() -> None:
    forget_deletion()
    change_address(open=None)


def _narrow(name: str, value: str) -> None:
    """Close the viewer and show only the pictures with this value of a filter."""
    change_address(open=None, page=None, text=None, show=None, model=None, drawing=None, adapter=None, **{name: value})


def _restore(variation_id: str) -> None:
    restore_pictures((variation_id,))


def _delete(variation_id: str, neighbours: Neighbours | None) -> None:
    """Delete the picture and open its older or else newer neighbour, or the gallery if it has none."""
    if delete_pictures((variation_id,)):
        drop((variation_id,))
        following = None
        if neighbours is not None:
            following = neighbours.newer if neighbours.older is None else neighbours.older
        change_address(open=following)
