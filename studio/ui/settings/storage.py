"""Storage: the outputs folder's content and path, emptying the bin and rebuilding the catalogue."""

from __future__ import annotations

import streamlit as st

from studio.catalogue import RebuildReport
from studio.ui.session import workspace
from studio.ui.shared.deletion import draw_empty_bin
from studio.ui.shared.markdown import escape_markdown
from studio.ui.shared.notices import count_pictures
from studio.ui.shared.tables import plain_table


def describe_bytes(size: int) -> str:
    """Return an amount of storage with a decimal unit: 812 B, 1.4 MB, 27.0 GB."""
    amount = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def draw_storage() -> None:
    """Draw what the outputs folder holds, its path, and the buttons for the bin and the catalogue."""
    catalogue = workspace().catalogue
    use = catalogue.storage()
    rows = (
        ("Pictures", _describe_amount(use.variations, use.variations_bytes)),
        ("In the bin", _describe_amount(use.binned, use.binned_bytes)),
        ("Designs", _describe_amount(use.sources, use.sources_bytes)),
        ("Thumbnails and previews", describe_bytes(use.previews_bytes)),
        ("Catalogue", describe_bytes(use.index_bytes)),
        ("Total", describe_bytes(use.total_bytes)),
        ("Free on this disk", describe_bytes(use.free_bytes)),
    )
    st.html(plain_table(rows, "What is stored"))
    st.caption("Everything is stored in this folder. To make a backup, copy the folder.")
    st.code(str(catalogue.outputs), language=None, wrap_lines=True)
    with st.container(horizontal=True):
        if use.binned:
            draw_empty_bin(use.binned)
        rebuild = st.button(
            "Rebuild the catalogue from the files",
            icon=":material/sync:",
            key="settings_rebuild",
            help="The catalogue is the list of all pictures. Rebuild it after you copied pictures into the folder, or "
            "when some are missing from the gallery. Every picture’s file is read, and none is changed.",
        )
    if rebuild:
        _rebuild()


def _rebuild() -> None:
    bar = st.progress(0.0, text="Reading the pictures")

    def show_progress(done: int, total: int) -> None:
        bar.progress(done / max(total, 1), text=f"Reading the pictures: {done} of {total}")

    report = workspace().catalogue.rebuild(show_progress)
    bar.empty()
    st.success(escape_markdown(_describe_report(report)))
    if report.skipped:
        with st.expander(f"Files left out: {len(report.skipped)}"):
            for sentence in report.skipped:
                st.text(sentence)


def _describe_report(report: RebuildReport) -> str:
    sentence = (
        f"The catalogue was rebuilt: {count_pictures(report.variations)}, {report.binned} in the bin, "
        f"{report.sources} design{'' if report.sources == 1 else 's'}."
    )
    if report.adopted:
        sentence += f" {report.adopted} of them {'was' if report.adopted == 1 else 'were'} not listed before."
    if report.missing:
        sentence += f" The files of {count_pictures(len(report.missing))} listed before are missing."
    return sentence


def _describe_amount(count: int, size: int) -> str:
    return f"{count}, {describe_bytes(size)}" if count else "None"
