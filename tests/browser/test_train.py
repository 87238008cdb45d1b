"""The Train page in a real browser, with the real command and the built-in model: from a folder to a variation."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from studio.adapter_training.folder import TrainingFolder
from tests.browser.conftest import DRAWING_MS, PATIENCE_MS, wait_until
from tests.browser.test_generate import expect_finished, generate, set_number, upload
from tests.support.server import Server
from tests.support.train_page import write_carpets

pytestmark = pytest.mark.browser
pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

from playwright.sync_api import Page, expect  # noqa: E402

STEPS = 80
"""Enough to be stopped before the last one, and few enough to be waited for."""


def type_in(page: Page, name: str, text: str) -> None:
    """Type into a field, and wait until the page has run with it."""
    field = page.get_by_label(name, exact=True)
    field.fill(text)
    field.press("Enter")
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    expect(field).to_have_value(text)


def press(page: Page, name: str, until: object) -> None:
    """Press a button until it has had its effect: a rerun of the page may lose a click."""

    def pressed() -> bool:
        button = page.get_by_role("button", name=name, exact=True)
        if button.is_visible():
            button.click()
        try:
            expect(until).to_be_visible(timeout=5000)
        except AssertionError:
            return False
        return True

    wait_until(page, pressed)


def start_training(page: Page, folder: Path) -> None:
    """Fill in the page and start a small training of some steps."""
    type_in(page, "Folder or ZIP of designs", str(folder))
    press(page, "Read the pictures", page.get_by_text("Choose other pictures"))
    expect(page.get_by_role("table", name="What is in the dataset")).to_contain_text("5 pictures of 5 designs")
    type_in(page, "Trigger words", "kashan rug")
    type_in(page, "Steps", str(STEPS))
    page.get_by_text("More settings").click()
    for name, value in (("Resolution", 128), ("Rank", 4), ("Batches a step", 1), ("Steps between samples", STEPS)):
        type_in(page, name, str(value))
    page.get_by_role("button", name="Start the training").click()
    page.wait_for_url(re.compile(r"[?&]training=carpets"))


def test_folder_becomes_a_variation_drawn_with_its_adapter(server: Server, tab: Page, tmp_path: Path) -> None:
    tab.goto(f"{server.url}/train")
    start_training(tab, write_carpets(tmp_path / "carpets", 5))
    expect(tab.get_by_text(re.compile(rf"^Step \d+ of {STEPS}"))).to_be_visible(timeout=DRAWING_MS)
    tab.get_by_role("button", name="Stop").click()
    resume = tab.get_by_role("button", name="Resume")
    expect(resume).to_be_visible(timeout=DRAWING_MS)
    expect(tab.get_by_text(re.compile("Resume goes on from the checkpoint of step"))).to_be_visible()
    folder = TrainingFolder(server.outputs / "trainings" / "carpets")
    assert folder.list_checkpoints()

    press(tab, "Resume", tab.get_by_role("button", name="Stop"))
    use = tab.get_by_role("link", name="Use it on the Generate page")
    expect(use).to_be_visible(timeout=DRAWING_MS)
    expect(tab.get_by_text(f"Finished: {STEPS} of {STEPS} steps.")).to_be_visible()
    sample = tab.get_by_role("img", name=re.compile("Held-out design 1, weight 1, after step"))
    wait_until(tab, lambda: sample.evaluate("image => image.complete && image.naturalWidth > 0"))

    use.click()
    expect(tab.get_by_label("Prompt", exact=True)).to_have_value("kashan rug", timeout=PATIENCE_MS)
    expect(tab.get_by_text("Adapter: carpets")).to_be_visible()
    upload(tab, 96, 128)
    set_number(tab, "Steps", 3)
    set_number(tab, "Variations", 1)
    generate(tab)
    expect_finished(tab)
    expect(tab.get_by_text(re.compile("with the adapter carpets at 1"))).to_be_visible()
