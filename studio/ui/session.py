"""Objects shared by all pages and browser sessions: the workspace, and what Streamlit caches."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from studio.models.hardware import Hardware, find_hardware
from studio.workspace import Workspace, default_outputs, open_workspace

if TYPE_CHECKING:
    from studio.generation.drawing_engine import ModelEngine
    from studio.jobs import RunEngine
    from studio.models.pipeline_slot import PipelineSlot


def workspace() -> Workspace:
    """Return the workspace: catalogue, settings and job queue. Raises `StorageError`."""
    return open_workspace(default_outputs(), make_engine)


@st.cache_resource(show_spinner=False, on_release=lambda _slot: workspace().jobs.release_memory())
def pipeline_slot() -> PipelineSlot:
    """Return the slot that holds this server's one loaded pipeline (on CUDA wrapped by mmgp).

    Clearing Streamlit's caches makes a new slot. The worker releases the old slot before it draws with the new one.
    """
    from studio.models.pipeline_slot import PipelineSlot  # loads torch: only the worker calls this

    return PipelineSlot()


@functools.cache
def make_engine() -> RunEngine:
    """Return the engine of this process. It imports torch, and uses the cached slot, only where a model draws."""
    from studio.generation.drawing_engine import DrawingEngine  # numba: only the worker calls this

    return DrawingEngine(_make_model_engine)


def _make_model_engine() -> ModelEngine:
    from studio.generation.engine import Engine

    return Engine(pipeline_slot())


@st.cache_data(show_spinner=False, ttl=300)
def hardware() -> Hardware:
    """Return this computer's graphics card and memory, read again every five minutes."""
    return find_hardware()


def access_token_present() -> bool:
    """Return whether Hugging Face has a token, in `HF_TOKEN` or in its token file. The token itself is not read."""
    from huggingface_hub import constants

    return bool(os.environ.get("HF_TOKEN")) or Path(constants.HF_TOKEN_PATH).exists()
