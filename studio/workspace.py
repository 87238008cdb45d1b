"""An outputs folder at work: its catalogue, its settings and its queue, opened once in a process."""

from __future__ import annotations

import getpass
import os
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from studio.catalogue import Catalogue
from studio.jobs import Drawing, JobQueue
from studio.settings import SettingsStore

PROJECT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Workspace:
    """What a page, a route or a command needs to work with one outputs folder."""

    outputs: Path
    catalogue: Catalogue
    settings: SettingsStore
    jobs: JobQueue


_open: dict[Path, Workspace] = {}
_open_lock = threading.Lock()


def default_outputs() -> Path:
    """Return the outputs folder: STUDIO_OUTPUTS from the environment, else outputs/ of the project."""
    return Path(os.environ.get("STUDIO_OUTPUTS") or PROJECT / "outputs")


def open_workspace(outputs: Path, make_engine: Callable[[], Drawing]) -> Workspace:
    """Return the workspace of a folder; the same one as before when this process has opened it already.

    It lives in this module and not in a cache of Streamlit, so that “Clear caches” starts no second worker.
    Raises `StorageError` when the folder cannot be used.
    """
    outputs = outputs.expanduser().resolve()
    with _open_lock:
        if outputs not in _open:
            catalogue = Catalogue(outputs)
            settings = SettingsStore(outputs / "settings.json")
            jobs = JobQueue(catalogue, make_engine, device_lock_file(), lambda: settings.load().idle_unload_minutes)
            _open[outputs] = Workspace(outputs, catalogue, settings, jobs)
        return _open[outputs]


def close_workspaces() -> None:
    """Stop the workers of all workspaces; finished pictures are on disk already."""
    with _open_lock:
        for workspace in _open.values():
            workspace.jobs.close()
        _open.clear()


def device_lock_file() -> Path:
    """Return the lock that all studios of this user on this machine share: there is one card, whatever the folder."""
    user = os.getuid() if hasattr(os, "getuid") else getpass.getuser()
    return Path(tempfile.gettempdir()) / f"carpet-diffusion-studio-{user}.lock"
