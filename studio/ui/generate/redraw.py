"""One place of a run drawn again, for a variation that is no new one, while the rest of the sheet stays."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import streamlit as st

from studio.errors import RequestError
from studio.models.adapter_files import inspect_adapter
from studio.models.registry import MODELS, resolve_model
from studio.schema import AdapterUse, RunFacts, VariationRecord, VariationRequest, fresh_seed
from studio.settings import StudioSettings
from studio.ui.generate.cards import draw_unfinished
from studio.ui.generate.run_view import RunSlot, RunView
from studio.ui.generate.run_words import describe_progress
from studio.ui.shared.notices import attempt
from studio.workspace import Workspace


def draw_offer(workspace: Workspace, view: RunView, slot: RunSlot) -> None:
    """Draw the button that has the picture of a place drawn again with a seed that the run has not had."""
    again = st.button(
        "Again with another seed",
        key=f"run_again_{slot.variation.id}",
        type="tertiary",
        help="Draws this one picture again with the same settings. The one that is here stays in the gallery.",
    )
    if again:
        attempt(_draw_again, workspace, view, slot.number)
        st.rerun()  # the whole page: this part of it has to be given a clock


def draw_forming(workspace: Workspace, slot: RunSlot, size: tuple[int, int]) -> None:
    """Draw what comes into a place instead of its picture: the preview, how far it is, and a way to leave it."""
    job = slot.again
    draw_unfinished(slot.number, job.request.seeds[0], job.previews[0], size=size)
    st.progress(min(job.step / job.steps, 1.0) if job.steps else 0.0, text=describe_progress(job))
    st.button(
        "Cancel",
        key=f"run_again_cancel_{job.id}",
        type="tertiary",
        help="The picture that was here comes back.",
        on_click=workspace.jobs.cancel,
        args=(job.id,),
    )


def ask_again(made: VariationRequest | VariationRecord, seed: int, settings: StudioSettings) -> VariationRequest:
    """Return the request of one more variation like those of a run, also of one that is known by its records alone.

    Raises `RequestError` where the settings no longer name the model folder or the adapter that it was drawn with, and
    `AdapterError` where that cannot be read.
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
    )


def _draw_again(workspace: Workspace, view: RunView, number: int) -> None:
    seed = fresh_seed()
    while seed in view.seeds:
        seed = fresh_seed()
    workspace.jobs.draw_again(view.id, number, ask_again(view.request, seed, workspace.settings.load()))


def _find_model(facts: RunFacts, settings: StudioSettings) -> str:
    """Return what a run's model is called here; a record does not say where a folder lies, the settings do."""
    if facts.model in MODELS:
        return facts.model
    if resolve_model(settings.model).public_id != facts.model:
        raise RequestError(
            f"This run was drawn by {facts.model_title}, which your settings do not name now. Choose it there first."
        )
    return settings.model


def _find_adapter(facts: RunFacts, settings: StudioSettings) -> AdapterUse | None:
    if facts.adapter_name is None:
        return None
    folder = settings.adapter_folder
    if folder is None or inspect_adapter(Path(folder)).sha256 != facts.adapter_sha256:
        raise RequestError(
            f"This run was drawn with the adapter {facts.adapter_name}, which your settings do not name now. "
            "Choose it there first."
        )
    return AdapterUse(folder, 1.0 if facts.adapter_weight is None else facts.adapter_weight)
