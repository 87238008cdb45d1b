"""Pages that run in the test's process, on an outputs folder of their own."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from filelock import FileLock
from streamlit.testing.v1 import AppTest

from studio.ui.session import workspace
from studio.workspace import PROJECT, Workspace, close_workspaces

APP = str(PROJECT / "studio" / "ui" / "app.py")
_TIMEOUT_SECONDS = 60
PATIENT_SECONDS = 30.0
"""How long a page waits for a reading: on a busy machine even a small design takes longer than a designer notices."""


@pytest.fixture
def studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """The workspace of the pages in this test."""
    monkeypatch.setenv("STUDIO_OUTPUTS", str(tmp_path / "outputs"))
    monkeypatch.setattr("studio.jobs.reading.AT_ONCE_SECONDS", PATIENT_SECONDS)
    yield workspace()
    close_workspaces()
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.fixture
def busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hold the device lock as another studio would, so that all runs stay in the queue."""
    monkeypatch.setattr("studio.workspace.device_lock_file", lambda: tmp_path / "device.lock")
    with FileLock(tmp_path / "device.lock"):
        yield
        close_workspaces()


def open_page(name: str, **address: str) -> AppTest:
    """Open a page in a new session, with these query parameters."""
    app = AppTest.from_file(APP, default_timeout=_TIMEOUT_SECONDS).run()
    app.switch_page(f"../../pages/{name}.py")
    for key, value in address.items():
        app.query_params[key] = value
    return run(app)


def run(app: AppTest) -> AppTest:
    """Run the page (again) and check that it raised no exception."""
    app.run()
    assert [error.message for error in app.exception] == []
    return app


def drawn_html(app: AppTest) -> str:
    """Return all HTML of the page."""
    return "\n".join(element.value for element in app.html)


def said(app: AppTest) -> str:
    """Return all text of the page, HTML included."""
    kinds = ("title", "subheader", "markdown", "caption", "error", "warning", "info", "success", "toast")
    texts = [str(element.value) for kind in kinds for element in app.get(kind)]
    inside = re.sub(r"<(style|script)>.*?</\1>|<[^>]+>", " ", drawn_html(app), flags=re.DOTALL)
    return "\n".join([*texts, html.unescape(inside)])


def links(app: AppTest) -> dict[str, object]:
    """Return the page's links to other pages by label."""
    return {link.label: link for link in app.get("page_link")}


def cards(app: AppTest) -> list[str]:
    """Return the ids of the gallery's cards in order."""
    found = [button.key.removeprefix("open_card_") for button in app.button if str(button.key).startswith("open_card_")]
    assert len(set(found)) == len(found)
    return found
