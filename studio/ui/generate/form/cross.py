"""The form's second design, whose motifs or layout take part in a drawing from motifs."""

from __future__ import annotations

import streamlit as st

from studio.catalogue import Catalogue, Source
from studio.catalogue.lineage import find_design, has_file
from studio.designs.samples import SAMPLES
from studio.errors import StudioError
from studio.ui.generate.form import form_values
from studio.ui.generate.form.form_values import key_of
from studio.ui.generate.form.upload import SECOND, draw_upload, drop_upload, take_upload
from studio.ui.session import workspace
from studio.ui.shared.markdown import escape_markdown
from studio.ui.shared.pictures import show_source, title_of

_RECENT = 24
_GONE = "cross_gone_words"
_WAYS = {"motifs": "Motifs of both", "layout": "Its layout"}


def choose_cross(catalogue: Catalogue, variation_id: str) -> None:
    """Make a variation the second design, and motifs draw. Raises `StudioError` if it cannot be read."""
    record = catalogue.variation(variation_id).record
    data = catalogue.variation_bytes(variation_id)
    _set(catalogue.add_source(data, label=f"Variation {record.seed}", parent=record.id), record.id)
    st.session_state[key_of("drawing")] = "motifs"


def take_second_file() -> None:
    """Make the file that was chosen the second design, if it is read."""
    take_upload(SECOND, _set)


def draw_cross(design: Source | None) -> None:
    """Draw the second design, or in an expander the choice of one; no choice without a first design."""
    catalogue = workspace().catalogue
    second = _find(catalogue)
    _draw_gone()
    if second is None:
        if design is None:
            return
        with st.expander("Cross with a second design", key="form_cross_choice"):
            _draw_choice(catalogue, design)
    else:
        with st.expander(f"Crossed with {escape_markdown(title_of(second))}", key="form_crossed", expanded=True):
            _draw_second(second)


def draw_unused_cross() -> None:
    """Say that a second design is set aside while a model draws; nothing where there is none."""
    second = _find(workspace().catalogue)
    if second is not None:
        st.caption(
            f":material/info: The cross with “{escape_markdown(title_of(second))}” is set aside: crossing needs the "
            "design’s motifs alone. It comes back with “Motifs”."
        )


def _find(catalogue: Catalogue) -> Source | None:
    sha256 = form_values.read_form().cross
    if sha256 is None:
        return None
    second = find_design(catalogue, sha256)
    if second is not None and has_file(catalogue, second):
        return second
    name = f", “{second.label}”," if second is not None and second.label else ""
    st.session_state[_GONE] = (
        f"The second design{name} is no longer stored. Without it the same seed gives another picture. To cross with "
        "it again, upload it."
    )
    _drop()
    return None


def _draw_gone() -> None:
    """Say that the second design of a picture's settings is gone, until another is chosen or none is wanted."""
    words = st.session_state.get(_GONE)
    if words is not None:
        st.warning(escape_markdown(words), icon=":material/link_off:")
        st.button("Go on without it", key="cross_gone", type="tertiary", on_click=_forget_gone)


def _forget_gone() -> None:
    st.session_state.pop(_GONE, None)


def _draw_choice(catalogue: Catalogue, design: Source) -> None:
    st.caption(
        "A second design takes part: its motifs beside this design’s, or its layout in this design’s motifs. All yarns "
        "are this design’s. For a picture of the gallery, open it there and choose “Cross with this”."
    )
    samples = {f"sample:{sample.id}": f"{sample.title} (sample)" for sample in SAMPLES}
    recent = {one.sha256: title_of(one) for one in catalogue.sources(_RECENT) if one.sha256 != design.sha256}
    st.selectbox(
        "Second design",
        [*recent, *samples],
        index=None,
        format_func=lambda choice: {**recent, **samples}[choice],
        placeholder="One that you used, or a sample",
        key="cross_choice",
        on_change=_take_choice,
    )
    refusal = draw_upload(SECOND, "Or upload one")
    if refusal is not None:
        refused = f"“{refusal.name}” cannot be used, so there is no second design. {refusal.reason}"
        st.error(escape_markdown(refused))


def _draw_second(second: Source) -> None:
    row = st.container(horizontal=True, vertical_alignment="center", gap="small")
    with row.container(width=72):
        show_source(second, tallest="96px")
    with row.container(width="stretch", gap="xsmall"):
        st.segmented_control(
            "What it gives",
            list(_WAYS),
            format_func=_WAYS.__getitem__,
            key=key_of("cross_way"),
            required=True,
            width="stretch",
            help="Motifs of both puts the motifs of both designs into one field; the border stays this design’s. Its "
            "layout draws this design’s motifs where the second design has light and dark.",
            persist_state="session",
        )
        st.button("Remove", key="cross_remove", type="tertiary", icon=":material/close:", on_click=_drop)
    st.slider(
        "Share of the second design" if form_values.read_form().cross_way == "motifs" else "Pull of its layout",
        min_value=0.05,
        max_value=0.95,
        step=0.05,
        format="percent",
        key=key_of("cross_share"),
        persist_state="session",
    )


def _take_choice() -> None:
    choice = st.session_state.get("cross_choice")
    if choice is None:
        return
    catalogue = workspace().catalogue
    try:
        if choice.startswith("sample:"):
            sample = next(one for one in SAMPLES if f"sample:{one.id}" == choice)
            _set(catalogue.add_source(sample.path.read_bytes(), label=sample.title))
        else:
            _set(catalogue.source(choice))
    except StudioError as error:
        st.toast(escape_markdown(error), icon=":material/error:")


def _set(second: Source, parent: str | None = None) -> None:
    """Set the second design; `parent` is its id as a variation, by default the source's own parent."""
    drop_upload(SECOND)
    st.session_state[key_of("cross")] = second.sha256
    st.session_state[key_of("cross_parent")] = second.parent if parent is None else parent
    _forget_gone()


def _drop() -> None:
    st.session_state[key_of("cross")] = st.session_state[key_of("cross_parent")] = None
