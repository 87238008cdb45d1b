"""Up to six pictures side by side, and the table of their parameters that differ."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import streamlit as st

from studio.catalogue import Source, Variation
from studio.catalogue.lineage import find_design
from studio.errors import InputError, NotFoundError
from studio.ui.picture_routes import source_url, variation_url
from studio.ui.session import workspace
from studio.ui.shared.facts.record_facts import RecordWithDesign
from studio.ui.shared.favourites import STAR_STYLE, draw_favourite
from studio.ui.shared.links import COMPARE_MOST, change_address
from studio.ui.shared.navigation import GALLERY
from studio.ui.shared.parameters import compare, name_equals
from studio.ui.shared.pictures import describe_source, describe_variation, page_url, picture_html
from studio.ui.shared.selection import drop, select, selected
from studio.ui.shared.tables import comparison_table

_LETTERS = "ABCDEF"
_STYLE = """<style>
[class*="st-key-marked_"] { min-height: 2.4rem; }
[class*="st-key-marked_"] [class*="st-key-star_"] button { min-height: 1.8rem; padding: 0 0.5rem; }
</style>"""
_TALLEST_SHAPE, _WIDEST_SHAPE = (1, 2), (2, 1)


@dataclass(frozen=True, slots=True)
class ComparedPictures:
    """The pictures of a comparison, and the design that all of them were made from (None: not the same design).

    `run` is the run that the address names, None where it names single pictures. `notes` are sentences to show.
    """

    variations: tuple[Variation, ...]
    records: tuple[RecordWithDesign, ...]
    source: Source | None
    run: str | None = None
    notes: tuple[str, ...] = ()


def find_pictures() -> ComparedPictures:
    """Return the pictures that the page's address names, else the ticked ones, and write those into the address."""
    address = st.query_params
    if "run" in address and "ids" not in address:
        return _find_run(address["run"])
    ids = tuple(dict.fromkeys(one for one in address.get("ids", "").split(",") if one))
    if not ids and selected():
        ids = selected()[:COMPARE_MOST]
        change_address(ids=",".join(ids))
    return _find_ids(ids)


def draw_pictures(compared: ComparedPictures, *, least_width_px: int, tallest: str | None, with_design: bool) -> None:
    """Draw the pictures in frames of one shape and size, each with its letter and its buttons.

    A row holds as many as fit at `least_width_px`. `tallest` is a CSS length that limits their height.
    """
    st.html(_STYLE + STAR_STYLE)
    shape = _shape_for(compared.variations)
    count = len(compared.variations) + with_design
    with st.grid(count, min_column_width=least_width_px, gap="small", key="compare_sheet") as sheet:
        if with_design and compared.source is not None:
            with sheet.cell(), st.container(gap="xsmall", key="compared_design"):
                _draw_design(compared.source, shape, tallest)
        shown = tuple(variation.id for variation in compared.variations)
        for letter, variation in zip(_LETTERS, compared.variations, strict=False):
            with sheet.cell(), st.container(gap="xsmall", key=f"compared_{variation.id}"):
                _draw_picture(letter, variation, shape, tallest, shown)


def draw_table(compared: ComparedPictures) -> None:
    """Draw the table of parameters with the differing ones marked, and a line that names the equal ones."""
    comparisons = [comparison for comparison in compare(compared.records) if comparison.applies]
    differing = [comparison for comparison in comparisons if comparison.differs]
    st.session_state.setdefault("compare_only", True)
    with st.container(horizontal=True, vertical_alignment="center", key="compare_head"):
        st.subheader("Parameters", width="content")
        st.toggle("Only differences", key="compare_only", persist_state="session")
    if not st.session_state["compare_only"]:
        st.html(comparison_table(_LETTERS[: len(compared.records)], comparisons, marked=True))
    elif differing:  # no marks: every row would have one
        st.html(comparison_table(_LETTERS[: len(compared.records)], differing, marked=False))
    st.caption(name_equals(comparisons))


def _draw_design(source: Source, shape: tuple[int, int], tallest: str | None) -> None:
    address = page_url(source_url(source.sha256))
    st.html(picture_html(address, alt=describe_source(source), size=shape, tallest=tallest, link=address))
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key="marked_design"):
        st.markdown("**Design**", width="content")


def _draw_picture(
    letter: str, variation: Variation, shape: tuple[int, int], tallest: str | None, shown: tuple[str, ...]
) -> None:
    record = variation.record
    address = page_url(variation_url(record.id))
    st.html(picture_html(address, alt=describe_variation(record), size=shape, tallest=tallest, link=address))
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key=f"marked_{record.id}"):
        st.markdown(f"**{letter}**", width="content")
        draw_favourite(variation, place="compare")
        st.page_link(GALLERY, label="Open", icon="", query_params={"open": record.id})
        st.button(
            ":material/close:",
            key=f"remove_{record.id}",
            type="tertiary",
            help="Take this picture out of the comparison. It stays in the gallery.",
            on_click=_remove,
            args=(record.id, shown),
        )


def _remove(variation_id: str, shown: tuple[str, ...]) -> None:
    rest = [one for one in shown if one != variation_id]
    if set(selected()) == set(shown):
        select(rest)
    else:
        drop([variation_id])
    change_address(run=None, ids=",".join(rest) or None)


def _find_run(run_id: str) -> ComparedPictures:
    try:
        variations = workspace().catalogue.run(run_id)
    except InputError as error:
        return ComparedPictures((), (), None, notes=(str(error),))
    if not variations:
        return ComparedPictures((), (), None, notes=("No picture of this run is left.",))
    notes: tuple[str, ...] = ()
    if len(variations) > COMPARE_MOST:
        notes = (f"This run made {len(variations)} pictures; the first {COMPARE_MOST} are shown.",)
    return _with_sources(variations[:COMPARE_MOST], notes, run_id)


def _find_ids(ids: tuple[str, ...]) -> ComparedPictures:
    notes = []
    if len(ids) > COMPARE_MOST:
        notes.append(f"{len(ids)} pictures were chosen; the first {COMPARE_MOST} are shown.")
    found = [_find(one) for one in ids[:COMPARE_MOST]]
    variations = tuple(variation for variation in found if variation is not None and variation.deleted_at is None)
    if len(variations) < len(found):
        missing = len(found) - len(variations)
        notes.append(f"{missing} of the pictures {'is' if missing == 1 else 'are'} in the bin or removed for good.")
    return _with_sources(variations, tuple(notes))


def _with_sources(
    variations: tuple[Variation, ...], notes: tuple[str, ...], run: str | None = None
) -> ComparedPictures:
    firsts = {one.record.source for one in variations}
    seconds = {one.record.cross.source for one in variations if one.record.cross is not None}
    found = {sha256: find_design(workspace().catalogue, sha256) for sha256 in firsts | seconds}
    records = tuple(
        RecordWithDesign(
            one.record, found[one.record.source], None if one.record.cross is None else found[one.record.cross.source]
        )
        for one in variations
    )
    common = found[next(iter(firsts))] if len(firsts) == 1 else None
    return ComparedPictures(variations, records, common, run, notes)


def _find(variation_id: str) -> Variation | None:
    try:
        return workspace().catalogue.variation(variation_id)
    except NotFoundError:
        return None


def _shape_for(variations: Iterable[Variation]) -> tuple[int, int]:
    """Return the frame's width and height: the pictures' own where all share one, else a square.

    The sides of a frame differ by a factor of two at most.
    """
    shapes = {(one.record.facts.width_px, one.record.facts.height_px) for one in variations}
    if len(shapes) != 1:
        return 1, 1
    (shape,) = shapes
    width_px, height_px = shape
    if width_px * 2 < height_px:
        return _TALLEST_SHAPE
    return _WIDEST_SHAPE if width_px > 2 * height_px else shape
