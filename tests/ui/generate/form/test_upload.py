"""Uploads that take long to read: the page stays usable, and the file that was chosen last becomes the design."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from studio.errors import RunCancelledError
from studio.jobs import reading
from studio.ui.session import workspace
from tests.support.generate_page import errors, generate, page, texts, upload
from tests.support.pages import PATIENT_SECONDS
from tests.support.pictures import draw_picture, encode_picture

__all__ = ["page"]

pytestmark = pytest.mark.slow


class Queue:
    """Large files before the test's own, which hold both threads that read until they are let go."""

    def __init__(self) -> None:
        self._gate = threading.Event()
        self.large = [workspace().designs.ask(f"large {number}", lambda _: self._gate.wait(60)) for number in range(2)]

    def let_go(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """End the large files; from now on a page waits for its own."""
        monkeypatch.setattr(reading, "AT_ONCE_SECONDS", PATIENT_SECONDS)
        self._gate.set()


@pytest.fixture
def queue(page: AppTest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Queue]:
    monkeypatch.setattr(reading, "AT_ONCE_SECONDS", 0.02)
    queue = Queue()
    yield queue
    queue.let_go(monkeypatch)


def labels() -> list[str]:
    return [source.label for source in workspace().catalogue.sources()]


def test_page_answers_while_a_file_is_read_and_shows_it_at_the_end(page, queue, monkeypatch):
    upload(page.run())
    assert "Reading “My design.png”." in texts(page)
    assert "Waiting for another file …" in texts(page)
    assert page.button(key="generate").disabled
    assert "The design is still being read." in texts(page)
    page.text_area(key="form_prompt").set_value("red kilim").run()
    assert page.text_area(key="form_prompt").value == "red kilim"
    assert labels() == []
    queue.let_go(monkeypatch)
    page.run()
    assert "**My design**" in texts(page)
    assert "Reading “" not in texts(page)
    assert page.text_area(key="form_prompt").value == "red kilim"


def test_another_file_chosen_meanwhile_takes_the_place_of_the_first(page, queue, monkeypatch):
    upload(page.run())
    page.file_uploader[0].upload("Second.png", encode_picture(draw_picture(64, 80, seed=2)))
    page.run()
    assert "Reading “Second.png”." in texts(page)
    queue.let_go(monkeypatch)
    page.run()
    assert "**Second**" in texts(page)
    assert labels() == ["Second"]


@pytest.mark.parametrize("way", ["cancel", "sample"])
def test_a_file_is_left_by_cancel_or_by_another_choice(page, queue, monkeypatch, way):
    upload(page.run())
    if way == "cancel":
        page.button(key="design_reading_cancel").click().run()
        assert "Choose a design" in texts(page)
    else:
        page.button(key="design_sample_kilim").click().run()
        assert "**Kilim of diamonds**" in texts(page)
    assert "Reading “" not in texts(page)
    queue.let_go(monkeypatch)
    page.run()
    assert "My design" not in labels()


def test_design_that_is_still_inspected_is_shown_and_drawn_once_it_is_known(page, queue, monkeypatch):
    page.run().button(key="design_sample_kilim").click().run()
    assert page.button(key="generate").disabled
    assert "“Kilim of diamonds” is still being read." in texts(page)
    queue.let_go(monkeypatch)
    page.run()
    assert not page.button(key="generate").disabled
    assert "still being read" not in texts(page)
    assert "yarns" in texts(page)


def test_a_design_too_large_to_be_checked_at_once_is_checked_by_its_run(page, monkeypatch):
    noise = np.random.default_rng(0).integers(0, 4, (128, 96), dtype=np.uint8)  # has no border to keep
    picture = Image.fromarray(noise)
    picture.putpalette([9, 9, 9, 200, 0, 0, 0, 200, 0, 0, 0, 200])
    page.run().file_uploader[0].upload("Plain.png", encode_picture(picture))
    page.run().selectbox(key="form_keep").set_value("border").run()
    monkeypatch.setattr(reading, "AT_ONCE_SECONDS", 0.02)
    queue = Queue()
    generate(page)
    assert "run" in page.query_params
    deadline = time.monotonic() + 60
    while workspace().jobs.active() and time.monotonic() < deadline:
        time.sleep(0.02)
    page.run()
    assert "No border was found" in errors(page)
    queue.let_go(monkeypatch)


def test_a_part_that_is_marked_again_ends_the_reading_of_the_first(page, monkeypatch):
    upload(page.run())
    page.selectbox(key="form_keep").set_value("rectangle").run()
    monkeypatch.setattr(reading, "AT_ONCE_SECONDS", 0.02)
    queue = Queue()
    asked = []
    for right in (20, 40):
        page.session_state["form_rectangle"] = (0, 0, right, 30)
        page.run()
        asked.append(page.session_state["kept_part_asked"])
    queue.let_go(monkeypatch)
    with pytest.raises(RunCancelledError):
        asked[0].answer()
    assert asked[1].answer().marked > 0


def test_second_design_is_read_the_same_way(page, queue, monkeypatch):
    page.run().button(key="design_sample_kilim").click().run()
    page.file_uploader[0].upload("Other.png", encode_picture(draw_picture(64, 80, seed=2)))
    page.run()
    assert "Reading “Other.png”." in texts(page)
    queue.let_go(monkeypatch)
    page.run()
    assert "Crossed with Other" in [expander.label for expander in page.expander]


def test_file_that_cannot_be_used_is_refused_at_the_end(page, queue, monkeypatch):
    page.run().file_uploader[0].upload("Letter.png", b"Dear designer")
    page.run()
    assert not page.error
    queue.let_go(monkeypatch)
    page.run()
    assert "“Letter.png” cannot be used." in errors(page)
    assert page.button(key="generate").disabled
    page.button(key="design_sample_kilim").click().run()
    assert not page.error
    generate(page)


def test_a_run_is_shown_also_where_a_file_was_taken_away(page):
    upload(page.run())
    page.session_state["design_upload_read"] = None  # as after a browser took a file away
    assert "Choose another design" in texts(page.run())
    generate(page)
    assert "Choose another design" not in texts(page)
    assert page.query_params["run"]


def test_a_file_that_became_the_design_is_not_taken_away_afterwards():
    def script() -> None:
        import streamlit as st

        from studio.ui.generate.form import upload

        st.session_state["design_uploads"] = 1
        upload._begin("design", 0)
        st.text(str(upload.is_in_use("design")))
        upload._begin("design", 1)
        st.text(str(upload.is_in_use("design")))

    said = AppTest.from_function(script, default_timeout=PATIENT_SECONDS).run()
    assert [one.value for one in said.text] == ["False", "True"]
