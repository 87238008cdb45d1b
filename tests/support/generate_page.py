"""The Generate page on an outputs folder of its own: upload, fill in, press Generate."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import ButtonGroup

import studio.workspace
from studio.catalogue import Variation
from studio.ui.session import workspace
from tests.support.catalogue_records import save
from tests.support.pages import APP, PATIENT_SECONDS
from tests.support.pictures import draw_picture, encode_picture


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    """The page on an outputs folder and a device lock of its own, so that no other studio delays its worker."""
    monkeypatch.setenv("STUDIO_OUTPUTS", str(tmp_path / "outputs"))
    monkeypatch.setattr("studio.jobs.reading.AT_ONCE_SECONDS", PATIENT_SECONDS)
    monkeypatch.setattr(studio.workspace, "device_lock_file", lambda: tmp_path / "device.lock")
    st.cache_resource.clear()
    yield AppTest.from_file(APP, default_timeout=60)
    studio.workspace.close_workspaces()
    st.cache_resource.clear()


def upload(page: AppTest, width_px: int = 96, height_px: int = 128, form: str = "PNG") -> AppTest:
    """Upload a drawn design."""
    data = encode_picture(draw_picture(width_px, height_px), form)
    page.file_uploader[0].upload(f"My design.{form.lower()}", data)
    return page.run()


def ready(page: AppTest, prompt: str = "kilim, red diamonds") -> AppTest:
    """Return the page with a design and a prompt, ready for Generate."""
    upload(page.run())
    return page.text_area(key="form_prompt").set_value(prompt).run()


def choice(page: AppTest, key: str) -> ButtonGroup:
    """Return the segmented control with this key."""
    (found,) = [control for control in page.get("segmented_control") if control.key == key]
    return found


def draw_from(page: AppTest, drawing: str) -> AppTest:
    """Choose who draws: motifs, model or both."""
    choice(page, "form_drawing").set_value(drawing).run()
    assert not page.exception
    return page


def generate(page: AppTest) -> AppTest:
    """Press Generate."""
    page.button(key="generate").click().run()
    assert not page.exception
    return page


def errors(page: AppTest) -> str:
    """Return all errors of the page."""
    return " ".join(error.value for error in page.error)


def texts(page: AppTest) -> str:
    """Return all other text of the page, HTML included."""
    found = [*page.markdown, *page.caption, *page.html, *page.subheader, *page.info, *page.warning]
    return " ".join(str(element.value) for element in found)


def keep_variation(**changes: object) -> Variation:
    """Save a design and a variation of it."""
    catalogue = workspace().catalogue
    source = catalogue.add_source(encode_picture(draw_picture(64, 80)), label="Kept")
    return save(catalogue, source=source.sha256, **changes)
