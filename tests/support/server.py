"""The studio as a process of its own, as `streamlit run` starts it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
START_SECONDS = 120


class Server:
    """The studio as `streamlit run` starts it, on a free port that `restart` uses again.

    `options` are further options of `streamlit run`.
    """

    def __init__(self, outputs: Path, *options: str) -> None:
        self.outputs = outputs
        self._options = options
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = outputs.parent / f"{outputs.name}.log"
        self._process: subprocess.Popen | None = None

    def start(self) -> None:
        """Start the server and wait until it answers. It has a device lock of its own, in its own cache folder."""
        environment = os.environ | {
            "STUDIO_OUTPUTS": str(self.outputs),
            "XDG_CACHE_HOME": str(self.outputs.parent / "cache"),
        }
        environment.setdefault("OMP_NUM_THREADS", "2")
        command = [
            sys.executable,
            "-m",
            "streamlit",
            "run",
            "--server.port",
            str(self.port),
            "--server.headless",
            "true",
            *self._options,
        ]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=5) as answer:
                    if answer.status == 200:
                        return
            except OSError:
                time.sleep(0.1)
        self.stop()
        raise AssertionError(f"The studio did not start:\n{self._log.read_text('utf-8', 'replace')[-4000:]}")

    def stop(self) -> None:
        """Stop the server by SIGTERM, and kill it after 30 seconds."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def restart(self) -> None:
        """Stop the server and start it again on the same port and folder."""
        self.stop()
        self.start()


@contextmanager
def running(outputs: Path, *options: str) -> Iterator[Server]:
    """Start a studio on an outputs folder, with options of `streamlit run`, and stop it at the end."""
    server = Server(outputs, *options)
    server.start()
    try:
        yield server
    finally:
        server.stop()
