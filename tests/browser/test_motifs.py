"""Variations from a design's own motifs in a real browser: five at once, crossed with another, both parents found."""

from __future__ import annotations

import re

import pytest

from tests.browser.conftest import DRAWING_MS, wait_until

pytestmark = pytest.mark.browser
pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

from playwright.sync_api import Page, expect  # noqa: E402

from tests.browser.test_generate import choose, expect_finished, generate, variation_ids  # noqa: E402


def take_sample(page: Page, title: str) -> None:
    page.get_by_role("button", name=title, exact=True).click()
    expect(page.get_by_role("button", name="Change design")).to_be_visible()


def test_first_click_draws_five_from_the_motifs_without_a_prompt(server, tab):
    tab.goto(server.url)
    take_sample(tab, "Kilim of diamonds")
    tab.get_by_label("Prompt", exact=True).fill("")
    tab.get_by_label("Prompt", exact=True).blur()
    generate(tab)
    expect_finished(tab)
    variation_ids(tab, 5)
    expect(tab.get_by_text(re.compile("two of them differ in"))).to_be_visible()
    expect(tab.get_by_text(re.compile("^Drawn from the design’s motifs"))).to_be_visible()
    expect(tab.get_by_text("See what the model drew")).to_have_count(0)


def test_crossing_two_designs_names_both_parents(server, tab):
    tab.goto(server.url)
    take_sample(tab, "Kilim of diamonds")
    tab.get_by_label("Variations", exact=True).fill("2")
    tab.get_by_label("Variations", exact=True).press("Enter")
    generate(tab)
    expect_finished(tab)
    first, second = variation_ids(tab, 2)
    # The second variation is chosen in the gallery; after that the first one becomes the design.
    tab.goto(f"{server.url}/gallery?open={second}")
    tab.get_by_role("link", name="Cross with this").click()
    expect(tab.get_by_text(re.compile("^Crossed with Variation "))).to_be_visible()
    tab.goto(f"{server.url}/?parent={first}&cross={second}")
    expect(tab.get_by_role("button", name="Change design")).to_be_visible()
    expect(tab.get_by_text(re.compile("^Crossed with Variation "))).to_be_visible()
    tab.get_by_label("Variations", exact=True).fill("1")
    tab.get_by_label("Variations", exact=True).press("Enter")
    generate(tab)
    expect(tab.get_by_text(re.compile("^1 variation in "))).to_be_visible(timeout=DRAWING_MS)
    (crossed,) = variation_ids(tab, 1)
    tab.goto(f"{server.url}/gallery?open={crossed}")
    expect(tab.get_by_role("button", name="Open the picture it was varied from")).to_be_visible()
    tab.get_by_role("button", name="Open the picture it was crossed with").click()
    expect(tab).to_have_url(re.compile(f"open={second}"))


def test_second_design_is_chosen_and_removed_in_the_form(server, tab):
    tab.goto(server.url)
    take_sample(tab, "Kilim of diamonds")
    tab.get_by_text("Cross with a second design").click()
    choose(tab, "Second design", "Red medallion (sample)")
    expect(tab.get_by_text("Crossed with Red medallion")).to_be_visible()
    tab.get_by_role("button", name="Remove").click()
    expect(tab.get_by_text("Cross with a second design")).to_be_visible()


def test_on_a_phone_generate_brings_the_run_into_view(server, open_tab):
    phone = open_tab(server.url, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    take_sample(phone, "Kilim of diamonds")
    expect(phone.get_by_label("Shortcut Ctrl + Enter")).to_be_hidden()
    generate(phone)
    head = phone.locator(".st-key-run_head")
    wait_until(phone, lambda: 0 < head.bounding_box()["y"] < 844 / 4)
    phone.get_by_test_id("stMain").evaluate("main => main.scrollTo(0, 0)")
    expect_finished(phone)  # which does not scroll again
    assert phone.get_by_test_id("stMain").evaluate("main => main.scrollTop") == 0
