"""The lock file that lets one run at a time draw for a user on a computer, in a folder that only the user writes to."""

from __future__ import annotations

import contextlib
import getpass
import os
import platform
import stat
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from studio.errors import RunCancelledError, StorageError, first_line

_POLL_SECONDS = 0.3
_NAME = "carpet-diffusion-studio"
_OWNER_ONLY = 0o700


def device_lock_file() -> Path:
    """Return the lock file of the graphics card. All studios of this user share it, whatever their outputs folder.

    It is in the user's cache folder: in the folder for temporary files another user could make it first and stop every
    run. That folder serves only where the cache cannot be written. The computer's name is part of the file's, because
    a home folder may be shared. Raises `StorageError` if neither folder can be used.
    """
    folders = (_cache_folder(), _temporary_folder())
    for folder in folders:
        if _is_own(folder):
            return folder / f"device-{platform.node()}.lock"
    raise StorageError(
        f"Neither {folders[0]} nor {folders[1]} can be used for the file that lets one run at a time draw. Give one "
        "of them to your user, with no write permission for others, or set XDG_CACHE_HOME to a folder of your own."
    )


@contextlib.contextmanager
def hold_device(lock: FileLock, stop: threading.Event, tell_waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the lock of the graphics card; `tell_waiting` is called again and again while another process holds it.

    Raises `RunCancelledError` once `stop` is set meanwhile, `StorageError` if the lock cannot be used.
    """
    while True:
        try:
            lock.acquire(timeout=_POLL_SECONDS)
            break
        except Timeout:
            tell_waiting()
            if stop.is_set():
                raise RunCancelledError("The run was stopped before it began.") from None
        except (OSError, NotImplementedError) as error:  # the latter where a file system knows no locks
            raise StorageError(
                f"{lock.lock_file}, which lets one run at a time draw, cannot be used: "
                f"{first_line(error)} Remove it, or make it writable for your user, and start the run again."
            ) from error
    try:
        yield
    finally:
        lock.release()


def _cache_folder() -> Path:
    named = Path(os.environ.get("XDG_CACHE_HOME", ""))  # one that is not absolute is to be left aside, says XDG
    return (named if named.is_absolute() else Path("~/.cache").expanduser()) / _NAME


def _temporary_folder() -> Path:
    user = os.getuid() if hasattr(os, "getuid") else getpass.getuser()
    return Path(tempfile.gettempdir()) / f"{_NAME}-{user}"


def _is_own(folder: Path) -> bool:
    """Make a folder if it is missing; return whether it is this user's own and only the user can write to it."""
    try:
        folder.mkdir(mode=_OWNER_ONLY, parents=True, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return False
    if not stat.S_ISDIR(found.st_mode) or not os.access(folder, os.W_OK | os.X_OK):
        return False
    return not hasattr(os, "getuid") or (found.st_uid == os.getuid() and not found.st_mode & 0o022)
