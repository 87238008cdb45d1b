"""Storage: the outputs folder's content and path, freeing space and rebuilding the catalogue."""

from __future__ import annotations

import streamlit as st

from studio.catalogue import GalleryQuery, RebuildReport
from studio.ui.session import workspace
from studio.ui.shared.amounts import describe_bytes
from studio.ui.shared.deletion import draw_empty_bin
from studio.ui.shared.markdown import escape_markdown
from studio.ui.shared.notices import attempt, count_pictures, say
from studio.ui.shared.reading_progress import draw_reading
from studio.ui.shared.tables import plain_table


def draw_storage() -> None:
    """Draw what the outputs folder holds, its path, and the buttons for the bin and the catalogue."""
    catalogue = workspace().catalogue
    use = catalogue.storage()
    trainings_bytes = workspace().trainings.measure()
    rows = (
        ("Pictures", _describe_amount(use.variations, use.variations_bytes)),
        ("In the bin", _describe_amount(use.binned, use.binned_bytes)),
        ("The model’s own pictures", _describe_amount(use.untouched, use.untouched_bytes)),
        ("Designs", _describe_amount(use.sources, use.sources_bytes)),
        ("Thumbnails and previews", describe_bytes(use.previews_bytes)),
        ("Catalogue", describe_bytes(use.index_bytes)),
        ("Trainings", describe_bytes(trainings_bytes) if trainings_bytes else "None"),
        ("Settings and other files", describe_bytes(max(use.other_bytes - trainings_bytes, 0))),
        ("Total", describe_bytes(use.total_bytes)),
        ("Free on this disk", describe_bytes(use.free_bytes)),
    )
    st.html(plain_table(rows, "What is stored"))
    st.caption("Everything is stored in this folder. To make a backup, copy the folder.")
    st.code(str(catalogue.outputs), language=None, wrap_lines=True)
    draw_reading()
    with st.container(horizontal=True):
        binned = catalogue.ids(GalleryQuery(deleted=True)) if use.binned else ()
        if binned:
            draw_empty_bin(binned)
        if use.untouched:
            _draw_remove_untouched(catalogue.untouched_ids())
        shrink = bool(use.untouched_png) and st.button(
            "Make the model’s own pictures smaller",
            icon=":material/compress:",
            key="shrink_untouched",
            help=f"{count_pictures(use.untouched_png)} of an earlier version take more space than they need. Every "
            "pixel stays as it is.",
        )
        rebuild = st.button(
            "Rebuild the catalogue from the files",
            icon=":material/sync:",
            key="settings_rebuild",
            help="The catalogue is the list of all pictures. Rebuild it after you copied pictures into the folder, or "
            "when some are missing from the gallery. Every picture’s file is read, and none is changed.",
        )
    if rebuild:
        _rebuild()
    if shrink:
        _shrink_untouched()


def _draw_remove_untouched(variation_ids: tuple[str, ...]) -> None:
    """Draw the button that removes the model's own pictures of these variations, after a confirmation."""
    if not variation_ids:
        return
    with st.popover("Remove the model’s own pictures", icon=":material/delete_forever:", key="remove_untouched"):
        st.markdown(
            "Beside a picture that was made ready for the loom, the one that the model drew is kept. Only those of the "
            "model are removed; the finished pictures stay as they are."
        )
        st.markdown(f"Remove {count_pictures(len(variation_ids))} of the model for good? This cannot be undone.")
        st.button(
            "Remove for good",
            type="primary",
            key="remove_untouched_sure",
            on_click=_remove_untouched,
            args=(variation_ids,),
        )


def _remove_untouched(variation_ids: tuple[str, ...]) -> None:
    def remove() -> None:
        removed = workspace().catalogue.remove_untouched(variation_ids)
        say(f"{count_pictures(removed)} of the model removed for good.")

    attempt(remove)


def _shrink_untouched() -> None:
    bar = st.progress(0.0, text="Making pictures smaller")

    def show_progress(done: int, total: int) -> None:
        bar.progress(done / total, text=f"Making pictures smaller: {done} of {total}")

    def shrink() -> None:
        freed = workspace().catalogue.shrink_untouched(show_progress)
        say(f"{describe_bytes(freed)} freed. The pictures are the same to the pixel.")

    attempt(shrink)
    st.rerun()


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
