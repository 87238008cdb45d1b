"""The Gallery, Compare and Settings pages in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from studio.catalogue import Catalogue
from studio.settings_store import SettingsStore
from studio.ui.picture_routes import variation_url
from tests.browser.conftest import DRAWING_MS, PATIENCE_MS, Server, running, wait_until
from tests.support.catalogue_records import make_record
from tests.support.pictures import draw_picture, encode_picture

pytestmark = pytest.mark.browser
pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

from playwright.sync_api import Locator, Page, expect  # noqa: E402

from tests.browser.test_generate import expect_finished, generate, prepare  # noqa: E402

WIDTH_PX, HEIGHT_PX = 192, 256
PHONE = {"viewport": {"width": 390, "height": 844}}


def fill(outputs: Path, count: int) -> tuple[str, list[str]]:
    """Save a design and pictures made from it. Return its hash and their ids, newest first."""
    with Catalogue(outputs) as catalogue:
        source = catalogue.add_source(encode_picture(draw_picture(WIDTH_PX, HEIGHT_PX, 99)), label="Tabriz")
        ids = []
        for seed in range(count):
            record = make_record(
                seed=seed,
                slot=seed % 5,
                run=f"run-{seed // 5}",
                source=source.sha256,
                strength=0.3 + 0.1 * (seed // 5),
                prompt=f"kilim number {seed:02}, red and ivory diamonds",
                width_px=WIDTH_PX,
                height_px=HEIGHT_PX,
                working_width_px=WIDTH_PX,
                working_height_px=HEIGHT_PX,
            )
            picture = draw_picture(WIDTH_PX, HEIGHT_PX, seed)
            ids.append(catalogue.save_variation(picture, record).id)
    return source.sha256, ids[::-1]


@pytest.fixture
def filled(chromium: object, tmp_path: Path) -> Iterator[tuple[Server, str, list[str]]]:
    """A started studio with two runs of five pictures, their design and their ids, newest first."""
    source, ids = fill(tmp_path / "outputs", 10)
    with running(tmp_path / "outputs") as server:
        yield server, source, ids


def card(page: Page, variation_id: str) -> Locator:
    return page.locator(f".st-key-frame_card_{variation_id}")


def star(place: Page | Locator) -> Locator:
    return place.get_by_role("radiogroup", name="Favourite").get_by_role("radio")


def tick(page: Page, variation_id: str) -> None:
    card(page, variation_id).locator(".stCheckbox label").click()
    expect(card(page, variation_id).get_by_role("checkbox")).to_be_checked()


def expect_whole(picture: Locator, width_px: int) -> None:
    """Wait until a picture is loaded, and check its width in pixels."""
    expect(picture).to_have_js_property("complete", True)
    expect(picture).to_have_js_property("naturalWidth", width_px)


def boxes(pictures: Sequence[Locator]) -> list[dict[str, float]]:
    """Return the boxes of elements. One that is not drawn yet gets an empty box outside the page."""
    return [picture.bounding_box() or {"x": -1, "y": -1, "width": 0, "height": 0} for picture in pictures]


def expect_no_sideways_scroll(page: Page) -> None:
    main = page.get_by_test_id("stMain")
    wait_until(page, lambda: main.evaluate("element => element.scrollWidth <= element.clientWidth"))


def expect_settled(tab) -> None:
    """Wait until the page's script has finished."""
    expect(tab.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")


def press_until_visible(tab, key: str, text: str) -> None:
    """Press a key, again if nothing happens: Streamlit binds a shortcut some time after it draws the button."""
    for _ in range(3):
        expect_settled(tab)
        tab.keyboard.press(key)
        try:
            expect(tab.get_by_text(text)).to_be_visible(timeout=PATIENCE_MS // 3)
        except AssertionError:
            continue
        return
    expect(tab.get_by_text(text)).to_be_visible()


def test_a_favourite_survives_reload_and_restart(filled, tab):
    server, _, ids = filled
    tab.goto(f"{server.url}/gallery")
    expect_whole(card(tab, ids[0]).locator("img"), WIDTH_PX)
    star(card(tab, ids[1])).click()
    expect(star(card(tab, ids[1]))).to_be_checked()
    wait_until(tab, lambda: any(server.outputs.rglob(f"{ids[1]}.json")))  # saved, not only shown
    tab.reload()
    expect(star(card(tab, ids[1]))).to_be_checked()
    expect(star(card(tab, ids[0]))).not_to_be_checked()
    server.restart()
    tab.goto(f"{server.url}/gallery?show=favourites")
    expect(tab.get_by_text("1 picture, newest first")).to_be_visible()
    expect(star(card(tab, ids[1]))).to_be_checked()


def test_paging_searching_and_the_back_button(server, tab):
    _, ids = fill(server.outputs, 26)  # while the studio runs, as the command line may
    tab.goto(f"{server.url}/gallery")
    expect(card(tab, ids[0])).to_be_visible()
    tab.locator("[class*=st-key-find_page]").get_by_text("2", exact=True).click()
    expect(card(tab, ids[24])).to_be_visible()
    expect(card(tab, ids[0])).to_have_count(0)
    assert "page=2" in tab.url
    tab.get_by_placeholder("Search the prompts").fill("NUMBER 07")
    tab.keyboard.press("Enter")
    expect(tab.get_by_text("1 picture, newest first")).to_be_visible()
    expect(card(tab, ids[18])).to_be_visible()
    expect(tab).to_have_url(re.compile("text="))  # before, Back would leave another address
    tab.go_back()
    expect(card(tab, ids[24])).to_be_visible()
    expect(tab.get_by_placeholder("Search the prompts")).to_have_value("")
    tab.go_back()
    expect(card(tab, ids[0])).to_be_visible()


def test_viewer_opens_by_address_and_by_click(filled, tab):
    server, source, ids = filled
    tab.goto(f"{server.url}/gallery?open={ids[7]}")  # the first page that this server draws
    picture = tab.locator(f'img[src="{variation_url(ids[7])}"]')
    expect_whole(picture, WIDTH_PX)
    expect_whole(tab.locator(f'img[src*="{source}"]'), WIDTH_PX)
    facts = tab.get_by_role("table", name="How this picture was made")
    expect(facts).to_contain_text("kilim number 02, red and ivory diamonds")
    expect(facts).to_contain_text("Tabriz")
    expect(tab.get_by_text("8 of 10")).to_be_visible()

    link = tab.get_by_role("link", name="Compare with the design")
    link.scroll_into_view_if_needed()
    box = link.bounding_box()
    for part in (0.1, 0.5, 0.9):  # no part of the pictures above covers it
        place = [box["x"] + part * box["width"], box["y"] + box["height"] / 2]
        assert tab.evaluate("([x, y]) => document.elementFromPoint(x, y).closest('a') !== null", place)

    press_until_visible(tab, "ArrowRight", "9 of 10")
    expect_settled(tab)
    tab.go_back()
    expect(tab.get_by_text("8 of 10")).to_be_visible()
    expect_settled(tab)
    with tab.expect_download() as download:
        tab.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == f"{ids[7]}.png"
    assert (
        Path(download.value.path()).read_bytes() == Path(server.outputs).rglob(f"{ids[7]}.png").__next__().read_bytes()
    )

    tab.get_by_role("button", name="All pictures").click()
    expect(card(tab, ids[0])).to_be_visible()
    expect_settled(tab)
    card(tab, ids[8]).get_by_role("button", name="Open variation").click()
    expect(tab.get_by_text("9 of 10")).to_be_visible()
    expect(tab.get_by_role("heading", name="Gallery")).to_be_in_viewport()  # scrolled to the top
    tab.go_back()
    expect(card(tab, ids[8]).locator("img")).to_be_in_viewport()  # scrolled to the card that was opened


def test_two_pictures_and_their_differences(filled, tab):
    server, source, ids = filled
    tab.goto(f"{server.url}/gallery")
    for one in (ids[0], ids[6]):
        tick(tab, one)
    expect(tab.get_by_text("2 selected")).to_be_visible()
    tab.get_by_test_id("stBottom").get_by_role("link", name="Compare").click()
    pictures = [tab.locator(f'img[src="{variation_url(one)}"]') for one in (ids[0], ids[6])]
    for picture in pictures:
        expect_whole(picture, WIDTH_PX)

    def side_by_side() -> bool:
        first, second = boxes(pictures)
        equal = all(first[side] == second[side] for side in ("y", "width", "height"))
        return equal and second["x"] > first["x"] + first["width"] > first["x"]

    wait_until(tab, side_by_side)

    table = tab.get_by_role("region", name="Parameters compared")
    expect(table.locator("tbody tr")).to_have_count(3)  # prompt, strength, seed
    expect(table.get_by_role("row", name="Strength")).to_contain_text("0.4")
    expect(tab.get_by_text("All else is equal:")).to_be_visible()
    tab.get_by_text("Only differences").click()
    expect(table.get_by_role("row", name="Guidance")).to_be_visible()
    expect(table.get_by_label("differs")).to_have_count(3)
    assert table.locator("tr.differs th").first.evaluate("cell => getComputedStyle(cell).backgroundColor") != (
        table.locator("tr:not(.differs) td").first.evaluate("cell => getComputedStyle(cell).backgroundColor")
    )

    tab.get_by_text("Show the design").click()
    expect_whole(tab.locator(f'img[src*="{source}"]'), WIDTH_PX)
    tab.reload()
    expect_whole(pictures[0], WIDTH_PX)
    tab.locator(f".st-key-remove_{ids[0]}").get_by_role("button").click()
    expect(pictures[0]).to_have_count(0)
    tab.locator(f".st-key-compared_{ids[6]}").get_by_role("link", name="Open").first.click()
    expect(tab.get_by_text("7 of 10")).to_be_visible()
    tab.go_back()
    expect_whole(pictures[1], WIDTH_PX)


def test_ticks_survive_a_visit_to_other_pages(filled, tab):
    server, _, ids = filled
    tab.goto(f"{server.url}/gallery")
    for one in ids[:2]:
        tick(tab, one)
    expect(tab.get_by_text("2 selected")).to_be_visible()
    tab.get_by_role("link", name="Settings").click()
    expect(tab.get_by_role("heading", name="Settings")).to_be_visible()
    tab.get_by_role("link", name="Compare").click()
    expect(tab.locator(f'img[src="{variation_url(ids[1])}"]')).to_be_visible()
    tab.get_by_role("link", name="Gallery").click()
    expect(tab.get_by_text("2 selected")).to_be_visible()
    expect(card(tab, ids[1]).get_by_role("checkbox")).to_be_checked()


def test_delete_and_undo(filled, tab):
    server, _, ids = filled
    tab.goto(f"{server.url}/gallery")
    for one in (ids[0], ids[2]):
        tick(tab, one)
    tab.get_by_role("button", name="Delete").click()
    expect(tab.get_by_text("Deleted 2 pictures.")).to_be_visible()
    expect(card(tab, ids[0])).to_have_count(0)
    tab.get_by_role("button", name="Undo").click()
    expect(card(tab, ids[0])).to_be_visible()
    expect(tab.get_by_text("Deleted 2 pictures.")).to_have_count(0)

    tab.goto(f"{server.url}/gallery?open={ids[3]}")
    tab.get_by_role("button", name="Delete").click()
    expect(tab.get_by_text("4 of 9")).to_be_visible()  # the next one
    tab.get_by_role("button", name="Undo").click()
    expect(tab.get_by_text("4 of 10")).to_be_visible()
    tab.get_by_role("button", name="Delete").click()
    expect(tab.get_by_text("4 of 9")).to_be_visible()

    tab.goto(f"{server.url}/gallery?show=bin")
    expect(card(tab, ids[3])).to_be_visible()
    tab.get_by_role("button", name="Empty the bin").click()
    tab.get_by_role("button", name="Remove for good").click()
    expect(tab.get_by_text("The bin is empty")).to_be_visible()
    tab.goto(f"{server.url}/gallery?open={ids[3]}")
    expect(tab.get_by_text("There is no picture")).to_be_visible()


def two_by_two(pictures: Sequence[Locator]) -> bool:
    """Return whether the pictures have one size and are in rows of two."""
    found = boxes(pictures)
    rows = list(zip(found[::2], found[1::2], strict=True))
    return (
        len({(box["width"], box["height"]) for box in found}) == 1
        and all(left["y"] == right["y"] and left["x"] < right["x"] for left, right in rows)
        and all(above[0]["y"] < below[0]["y"] for above, below in pairwise(rows))
    )


def test_phone_shows_pictures_in_two_columns(filled, open_tab):
    server, _, ids = filled
    phone = open_tab(f"{server.url}/gallery", **PHONE)
    expect(card(phone, ids[1])).to_be_visible()
    wait_until(phone, lambda: two_by_two([card(phone, one) for one in ids[:4]]))
    expect_no_sideways_scroll(phone)
    phone.goto(f"{server.url}/compare?run=run-1")
    pictures = phone.locator('img[src*="/pictures/"]')
    expect(pictures).to_have_count(6)
    wait_until(phone, lambda: two_by_two(pictures.all()))
    expect_no_sideways_scroll(phone)
    phone.goto(f"{server.url}/gallery?open={ids[0]}")
    expect(phone.get_by_role("table", name="How this picture was made")).to_be_visible()
    expect_no_sideways_scroll(phone)
    phone.goto(f"{server.url}/settings")
    expect(phone.get_by_role("heading", name="Storage")).to_be_visible()
    expect_no_sideways_scroll(phone)


def test_settings_survive_a_restart(server, tab):
    tab.goto(f"{server.url}/settings")
    tab.get_by_text("Stable Diffusion 3.5 Medium", exact=True).click()
    expect(tab.get_by_text("Saved. It applies from the next run.")).to_be_visible()
    expect(tab.get_by_text("needs a Hugging Face token").first).to_be_visible()
    minutes = tab.get_by_role("spinbutton", name="Minutes without a run before memory is freed")
    minutes.fill("45")
    minutes.press("Enter")
    wait_until(tab, lambda: SettingsStore(server.outputs / "settings.json").load().idle_unload_minutes == 45)
    server.restart()
    tab.goto(f"{server.url}/settings")
    expect(tab.get_by_role("radio", name="Stable Diffusion 3.5 Medium")).to_be_checked()
    expect(minutes).to_have_value("45")
    assert (server.outputs / "settings.json").is_file()


def test_drawn_pictures_are_in_the_gallery_and_memory_is_freed(server, tab):
    tab.goto(server.url)
    prepare(tab, steps=2, count=2, prompt="kilim, green stars")
    run_id = generate(tab)
    expect_finished(tab)
    tab.get_by_role("link", name="Settings").first.click()
    expect(tab.get_by_text("A model is in memory.")).to_be_visible()
    tab.get_by_role("button", name="Free memory now").click()
    expect(tab.get_by_text("No model is in memory.")).to_be_visible(timeout=DRAWING_MS)

    tab.get_by_role("link", name="Gallery").click()
    expect(tab.get_by_text("2 pictures, newest first")).to_be_visible()
    tab.get_by_role("button", name="Open variation 2").click()
    facts = tab.get_by_role("table", name="How this picture was made")
    for fact in ("kilim, green stars", "Built-in sketch model", "My kilim", "192 × 256 px", run_id):
        expect(facts).to_contain_text(fact)
    tab.get_by_role("link", name="Compare with the design").click()
    pictures = tab.locator('img[src*="/pictures/"]')
    expect(pictures).to_have_count(3)
    for picture in pictures.all():
        expect_whole(picture, WIDTH_PX)
    expect(tab.get_by_role("region", name="Parameters compared").locator("tbody tr")).to_have_count(1)  # the seed
    tab.get_by_role("link", name="Open").first.click()
    tab.get_by_role("link", name="Use these settings").click()
    expect(tab.get_by_label("Prompt", exact=True)).to_have_value("kilim, green stars")
    assert re.search(r"/(\?|$)", tab.url.removeprefix(server.url))
