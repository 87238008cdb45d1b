"""Links from a picture to the other pages, and changes of the page's own address.

Between pages use a link (`st.page_link`): `st.switch_page` leaves a wrong entry in the browser's history. Within a page
use a callback that sets the query parameters: a link would not change the address (Streamlit 1.67).
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from studio.ui.shared.navigation import COMPARE, GENERATE

COMPARE_FEWEST = 2
COMPARE_MOST = 6


def change_address(**parameters: str | None) -> None:
    """Set query parameters of the page, or remove them (None), as one entry of the history. For callbacks."""
    kept = st.query_params.to_dict() | parameters
    st.query_params.from_dict({name: value for name, value in kept.items() if value})


def link_same_settings(variation_id: str) -> None:
    """Draw a link to Generate with this picture's settings filled in."""
    st.page_link(
        GENERATE,
        label="Use these settings",
        icon=":material/content_copy:",
        help="Opens Generate with this picture’s design, prompt and settings filled in.",
        query_params={"like": variation_id},
    )


def link_vary(variation_id: str) -> None:
    """Draw a link to Generate with this picture as the design."""
    st.page_link(
        GENERATE,
        label="Vary this",
        icon=":material/shuffle:",
        help="Opens Generate with this picture as the design.",
        query_params={"parent": variation_id},
    )


def link_cross(variation_id: str) -> None:
    """Draw a link to Generate with this picture as the second design of a cross."""
    st.page_link(
        GENERATE,
        label="Cross with this",
        icon=":material/join_inner:",
        help="Opens Generate, where this picture takes part in the variations of your design.",
        query_params={"cross": variation_id},
    )


def link_compare(variation_ids: Sequence[str]) -> None:
    """Draw a link to Compare with these pictures. It is disabled for too few or too many."""
    fits = COMPARE_FEWEST <= len(variation_ids) <= COMPARE_MOST
    st.page_link(
        COMPARE,
        label="Compare",
        icon=":material/compare:",
        help="Shows the selected pictures side by side."
        if fits
        else f"Select {COMPARE_FEWEST} to {COMPARE_MOST} pictures to compare them.",
        disabled=not fits,
        query_params={"ids": ",".join(variation_ids)},
    )


def link_compare_run(run_id: str) -> None:
    """Draw a link to Compare with a run's pictures and their design."""
    st.page_link(
        COMPARE,
        label="Compare with the design",
        icon=":material/compare:",
        help="Shows the design and the pictures made from it in this run side by side.",
        query_params={"run": run_id},
    )
