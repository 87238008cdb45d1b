"""A program that the studio starts, in a process and a session of its own, and whose last words are kept."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from studio.errors import StorageError, first_line

_KEPT_LINES = 20
_READER_SECONDS = 2.0


class ChildProcess:
    """A running program. Its input and its output are pipes, which close when the studio's own process ends.

    In a session of its own Ctrl+C in the studio's terminal does not reach it: the studio stops it itself.
    """

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        """Start it in a folder. Raises `StorageError` where that is not possible."""
        windows = sys.platform == "win32"
        try:
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                env=os.environ | {"PYTHONUNBUFFERED": "1"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                encoding="utf-8",
                errors="replace",
                start_new_session=not windows,
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0) if windows else 0,
            )
        except OSError as error:
            raise StorageError(f"{command[0]} could not be started: {first_line(error)} Try again.") from error
        self._lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._reader = threading.Thread(target=self._read, name="studio-child-output", daemon=True)
        self._reader.start()

    def wait(self, seconds: float) -> int | None:
        """Return the exit code once the program has ended, None if it runs on after these seconds."""
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        self._reader.join(_READER_SECONDS)
        return code

    def interrupt(self) -> None:
        """Ask it to end in good order, as Ctrl+C does (on Windows: end it)."""
        self._signal(signal.SIGTERM if sys.platform == "win32" else signal.SIGINT)

    def terminate(self) -> None:
        """Ask it to end at once."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it and every process that it has started."""
        with suppress(OSError):
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()

    def last_line(self, *, entry: bool) -> str:
        """Return the last line of its output that is an entry (of JSON), or that is a sentence; empty without one."""
        lines = [line.strip() for line in tuple(self._lines) if line.strip()]
        return next((line for line in reversed(lines) if line.startswith("{") == entry), "")

    def output(self) -> str:
        """Return the last lines of its output."""
        return "".join(tuple(self._lines))

    def _signal(self, number: int) -> None:
        with suppress(OSError):  # it has ended meanwhile
            self._process.send_signal(number)

    def _read(self) -> None:
        """Take its output in, so that it never waits for a full pipe."""
        if self._process.stdout is not None:
            for line in self._process.stdout:
                self._lines.append(line)
