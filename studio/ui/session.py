"""What pages share between reruns and sessions: the workspace, and what Streamlit caches."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import streamlit as st

from studio.models.hardware import Hardware, find_hardware
from studio.workspace import Workspace, default_outputs, open_workspace

if TYPE_CHECKING:
    from studio.jobs import Drawing
    from studio.models.slot import PipelineSlot


def workspace() -> Workspace:
    """Return the catalogue, the settings and the queue of this studio. Raises `StorageError`."""
    return open_workspace(default_outputs(), make_engine)


@st.cache_resource(show_spinner=False, on_release=lambda _slot: workspace().jobs.release_memory())
def pipeline_slot() -> PipelineSlot:
    """Return the slot that holds the one loaded (on CUDA: mmgp-wrapped) pipeline of this server.

    Clearing the caches makes a new slot; the worker releases the old one before it draws with the new.
    """
    from studio.models.slot import PipelineSlot  # torch: only the worker comes here

    return PipelineSlot()


def make_engine() -> Drawing:
    """Return an engine on the cached slot. Called by the worker, where torch may be imported."""
    from studio.generation.engine import Engine

    return Engine(pipeline_slot())


@st.cache_data(show_spinner=False, ttl=300)
def hardware() -> Hardware:
    """Return the card and the memory of this machine, asked again every five minutes."""
    return find_hardware()


def access_token_present() -> bool:
    """Whether Hugging Face would find a token, by its variable or its file; the token itself is never read."""
    from huggingface_hub import constants

    return bool(os.environ.get("HF_TOKEN")) or os.path.exists(constants.HF_TOKEN_PATH)  # noqa: PTH110
