"""A picture for the loom: its yarns and its repeat on the page, and the export of an indexed file."""

from __future__ import annotations

from functools import partial

import streamlit as st

from studio.catalogue import Variation
from studio.designs.colours.colour_spaces import read_colour
from studio.designs.files.export import DENSITY_LIMIT, EXPORTERS, Density, Exporter
from studio.designs.files.opening import open_design
from studio.designs.yarns import read_yarns, restore_yarns
from studio.errors import NotFoundError
from studio.schema import COLOURS_LIMIT, VariationRecord
from studio.ui.session import workspace
from studio.ui.shared.facts.design_facts import swatches_html
from studio.ui.shared.facts.first_design import describe_from_first, find_stated_density
from studio.ui.shared.facts.weaving_facts import describe_woven
from studio.ui.shared.pictures import show_caption, title_of, untouched_link
from studio.ui.shared.repeat_preview import draw_laid_out

_DEFAULT_PER_METRE = 500
_DEFAULT_YARNS = 10
_FIELD_PX = 120
_FILLED_IN = "loom_density_of"
"""The design whose density was filled in last."""


def draw_yarns(record: VariationRecord) -> None:
    """Draw the yarns of a woven picture, a link to the model's own picture, and the repeat. Nothing if not woven."""
    if record.weaving is None:
        return
    if record.weaving.yarns:
        st.html(swatches_html([read_colour(yarn) for yarn in record.weaving.yarns], record.weaving.shares or None))
    words = " · ".join(part for part in (describe_woven(record), describe_from_first(record)) if part)
    show_caption(words, link=untouched_link(record))
    draw_laid_out(record, large=True)


def draw_export(variation: Variation) -> None:
    """Draw the options of the indexed file and one download button per file format."""
    record = variation.record
    with st.popover(
        "For the loom",
        icon=":material/grid_on:",
        help="An indexed picture for the loom’s software: one pixel per knot, one palette number per yarn.",
    ):
        count = None
        if record.weaving is None or not record.weaving.yarns:
            count = st.number_input(
                "Yarns",
                min_value=1,
                max_value=COLOURS_LIMIT,
                value=_DEFAULT_YARNS,
                step=1,
                key="loom_yarns",
                help="The picture has free colours. In the file they are reduced to this many yarns.",
            )
        stated = find_stated_density(record)
        _take_over(stated, record.source)
        st.checkbox("Write the density into the file", key="loom_dense")
        density = _draw_density(record, stated) if st.session_state["loom_dense"] else None
        with st.container(horizontal=True, gap="small"):
            for exporter in EXPORTERS.values():
                st.download_button(
                    exporter.title,
                    data=partial(_export, variation, exporter, density, count),
                    file_name=f"{_name_file(record)}{exporter.suffix}",
                    mime=exporter.media_type,
                    key=f"loom_{exporter.id}",
                    on_click="ignore",
                )


def _name_file(record: VariationRecord) -> str:
    """Return a file name for the loom: the design's title and the seed; the picture's id if the design is gone."""
    try:
        return f"{title_of(workspace().catalogue.source(record.source))} {record.seed}"
    except NotFoundError:
        return record.id


def _take_over(stated: Density | None, design: str) -> None:
    """Fill in the density that a design states, once: what the designer changes then stays for its variations."""
    if stated is not None and st.session_state.get(_FILLED_IN) != design:
        st.session_state[_FILLED_IN] = design
        st.session_state["loom_dense"] = True
        st.session_state["loom_reeds"] = round(stated.reeds_per_metre)
        st.session_state["loom_picks"] = round(stated.picks_per_metre)


def _draw_density(record: VariationRecord, stated: Density | None) -> Density:
    st.session_state.setdefault("loom_reeds", _DEFAULT_PER_METRE)
    st.session_state.setdefault("loom_picks", _DEFAULT_PER_METRE)
    with st.grid(2, min_column_width=_FIELD_PX, gap="small") as pair:
        with pair.cell():
            reeds = st.number_input("Reeds per metre", 1, DENSITY_LIMIT, step=10, key="loom_reeds")
        with pair.cell():
            picks = st.number_input("Picks per metre", 1, DENSITY_LIMIT, step=10, key="loom_picks")
    width_cm, length_cm = 100 * record.facts.width_px / reeds, 100 * record.facts.height_px / picks
    origin = "The design’s own density. " if stated == Density(reeds, picks) else ""
    st.caption(f"{origin}At this density the carpet measures {width_cm:.0f} × {length_cm:.0f} cm.")
    return Density(reeds, picks)


def _export(variation: Variation, exporter: Exporter, density: Density | None, count: int | None) -> bytes:
    """Return the file. Runs at the download, outside a page run, so the widgets' values are arguments."""
    design = open_design(workspace().catalogue.variation_bytes(variation.id))
    weaving = variation.record.weaving
    if weaving is None or not weaving.yarns:
        return exporter.encode(read_yarns(design, count), density)
    return exporter.encode(restore_yarns(read_yarns(design), weaving.yarns), density)
