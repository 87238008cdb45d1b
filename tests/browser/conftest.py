"""Fixtures: a real server with an outputs folder of its own, and a real browser."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.server import Server, running

__all__ = ["Server", "running"]

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
