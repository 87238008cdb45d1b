"""The star that marks a picture as a favourite."""

from __future__ import annotations

import streamlit as st

from studio.catalogue.records import Variation
from studio.ui.session import workspace
from studio.ui.shared.notices import attempt

_STAR = ":material/star:"
STAR_STYLE = """<style>
[class*="st-key-star_"] button[aria-checked="true"] { background: #c08a10 !important; border-color: #c08a10;
  color: #fff !important; }
</style>"""
"""Colours the star of a favourite. A page that draws stars includes this style once."""


def draw_favourite(variation: Variation, *, place: str = "card") -> None:
    """Draw a star, lit for a favourite; a click is saved at once. `place` keeps widget keys on one page apart."""
    key = f"star_{place}_{variation.id}"
    st.session_state[key] = _STAR if variation.favourite else None
    st.pills(
        f"Favourite, seed {variation.record.seed}",
        [_STAR],
        key=key,
        label_visibility="collapsed",
        on_change=_save,
        args=(variation.id, key),
    )


def _save(variation_id: str, key: str) -> None:
    attempt(workspace().catalogue.set_favourite, variation_id, st.session_state[key] is not None)
