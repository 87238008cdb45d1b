"""Fixtures: a real server with an outputs folder of its own, and a real browser."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).parents[2]
START_SECONDS = 120
PATIENCE_MS = 60_000
"""How long a browser waits for anything except drawing; the machine may be slow and shared."""
DRAWING_MS = 420_000
"""How long a browser waits for pictures to be drawn."""
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class Server:
    """The studio as `streamlit run` starts it, on a free port that `restart` uses again."""

    def __init__(self, outputs: Path) -> None:
        self.outputs = outputs
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = outputs.parent / f"{outputs.name}.log"
        self._process: subprocess.Popen | None = None

    def start(self) -> None:
        """Start the server and wait until it answers. It has a device lock of its own, in its own temporary folder."""
        temporary = self.outputs.parent / "temporary"
        temporary.mkdir(parents=True, exist_ok=True)
        environment = os.environ | {"STUDIO_OUTPUTS": str(self.outputs), "TMPDIR": str(temporary)}
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


def find_chromium() -> str | None:
    """Return the path of Chromium or Chrome: `CHROMIUM` from the environment, else the one on PATH."""
    named = os.environ.get("CHROMIUM")
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return named or next((path for path in map(shutil.which, names) if path), None)


@pytest.fixture(scope="session")
def chromium() -> Iterator[object]:
    """One browser for all tests. Skips them when there is none."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = find_chromium()
    if path is None:
        pytest.skip("there is no Chromium on this machine (tried chromium and google-chrome on PATH)")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def server(chromium: object, tmp_path: Path) -> Iterator[Server]:
    """A freshly started studio with an empty outputs folder."""
    with running(tmp_path / "outputs") as server:
        yield server


@pytest.fixture(scope="module")
def shared_server(chromium: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One studio for all tests of a file, so that the model is loaded once."""
    with running(tmp_path_factory.mktemp("studio") / "outputs") as server:
        yield server


@contextmanager
def running(outputs: Path) -> Iterator[Server]:
    """Start a studio on an outputs folder and stop it at the end."""
    server = Server(outputs)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def open_tab(chromium: object) -> Iterator[Callable[..., object]]:
    """Return a function that opens tabs, each in its own session.

    A JavaScript error in a tab fails the test, and so does a request to another computer.
    """
    from playwright.sync_api import expect

    expect.set_options(timeout=PATIENCE_MS)
    contexts, errors, requests = [], [], []

    def open_one(url: str | None = None, **options: object) -> object:
        context = chromium.new_context(**{"viewport": {"width": 1440, "height": 900}} | options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        if url is not None:
            page.goto(url)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert not errors, errors
    assert {url for url in requests if urlsplit(url).hostname not in (None, "127.0.0.1")} == set()


def wait_until(page: object, holds: Callable[[], bool]) -> None:
    """Wait for a condition that Playwright cannot wait for, such as a stable layout or a written file."""
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while not holds():
        assert time.monotonic() < deadline
        page.wait_for_timeout(100)


@pytest.fixture
def tab(open_tab: Callable[..., object]) -> object:
    """One empty tab."""
    return open_tab()
