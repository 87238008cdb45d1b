"""What is stored on this computer: how much, where, and its upkeep."""

from __future__ import annotations

import streamlit as st

from studio.catalogue import RebuildReport
from studio.ui.session import workspace
from studio.ui.shared.bin import draw_empty_bin
from studio.ui.shared.notices import count_pictures
from studio.ui.shared.tables import plain_table


def describe_bytes(size: int) -> str:
    """Return an amount of storage: 812 B, 1.4 MB, 27 GB (10^9)."""
    amount = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def draw_storage() -> None:
    """Draw what the outputs folder holds, where it lies, and what can be done about it."""
    catalogue = workspace().catalogue
    use = catalogue.storage()
    rows = (
        ("Pictures", _counted(use.variations, use.variations_bytes)),
        ("In the bin", _counted(use.binned, use.binned_bytes)),
        ("Designs", _counted(use.sources, use.sources_bytes)),
        ("Small copies", describe_bytes(use.previews_bytes)),
        ("List of pictures", describe_bytes(use.index_bytes)),
        ("All together", describe_bytes(use.total_bytes)),
        ("Free on this disk", describe_bytes(use.free_bytes)),
    )
    st.html(plain_table(rows, "What is stored"))
    st.caption("Everything lies in this folder; copy it to keep a second copy.")
    st.code(str(catalogue.outputs), language=None, wrap_lines=True)
    with st.container(horizontal=True):
        if use.binned:
            draw_empty_bin(use.binned)
        again = st.button(
            "Rebuild the catalogue from the files",
            icon=":material/sync:",
            key="settings_rebuild",
            help="Reads every picture’s own file and makes the list of pictures anew from them: when pictures were "
            "copied into the folder, or when some are missing from the gallery. No picture is changed.",
        )
    if again:
        _rebuild()


def _rebuild() -> None:
    bar = st.progress(0.0, text="Reading the pictures")

    def tell(done: int, total: int) -> None:
        bar.progress(done / max(total, 1), text=f"Reading the pictures: {done} of {total}")

    report = workspace().catalogue.rebuild(tell)
    bar.empty()
    st.success(_describe_report(report))
    if report.skipped:
        with st.expander(f"Left alone: {len(report.skipped)}"):
            for sentence in report.skipped:
                st.text(sentence)


def _describe_report(report: RebuildReport) -> str:
    sentence = (
        f"The catalogue was made anew: {count_pictures(report.variations)}, {report.binned} in the bin, "
        f"{report.sources} design{'' if report.sources == 1 else 's'}."
    )
    if report.adopted:
        sentence += f" {report.adopted} of them were not listed before."
    if report.missing:
        sentence += f" {len(report.missing)} that were listed have no file any more."
    return sentence


def _counted(count: int, size: int) -> str:
    return f"{count}, {describe_bytes(size)}" if count else "None"
