"""Memory: what this computer has, the memory profile, and when a loaded model's memory is freed."""

from __future__ import annotations

import streamlit as st

from studio.models.hardware import Hardware
from studio.models.memory_profiles import AUTOMATIC, PROFILES, MemoryProfile, recommend_profile
from studio.settings_store import IDLE_LIMIT_MINUTES, StudioSettings
from studio.ui.session import workspace
from studio.ui.settings.saving import save_settings, show_error
from studio.ui.shared.markdown import escape_markdown
from studio.ui.shared.tables import plain_table

_SECTION = "memory"


def draw_hardware(found: Hardware) -> None:
    """Draw a table of this computer's graphics card, memory and processor."""
    card = found.card or "None that the studio can use"
    vram = f"{found.vram_gib:.1f} GiB" if found.vram_gib is not None else "–"
    rows = (
        ("Graphics card", card),
        ("Graphics memory (VRAM)", vram),
        ("Main memory (RAM)", f"{found.ram_gib:.1f} GiB"),
        ("Processor cores", str(found.cores)),
    )
    st.html(plain_table(rows, "This computer"))
    if found.note:
        st.warning(escape_markdown(found.note))


def draw_profile(settings: StudioSettings, found: Hardware) -> None:
    """Draw the memory profiles. Without an NVIDIA card, say that they have no effect and collapse them."""
    st.caption(
        "For drawing with a model. Drawing from a design’s own motifs needs no model and no graphics memory, whatever "
        "is chosen here."
    )
    if found.vram_gib is None:
        where = "Apple silicon" if found.device == "mps" else "its processor"
        st.info(
            f"Memory profiles are for NVIDIA graphics cards. This computer draws on {where}, where they have no effect."
        )
        with st.expander("The five profiles"):
            _draw_profiles(settings, found)
    else:
        _draw_profiles(settings, found)
    show_error(_SECTION)


def draw_idle_minutes(settings: StudioSettings) -> None:
    """Draw the number of minutes without a run after which the model's memory is freed."""
    st.session_state["settings_idle"] = settings.idle_unload_minutes
    st.number_input(
        "Minutes without a run before memory is freed",
        min_value=0,
        max_value=IDLE_LIMIT_MINUTES,
        step=5,
        key="settings_idle",
        help="0 keeps the model in memory until the studio is closed. Loading it again takes from seconds to minutes.",
        on_change=_choose_idle,
        width=360,
    )


@st.fragment(run_every=3.0)  # in seconds: to read a text, Streamlit imports pandas
def draw_memory_use() -> None:
    """Draw whether a model is in memory, and the button that frees it. Drawn again every three seconds."""
    jobs = workspace().jobs
    held = jobs.holds_model
    busy = held and bool(jobs.active())
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("A model is in memory." if held else "No model is in memory.", width="content")
        st.button(
            "Free memory now",
            key="settings_release",
            disabled=not held or busy,
            help="Frees the model’s memory for other programs; the next run loads it again.",
            on_click=jobs.release_memory,
        )
    if busy:
        st.caption("A run is using the model. Its memory can be freed when no run is left.")


def _draw_profiles(settings: StudioSettings, found: Hardware) -> None:
    st.session_state["settings_profile"] = settings.profile if settings.profile in PROFILES else AUTOMATIC
    st.radio(
        "Memory profile",
        [AUTOMATIC, *PROFILES],
        format_func=lambda choice: "Automatic" if choice == AUTOMATIC else f"{choice}: {PROFILES[choice].title}",
        captions=[_describe_automatic(found), *map(_describe, PROFILES.values())],
        key="settings_profile",
        label_visibility="collapsed",
        disabled=found.vram_gib is None,
        on_change=_choose,
    )


def _describe_automatic(found: Hardware) -> str:
    profile = recommend_profile(found)
    if profile is None:
        return "Chosen to fit this computer’s graphics card and memory."
    memory = f"{found.vram_gib:.0f} GiB of VRAM and {found.ram_gib:.0f} GiB of RAM"
    return f"Recommended. With {memory} this is profile {profile.id}: {profile.title}."


def _describe(profile: MemoryProfile) -> str:
    return f"{profile.explanation}  \nNeeds {profile.vram_gib} GB of VRAM and {profile.ram_gib} GB of RAM."


def _choose() -> None:
    save_settings(_SECTION, profile=st.session_state["settings_profile"])


def _choose_idle() -> None:
    minutes = st.session_state["settings_idle"]
    if minutes is not None:
        save_settings(_SECTION, idle_unload_minutes=int(minutes))
