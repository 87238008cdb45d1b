"""The workspace: all that belongs to an outputs folder, opened once per process."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from studio.catalogue import Catalogue
from studio.jobs import JobQueue, RunEngine
from studio.jobs.design_reader import DesignReader
from studio.jobs.device_lock import device_lock_file
from studio.jobs.trainings import Trainings
from studio.settings_store import SettingsStore

PROJECT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Workspace:
    """Catalogue, settings, queue, design reader and trainings of one outputs folder, for pages, routes and commands."""

    outputs: Path
    catalogue: Catalogue
    settings: SettingsStore
    jobs: JobQueue
    designs: DesignReader
    trainings: Trainings


_open: dict[Path, Workspace] = {}
_open_lock = threading.Lock()


def default_outputs() -> Path:
    """Return the folder that `STUDIO_OUTPUTS` in the environment names, else outputs/ in the project."""
    return Path(os.environ.get("STUDIO_OUTPUTS") or PROJECT / "outputs")


def open_workspace(outputs: Path, make_engine: Callable[[], RunEngine]) -> Workspace:
    """Return the workspace of a folder, always the same one within a process.

    Workspaces are kept in this module, not in Streamlit's cache: “Clear caches” must not start a second worker.
    Raises `StorageError` if the folder cannot be used.
    """
    outputs = outputs.expanduser().resolve()
    with _open_lock:
        if outputs not in _open:
            catalogue = Catalogue(outputs)
            settings = SettingsStore(outputs / "settings.json")
            jobs = JobQueue(catalogue, make_engine, device_lock_file(), lambda: settings.load().idle_unload_minutes)
            trainings = Trainings(outputs / "trainings", jobs, PROJECT)
            _open[outputs] = Workspace(outputs, catalogue, settings, jobs, DesignReader(catalogue), trainings)
        return _open[outputs]


def close_workspaces() -> None:
    """Stop the workers of all workspaces. Finished pictures are already on disk."""
    with _open_lock:
        for workspace in _open.values():
            workspace.jobs.close()
            workspace.designs.close()
        _open.clear()
