"""A large file in a real browser: its progress, the page usable meanwhile, and another file in its place."""

from __future__ import annotations

import re

import numpy as np
import pytest
from PIL import Image

from tests.support.pictures import draw_picture, encode_picture

pytestmark = pytest.mark.browser
pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

from playwright.sync_api import Page, expect  # noqa: E402

SIDE_PX = 6000


def encode_photo(seed: int) -> bytes:
    """Return a photo in the colours of print, which are converted and stored as a PNG too: seconds of work."""
    small = np.random.default_rng(seed).integers(0, 256, (24, 24, 4), dtype=np.uint8)
    photo = Image.fromarray(small, "CMYK").resize((SIDE_PX, SIDE_PX), Image.Resampling.BILINEAR)
    return encode_picture(photo, "JPEG", quality=75)


def choose(page: Page, name: str, data: bytes) -> None:
    page.locator("input[type=file]").set_input_files([{"name": name, "mimeType": "image/jpeg", "buffer": data}])


def test_page_is_usable_while_a_large_file_is_read_and_another_takes_its_place(server, tab):
    tab.goto(server.url)
    choose(tab, "Large photo.jpg", encode_photo(1))
    expect(tab.get_by_text("Reading “Large photo.jpg”.")).to_be_visible()
    expect(tab.get_by_text(re.compile(r"(Reading|Storing) the picture( …| · about \d+ s left)"))).to_be_visible()
    tab.get_by_role("spinbutton", name="Variations").fill("3")  # other widgets answer
    tab.get_by_label("Prompt", exact=True).press_sequentially("red kil")  # and are typed into at the change
    choose(tab, "Small kilim.png", encode_picture(draw_picture(96, 128)))
    expect(tab.get_by_text("Small kilim", exact=True)).to_be_visible()
    expect(tab.get_by_text("96 × 128 knots")).to_be_visible()
    expect(tab.get_by_text("Reading “Large photo.jpg”.")).to_have_count(0)
    expect(tab.get_by_role("spinbutton", name="Variations")).to_have_value("3")
    tab.get_by_label("Prompt", exact=True).press_sequentially("im")
    expect(tab.get_by_label("Prompt", exact=True)).to_have_value("red kilim")


def test_large_file_is_shown_before_its_yarns_are_found_and_can_be_cancelled(server, tab):
    tab.goto(server.url)
    choose(tab, "Unwanted.jpg", encode_photo(2))
    tab.get_by_role("button", name="Cancel").click()
    expect(tab.get_by_text("Reading “Unwanted.jpg”.")).to_have_count(0)
    choose(tab, "Large photo.jpg", encode_photo(3))
    expect(tab.get_by_text(f"{SIDE_PX} × {SIDE_PX} knots")).to_be_visible()
    expect(tab.get_by_text(re.compile(r"Finding .* · about \d+ s left"))).to_be_visible()
    expect(tab.get_by_text("is still being read")).to_be_visible()
    tab.get_by_label("Prompt", exact=True).fill("red kilim")
    expect(tab.get_by_text("colours, could be woven in")).to_be_visible()
    expect(tab.get_by_role("button", name="Generate")).to_be_enabled()
    expect(tab.get_by_label("Prompt", exact=True)).to_have_value("red kilim")
