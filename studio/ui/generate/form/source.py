"""The current design, which the next run varies: chosen, shown and remembered for the session."""

from __future__ import annotations

import functools
import io
from collections.abc import Callable
from pathlib import Path

import streamlit as st
from PIL import Image

from studio.catalogue import Catalogue, Source
from studio.designs.samples import SAMPLES, Sample
from studio.errors import NotFoundError, StudioError
from studio.schema import VariationRecord
from studio.ui.generate.form.design_change import Own, leave_design, read_own
from studio.ui.generate.form.upload import DESIGN, draw_upload, drop_upload, is_in_use, take_upload
from studio.ui.picture_routes import source_thumbnail_url
from studio.ui.shared.markdown import escape_markdown
from studio.ui.shared.pictures import describe_source, page_url, picture_html, show_preview, show_source, title_of

_SOURCE = "design_source"
_PARENT = "design_parent"
_PICKING = "design_picking"
_RECENT = 6
"""Designs offered again, most recently used first."""
_STEPS = (
    ("Describe the carpet", "Say what it should become, and how far it may depart from your design."),
    ("Watch five variations appear", "Side by side with your design, each drawn differently."),
    ("Choose what you like", "All stay in the gallery with their settings. Compare them, or vary one further."),
)
_SAMPLE_HEIGHT = "36vh"
_PREVIEW_PX = 480


def current_source(catalogue: Catalogue) -> Source | None:
    """Return the current design, or None. A design that left the catalogue is forgotten."""
    sha256 = current_sha256()
    if sha256 is None:
        return None
    try:
        return catalogue.source(sha256)
    except NotFoundError:
        st.session_state[_SOURCE] = None
        return None


def current_sha256() -> str | None:
    """Return the SHA-256 of the current design, or None."""
    return st.session_state.get(_SOURCE)


def current_parent() -> str | None:
    """Return the variation id of the current design, None if it is not a variation."""
    return st.session_state.get(_PARENT)


def choose_source(source: Source, parent: str | None = None, *, akin: bool = False, usual: Own | None = None) -> None:
    """Make a design the current one. `parent` is its id as a variation, by default the source's own parent.

    `akin` and `usual` say what of the form stays (see `leave_design`).
    """
    drop_upload(DESIGN)
    leave_design(current_sha256(), source.sha256, akin=akin, usual=usual)
    st.session_state[_SOURCE] = source.sha256
    st.session_state[_PARENT] = source.parent if parent is None else parent
    st.session_state[_PICKING] = False


def choose_variation(catalogue: Catalogue, variation_id: str) -> VariationRecord:
    """Add a variation to the designs and make it the current one; return its record."""
    record = catalogue.variation(variation_id).record
    data = catalogue.variation_bytes(variation_id)
    label = f"{_find_title(catalogue, record.source)} › {record.seed}"
    added = catalogue.add_source(data, label=label, parent=record.id)
    choose_source(added, record.id, akin=record.source == current_sha256(), usual=read_own(record))
    return record


def is_picking() -> bool:
    """Return whether the designer is choosing another design than the current one."""
    picking: bool = st.session_state.get(_PICKING, False)
    return picking


def take_chosen_file() -> None:
    """Make the file that was chosen the current design, if it is read."""
    take_upload(DESIGN, choose_source)


def is_choosing_file() -> bool:
    """Return whether a file was chosen that is not the design, and nothing else since."""
    return is_in_use(DESIGN)


def stop_picking() -> None:
    """Go back to the current design."""
    drop_upload(DESIGN)
    st.session_state[_PICKING] = False


def draw_source(source: Source) -> None:
    """Draw the design as a row: thumbnail, title, size and format, “Change design”; below it what was done to it."""
    row = st.container(horizontal=True, vertical_alignment="center", gap="small")
    with row.container(width=112):
        show_source(source, tallest="112px")
    with row.container(width="stretch", gap="xsmall"):
        st.markdown(f"**{escape_markdown(title_of(source))}**")
        st.caption(f"{source.width_px} × {source.height_px} knots · {escape_markdown(source.format)}")
        st.button("Change design", key="design_change", type="tertiary", on_click=_start_picking)
    for note in source.notes:
        st.caption(escape_markdown(note))


def draw_file_choice(*, another: bool) -> str | None:
    """Draw the upload of a design; with `another` it replaces the current design, which may also be kept.

    Return the name of a file that was refused, None where none was.
    """
    st.subheader("Choose another design" if another else "Choose a design")
    refusal = draw_upload(DESIGN, "Drop, paste or browse for a picture")
    st.caption("PNG, JPEG, WebP, TIFF, BMP or GIF. It stays on this computer.")
    if another:
        st.button(
            "Keep the current design",
            key="design_keep",
            icon=":material/arrow_back:",
            type="tertiary",
            on_click=stop_picking,
        )
    if refusal is None:
        return None
    st.error(escape_markdown(f"“{refusal.name}” cannot be used. {refusal.reason}"))
    return refusal.name


def draw_offers(catalogue: Catalogue, suggest_prompt: Callable[[str], None]) -> None:
    """Draw the samples and the recent designs. `suggest_prompt` is called with the prompt of a chosen sample."""
    _draw_samples(catalogue, suggest_prompt)
    recent = catalogue.sources(_RECENT)
    if recent:
        _draw_recent(recent)
    else:
        _draw_welcome()


def _draw_samples(catalogue: Catalogue, suggest_prompt: Callable[[str], None]) -> None:
    st.subheader("Or take a sample")
    with st.grid(len(SAMPLES), min_column_width=100, gap="small"):
        for sample in SAMPLES:
            with st.container(gap="xsmall", key=f"offer_{sample.id}"):
                preview, size = _preview(sample.path)
                show_preview(preview, alt=f"The sample design {sample.title}", size=size, tallest=_SAMPLE_HEIGHT)
                st.button(
                    sample.title,
                    key=f"design_sample_{sample.id}",
                    width="stretch",
                    on_click=_take_sample,
                    args=(catalogue, sample, suggest_prompt),
                )


def _take_sample(catalogue: Catalogue, sample: Sample, suggest_prompt: Callable[[str], None]) -> None:
    try:
        choose_source(catalogue.add_source(sample.path.read_bytes(), label=sample.title))
        suggest_prompt(sample.prompt)
    except StudioError as error:
        st.toast(escape_markdown(error), icon=":material/error:")


def _draw_welcome() -> None:
    st.subheader("What happens next")
    for step, (title, text) in zip(st.columns(len(_STEPS), gap="medium"), _STEPS, strict=True):
        step.markdown(f"**{title}**")
        step.caption(text)


def _draw_recent(recent: tuple[Source, ...]) -> None:
    st.subheader("Or one you used before")
    with st.grid(_RECENT, min_column_width=100, gap="small"):
        for source in recent:
            with st.container(gap="xsmall", key=f"offer_{source.sha256}"):
                address = page_url(source_thumbnail_url(source.sha256))
                st.html(picture_html(address, alt=describe_source(source), size=(1, 1)))
                st.button(
                    escape_markdown(title_of(source)),
                    key=f"design_recent_{source.sha256}",
                    type="tertiary",
                    width="stretch",
                    wrap=False,
                    on_click=choose_source,
                    args=(source,),
                )


@functools.cache
def _preview(path: Path) -> tuple[bytes, tuple[int, int]]:
    """Return a WebP preview of a picture file, and the size of the picture itself."""
    with Image.open(path) as image:
        size = image.size
        small = image.convert("RGB")
        small.thumbnail((_PREVIEW_PX, _PREVIEW_PX), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.save(buffer, "WEBP", quality=82)
    return buffer.getvalue(), size


def _find_title(catalogue: Catalogue, sha256: str) -> str:
    try:
        return title_of(catalogue.source(sha256))
    except NotFoundError:
        return "Variation"


def _start_picking() -> None:
    st.session_state[_PICKING] = True
