"""The design that variations are made from: picked, shown, remembered for the session and in the page's address."""

from __future__ import annotations

import functools
import io
from collections.abc import Callable
from pathlib import Path, PurePath

import streamlit as st
from PIL import Image

from studio.catalogue import Catalogue, Source
from studio.designs.samples import SAMPLES, Sample
from studio.errors import NotFoundError, StudioError
from studio.schema import VariationRecord
from studio.ui.media import source_thumbnail_url
from studio.ui.shared.pictures import describe_source, page_url, picture_html, show_preview, show_source, title_of

_SOURCE = "design_source"
_PARENT = "design_parent"
_PICKING = "design_picking"
_UPLOADS = "design_uploads"
_RECENT = 6
_STEPS = (
    ("Describe the carpet", "Say what it should become, and how far it may leave your design."),
    ("Watch five appear", "Side by side with your design, each from a seed of its own."),
    ("Keep what you like", "All are kept in the gallery with their settings. Compare them, or vary one further."),
)
_SAMPLE_HEIGHT = "36vh"
_PREVIEW_PX = 480


def current_source(catalogue: Catalogue) -> Source | None:
    """Return the design that was chosen in this session, or None."""
    sha256 = st.session_state.get(_SOURCE)
    if sha256 is None:
        return None
    try:
        return catalogue.source(sha256)
    except NotFoundError:
        st.session_state[_SOURCE] = None
        return None


def current_sha256() -> str | None:
    """Return the hash of the design that was chosen in this session, or None."""
    return st.session_state.get(_SOURCE)


def current_parent() -> str | None:
    """Return the variation that the design was taken from, or None."""
    return st.session_state.get(_PARENT)


def choose_source(source: Source, parent: str | None = None) -> None:
    """Make a design the one that the next run varies."""
    st.session_state[_SOURCE] = source.sha256
    st.session_state[_PARENT] = source.parent if parent is None else parent
    st.session_state[_PICKING] = False


def choose_variation(catalogue: Catalogue, variation_id: str) -> VariationRecord:
    """Make a variation the design that the next run varies; return its record."""
    record = catalogue.variation(variation_id).record
    data = catalogue.variation_path(variation_id).read_bytes()
    label = f"{_name_of(catalogue, record.source)} › {record.seed}"
    choose_source(catalogue.add_source(data, label=label, parent=record.id), record.id)
    return record


def _name_of(catalogue: Catalogue, sha256: str) -> str:
    try:
        return title_of(catalogue.source(sha256))
    except NotFoundError:
        return "Variation"


def picking(source: Source | None) -> bool:
    """Whether the designer is choosing a design."""
    return source is None or st.session_state.get(_PICKING, False)


def stop_picking() -> None:
    """Keep the present design, if there is one, and go back to it."""
    st.session_state[_PICKING] = False


def draw_source(source: Source) -> None:
    """Show the design in a row: small, with its size and what is done to it, and a way to another one."""
    row = st.container(horizontal=True, vertical_alignment="center", gap="small")
    with row.container(width=112):
        show_source(source, tallest="112px")
    with row.container(width="stretch", gap="xsmall"):
        st.markdown(f"**{_markdown(title_of(source))}**")
        st.caption(f"{source.width_px} × {source.height_px} px · {source.format}")
        st.button("Change design", key="design_change", type="tertiary", on_click=_start_picking)
    for note in source.notes:
        st.caption(note)


def draw_upload(catalogue: Catalogue, source: Source | None) -> None:
    """Draw the place where a design is dropped, pasted or browsed for."""
    st.subheader("Choose a design" if source is None else "Choose another design")
    turn = st.session_state.setdefault(_UPLOADS, 0)
    file = st.file_uploader("Drop, paste or browse for a picture", key=f"design_upload_{turn}")
    st.caption("PNG, JPEG, WebP, TIFF, BMP or GIF. It stays on this computer.")
    if source is not None:
        st.button(
            "Keep the present design",
            key="design_keep",
            icon=":material/arrow_back:",
            type="tertiary",
            on_click=stop_picking,
        )
    if file is None:
        return
    try:  # kept at once: an upload vanishes with the session
        added = catalogue.add_source(file.getvalue(), label=PurePath(file.name).stem)
    except StudioError as error:
        st.error(str(error))
        return
    choose_source(added)
    st.session_state[_UPLOADS] = turn + 1
    st.rerun()


def draw_offers(catalogue: Catalogue, suggest_prompt: Callable[[str], None]) -> None:
    """Draw the samples and the designs used last. `suggest_prompt` gets the prompt that suits a chosen sample."""
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
        st.toast(str(error), icon=":material/error:")


def _draw_welcome() -> None:
    st.subheader("What happens then")
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
                    _markdown(title_of(source)),
                    key=f"design_recent_{source.sha256}",
                    type="tertiary",
                    width="stretch",
                    wrap=False,
                    on_click=choose_source,
                    args=(source,),
                )


@functools.cache
def _preview(path: Path) -> tuple[bytes, tuple[int, int]]:
    """Return a small WebP of a sample's picture, and the size of the picture itself."""
    with Image.open(path) as image:
        size = image.size
        small = image.convert("RGB")
        small.thumbnail((_PREVIEW_PX, _PREVIEW_PX), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.save(buffer, "WEBP", quality=82)
    return buffer.getvalue(), size


def _start_picking() -> None:
    st.session_state[_PICKING] = True


def _markdown(text: str) -> str:
    """Return text in which no sign means anything to Markdown."""
    return "".join(f"\\{sign}" if sign in "\\`*_{}[]()#+-.!~$:|<>&" else sign for sign in text)
