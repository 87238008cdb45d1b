"""Marking the part of a design to keep, by mouse, keyboard, numbers and touch, in a real browser."""

from __future__ import annotations

import re

import numpy as np
import pytest

from studio.designs import open_design

pytestmark = pytest.mark.browser
pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

from playwright.sync_api import Locator, Page, expect  # noqa: E402

from tests.browser.conftest import wait_until  # noqa: E402
from tests.browser.test_generate import choose, expect_finished, generate, set_number, variation_ids  # noqa: E402
from tests.browser.test_loom import upload_indexed  # noqa: E402
from tests.support.knots import YARNS  # noqa: E402
from tests.support.loom_pages import draw_indexed  # noqa: E402

WIDTH, HEIGHT = 96, 128


def open_loom(page: Page) -> None:
    """Open the expander, and wait until its layout is stable."""
    page.get_by_text("For the loom · 4 yarns, symmetric").click()
    field = page.get_by_role("combobox", name="Keep", exact=True)
    expect(field).to_be_visible()
    places = []
    wait_until(page, lambda: places.append(field.bounding_box()) or places[-3:] == 3 * places[-1:])


def open_marking(page: Page, url: str) -> Locator:
    page.goto(url)
    upload_indexed(page)
    open_loom(page)
    choose(page, "Keep", "A part that I mark")
    expect(page.get_by_text("Drag over the part that must stay")).to_be_visible()
    stage = page.locator(".stage")
    stage.scroll_into_view_if_needed()
    return stage


def drag(page: Page, stage: Locator, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag from one point of the picture to another, both as fractions of its width and height."""
    box = stage.bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (start, end)]
    page.mouse.move(*places[0])
    page.mouse.down()
    page.mouse.move(*places[1], steps=5)
    page.mouse.up()


def read_numbers(page: Page) -> list[int]:
    fields = (page.get_by_label(name, exact=True) for name in ("Left", "Top", "Right", "Bottom"))
    return [int(field.input_value() or -1) for field in fields]


def test_marked_part_is_kept_knot_for_knot_and_the_rest_is_varied(shared_server, tab):
    stage = open_marking(tab, shared_server.url)
    drag(tab, stage, (0.25, 0.25), (0.75, 0.5))
    expect(tab.get_by_text(re.compile(r"knots stay, \d+ ?% of the design"))).to_be_visible()
    wait_until(tab, lambda: np.allclose(read_numbers(tab), [24, 32, 72, 64], atol=2))
    left, top, _, bottom = read_numbers(tab)

    # The keyboard moves the frame and the numbers follow. A number moves the frame too.
    frame = stage.get_by_role("group")
    frame.focus()
    tab.keyboard.press("Shift+ArrowDown")
    expect(tab.get_by_label("Top", exact=True)).to_have_value(str(top + 10))
    set_number(tab, "Right", 60)
    drawn = stage.bounding_box()
    expect(stage).to_have_attribute("style", re.compile(rf"--width: {100 * (60 - left) / WIDTH:.3}"))
    assert drawn["width"] > 100

    choose(tab, "Symmetry", "None")
    set_number(tab, "Steps", 6)
    set_number(tab, "Variations", 1)
    # Where the model changes nothing the design's knots return: few steps at a middle strength may change none.
    tab.get_by_text("Strong", exact=True).click()
    expect(tab.get_by_text("4 of 6 steps are drawn")).to_be_visible()
    tab.get_by_label("Prompt", exact=True).fill("kilim, red diamonds")
    generate(tab)
    expect_finished(tab)
    (one,) = variation_ids(tab, 1)
    made = open_design(tab.request.get(f"{shared_server.url}/pictures/variation/{one}").body()).index_map.indices
    own = open_design(draw_indexed()).index_map.indices
    part = np.s_[top + 10 : bottom + 10, left:60]
    assert np.array_equal(made[part], own[part])
    assert (made != own).mean() > 0.02


def test_part_can_be_marked_by_touch_on_a_phone(shared_server, open_tab):
    tab = open_tab(viewport={"width": 390, "height": 844}, has_touch=True, color_scheme="dark")
    stage = open_marking(tab, shared_server.url)
    box = stage.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    drag(tab, stage, (0.1, 0.1), (0.6, 0.9))
    expect(tab.get_by_text("knots stay")).to_be_visible()


def test_locked_yarn_is_in_every_variation(shared_server, tab):
    tab.goto(shared_server.url)
    upload_indexed(tab)
    open_loom(tab)
    choose(tab, "Yarns", "New yarns")
    set_number(tab, "Number of yarns", 3)
    tab.get_by_role("button").filter(has=tab.get_by_alt_text("Yarn 1,")).click()
    expect(tab.get_by_text("3 yarns, 1 of them locked")).to_be_visible()
    set_number(tab, "Steps", 3)
    set_number(tab, "Variations", 2)
    tab.get_by_label("Prompt", exact=True).fill("kilim, red diamonds")
    generate(tab)
    expect_finished(tab)
    for one in variation_ids(tab, 2):
        made = open_design(tab.request.get(f"{shared_server.url}/pictures/variation/{one}").body())
        assert made.index_map.palette[0].tolist() == YARNS[1].tolist()
        assert len(made.index_map.palette) <= 3
