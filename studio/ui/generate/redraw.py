"""Redraw of one slot of a run with another seed, for a variation too close to the design or to another one."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import streamlit as st

from studio.catalogue import Variation
from studio.errors import RequestError
from studio.models.adapter_files import inspect_adapter
from studio.models.registry import MODELS, resolve_model
from studio.schema import (
    WITHOUT_MODEL,
    AdapterUse,
    JobSnapshot,
    RunFacts,
    VariationRecord,
    VariationRequest,
    fresh_seed,
)
from studio.settings_store import StudioSettings
from studio.ui.generate.cards import draw_progress, draw_unfinished
from studio.ui.generate.run_view import RunView
from studio.ui.shared.notices import attempt
from studio.workspace import Workspace


def draw_offer(workspace: Workspace, view: RunView, variation: Variation) -> None:
    """Draw the button that redraws a variation's slot with a seed that the run has not used."""
    clicked = st.button(
        "Draw again with another seed",
        key=f"run_again_{variation.id}",
        type="tertiary",
        help="Draws this one picture again with the same settings. The current one stays in the gallery.",
    )
    if clicked:
        attempt(_submit, workspace, view, variation.record.slot)
        st.rerun()  # the whole page: it makes the run's fragment rerun on a timer


def draw_ongoing(workspace: Workspace, slot: int, job: JobSnapshot, size: tuple[int, int]) -> None:
    """Draw the redraw of a slot in the place of its picture: preview, progress and “Cancel”."""
    draw_unfinished(slot, job.request.seeds[0], job.previews[0], size=size)
    draw_progress(job)
    st.button(
        "Cancel",
        key=f"run_again_cancel_{job.id}",
        type="tertiary",
        help="The previous picture comes back.",
        on_click=workspace.jobs.cancel,
        args=(job.id,),
    )


def make_redraw_request(
    made: VariationRequest | VariationRecord, seed: int, settings: StudioSettings
) -> VariationRequest:
    """Return a request for one more variation like those of a run, given the run's request or one of its records.

    A record holds no paths of model folder and adapter; they are taken from the settings. Raises `RequestError` if the
    settings name others than the run's, and `AdapterError` if the adapter cannot be read.
    """
    if isinstance(made, VariationRequest):
        return dataclasses.replace(made, seeds=(seed,))
    return VariationRequest(
        source=made.source,
        parent=made.parent,
        prompt=made.prompt,
        negative_prompt=made.negative_prompt,
        strength=made.strength,
        steps=made.steps,
        guidance_scale=made.guidance_scale,
        seeds=(seed,),
        model=_find_model(made.facts, settings),
        adapter=_find_adapter(made.facts, settings),
        profile=settings.profile,
        constraints=made.constraints,
        drawing=made.drawing,
        change=made.change,
        pull=made.pull,
        cross=made.cross,
    )


def _submit(workspace: Workspace, view: RunView, number: int) -> None:
    seed = fresh_seed()
    while seed in view.seeds:
        seed = fresh_seed()
    workspace.jobs.draw_again(view.id, number, make_redraw_request(view.request, seed, workspace.settings.load()))


def _find_model(facts: RunFacts, settings: StudioSettings) -> str:
    """Return a run's model id, which for a model folder is its path; for a run without a model the one in Settings."""
    if facts.model == WITHOUT_MODEL:
        return settings.model
    if facts.model in MODELS:
        return facts.model
    if resolve_model(settings.model).public_id != facts.model:
        raise RequestError(
            f"This run was drawn by {facts.model_title}, which is not the model in Settings now. Choose it there first."
        )
    return settings.model


def _find_adapter(facts: RunFacts, settings: StudioSettings) -> AdapterUse | None:
    if facts.adapter_name is None:
        return None
    folder = settings.adapter_folder
    if folder is None or inspect_adapter(Path(folder)).sha256 != facts.adapter_sha256:
        raise RequestError(
            f"This run was drawn with the adapter {facts.adapter_name}, which is not the one in Settings now. "
            "Choose it there first."
        )
    return AdapterUse(folder, 1.0 if facts.adapter_weight is None else facts.adapter_weight)
