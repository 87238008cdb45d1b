"""Checkpoints of a training: written whole or not at all; the last few are kept."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from studio.adapter_training.folder import TrainingFolder, name_step
from studio.catalogue.files.paths import sync_folder
from studio.errors import StorageError, first_line
from studio.optimisation.training_state import load_state, save_state

KEPT = 3
_STATE = "state.pt"


def write_checkpoint(
    folder: TrainingFolder, step: int, state: dict[str, Any], write_adapter: Callable[[Path], None]
) -> Path:
    """Write a step's checkpoint: everything the next step depends on, and the adapter as it is, to be tried.

    It is written beside its place and renamed, so that a kill leaves the earlier checkpoints and this one or none.
    Raises `StorageError` if the disk does not take it.
    """
    place = folder.checkpoints / name_step(step)
    fresh = folder.checkpoints / f".{place.name}.{secrets.token_hex(4)}"
    try:
        fresh.mkdir(parents=True)
        save_state(state, fresh / _STATE)
        write_adapter(fresh)
        if place.exists():  # of a training that was resumed from an earlier checkpoint
            shutil.rmtree(place)
        fresh.replace(place)
        sync_folder(folder.checkpoints)
        remove_old_checkpoints(folder)
    except (OSError, RuntimeError) as error:  # torch raises the latter where a file cannot be written
        shutil.rmtree(fresh, ignore_errors=True)
        raise StorageError(
            f"The checkpoint of step {step} could not be written in {folder.checkpoints}: {first_line(error)} The "
            "earlier ones are whole. Make room and resume the training."
        ) from error
    return place


def read_newest_checkpoint(folder: TrainingFolder) -> tuple[int, dict[str, Any]] | None:
    """Return (step, state) of the newest checkpoint that can be read, None where there is none."""
    for step, place in reversed(folder.list_checkpoints()):
        try:
            return step, load_state(place / _STATE)
        except Exception:  # noqa: BLE001  # whatever a damaged pickle raises: an earlier checkpoint is whole
            continue
    return None


def remove_old_checkpoints(folder: TrainingFolder) -> None:
    """Remove what a kill left half written, and all checkpoints but the last few."""
    for _, place in folder.list_checkpoints()[:-KEPT]:
        shutil.rmtree(place, ignore_errors=True)
    if folder.checkpoints.is_dir():
        for leftover in folder.checkpoints.glob(".step-*"):
            shutil.rmtree(leftover, ignore_errors=True)
