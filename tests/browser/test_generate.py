"""The Generate page in a real browser, with the real built-in pipeline."""

from __future__ import annotations

import io
import re

import pytest
from PIL import Image

from tests.browser.conftest import DRAWING_MS, wait_until
from tests.support.pictures import draw_picture, encode_picture

pytestmark = pytest.mark.browser
pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

from playwright.sync_api import Page, TimeoutError, expect  # noqa: E402

WIDTH_PX, HEIGHT_PX = 192, 256
FINISHED = re.compile(r"^\d+ variations? in ")


def upload(page: Page, width_px: int = WIDTH_PX, height_px: int = HEIGHT_PX) -> None:
    """Upload a drawn design, and wait until the page shows it."""
    data = encode_picture(draw_picture(width_px, height_px, seed=3))
    page.locator("input[type=file]").set_input_files(
        [{"name": "My kilim.png", "mimeType": "image/png", "buffer": data}]
    )
    expect(page.get_by_role("button", name="Change design")).to_be_visible()


def set_number(page: Page, label: str, value: int) -> None:
    """Type a number, and wait until the page has run with it."""
    field = page.get_by_label(label, exact=True)
    if label == "Steps":
        draw_from(page, "Model")
        open_fine_settings(page)
    field.fill(str(value))
    field.press("Enter")
    expect(field).to_have_value(str(value))
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")


def draw_from(page: Page, name: str) -> None:
    """Choose who draws: Motifs, Model or Both. Press again when a rerun of the page has lost the press."""
    choice = page.get_by_role("radiogroup", name="Drawn from").get_by_role("radio", name=name, exact=True)

    def chosen() -> bool:
        choice.click()
        try:
            expect(choice).to_be_checked(timeout=3000)
        except AssertionError:
            return False
        return True

    wait_until(page, chosen)
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")


def open_fine_settings(page: Page) -> None:
    """Open the expander of fine settings, unless it is open."""
    steps = page.get_by_label("Steps", exact=True)

    def opened() -> bool:
        """Click again when a rerun of the page has lost the click."""
        if not steps.is_visible():
            page.get_by_text("Fine settings · ").click()
        try:
            expect(steps).to_be_visible(timeout=3000)
        except AssertionError:
            return False
        return True

    wait_until(page, opened)


def choose(page: Page, label: str, option: str) -> None:
    """Choose an option of a list. Open the list again when a rerun of the page has closed it."""
    field = page.get_by_role("combobox", name=label, exact=True)
    wanted = page.get_by_role("option", name=option)

    def chosen() -> bool:
        field.click()
        try:
            wanted.click(timeout=3000)
        except TimeoutError:
            return False
        return True

    wait_until(page, chosen)
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")


def prepare(page: Page, *, steps: int = 3, count: int = 5, prompt: str = "kilim, red diamonds") -> None:
    """Fill in the form, ready for Generate. At strength 0.6, 2 of 3 steps are drawn."""
    upload(page)
    set_number(page, "Steps", steps)
    set_number(page, "Variations", count)
    page.get_by_label("Prompt", exact=True).fill(prompt)


def generate(page: Page) -> str:
    """Press Generate and return the run's id."""
    page.get_by_role("button", name="Generate").click()
    page.wait_for_url(re.compile(r"[?&]run="))
    return re.search(r"run=([^&]+)", page.url)[1]


def expect_finished(page: Page) -> None:
    expect(page.get_by_text(FINISHED)).to_be_visible(timeout=DRAWING_MS)


def variation_ids(page: Page, count: int) -> list[str]:
    """Return the ids of the `count` variations on the page, in order.

    Counted and read in one look: a rerun between the two takes all cards away for a moment.
    """
    links = page.locator("a[download]")
    found: list[str] = []

    def are_there() -> bool:
        found[:] = links.evaluate_all("links => links.map(link => link.getAttribute('href'))")
        return len(found) == count

    wait_until(page, are_there)
    return [href.rsplit("/", 1)[1] for href in found]


@pytest.mark.parametrize(
    ("path", "heading"),
    [("/", "Choose a design"), ("/gallery", "Gallery"), ("/compare", "Compare"), ("/settings", "Settings")],
)
def test_first_visit_of_a_fresh_server_opens_the_page_of_its_address(server, tab, path, heading):
    refused, sockets = [], []
    tab.on("response", lambda answer: answer.status >= 400 and refused.append(f"{answer.status} {answer.url}"))
    tab.on("console", lambda line: line.type == "error" and refused.append(line.text))
    tab.on("websocket", lambda socket: sockets.append(socket.url))
    tab.goto(server.url + path)
    expect(tab.get_by_role("heading", name=heading, exact=True)).to_be_visible()
    for name in ("Generate", "Gallery", "Compare", "Settings"):  # the navigation is there too
        expect(tab.get_by_role("link", name=name).first).to_be_visible()
    expect(tab.get_by_test_id("stException")).to_have_count(0)
    expect(tab.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    assert refused == []
    assert sockets == [f"ws://127.0.0.1:{server.port}/_stcore/stream"]
    tab.get_by_role("link", name="Settings").first.click()  # and the address follows
    expect(tab).to_have_url(f"{server.url}/settings")


def test_upload_five_variations_favourite_restart(shared_server, tab):
    tab.goto(shared_server.url)
    prepare(tab)
    tab.get_by_label("Prompt", exact=True).press("Control+Enter")
    tab.wait_for_url(re.compile(r"[?&]run="))
    expect(tab.get_by_role("button", name="Cancel")).to_be_visible()
    expect_finished(tab)
    expect(tab.get_by_text("Drawn by Built-in sketch model")).to_be_visible()
    expect(tab.get_by_text("in the queue")).to_have_count(0)  # the shortcut has started one run, not two

    stars = tab.get_by_role("radiogroup", name="Favourite").or_(tab.get_by_role("group", name="Favourite"))
    expect(stars).to_have_count(5)
    ids = variation_ids(tab, 5)
    assert len(set(ids)) == 5
    for picture in tab.locator("img[alt^=Variation]").all():
        expect(picture).to_have_js_property("complete", True)
        assert picture.evaluate("image => image.naturalWidth") > 0

    answer = tab.request.get(f"{shared_server.url}/pictures/variation/{ids[1]}")
    with Image.open(io.BytesIO(answer.body())) as image:
        assert (image.format, image.size) == ("PNG", (WIDTH_PX, HEIGHT_PX))
        assert "kilim, red diamonds" in image.text["parameters"]

    with tab.expect_download() as download:
        tab.locator("a[download]").nth(1).click()
    assert download.value.suggested_filename == f"{ids[1]}.png"

    star = stars.nth(1).locator("button")
    star.click()
    expect(star).to_have_attribute("aria-checked", "true")
    wait_until(tab, lambda: any(shared_server.outputs.rglob(f"{ids[1]}.json")))  # saved, not only shown
    address = tab.url

    shared_server.restart()
    tab.goto(address)
    expect(tab.get_by_text("5 variations", exact=True)).to_be_visible()
    assert variation_ids(tab, 5) == ids
    expect(stars.nth(1).locator("button")).to_have_attribute("aria-checked", "true")
    expect(stars.nth(0).locator("button")).to_have_attribute("aria-checked", "false")
    expect(tab.get_by_label("Prompt", exact=True)).to_have_value("kilim, red diamonds")
    expect(tab.get_by_text("My kilim")).to_be_visible()


def test_run_continues_when_its_tab_is_closed(shared_server, open_tab):
    first = open_tab(shared_server.url)
    prepare(first, count=2)
    run = generate(first)
    expect(first.get_by_role("button", name="Cancel")).to_be_visible()
    first.close()
    later = open_tab(f"{shared_server.url}/?run={run}")
    expect_finished(later)
    variation_ids(later, 2)


def test_second_session_waits_and_sees_its_place_in_line(shared_server, open_tab):
    first, second = open_tab(shared_server.url), open_tab(shared_server.url)
    prepare(first, steps=200)
    prepare(second, count=1)
    generate(first)
    generate(second)
    expect(second.get_by_text("Waiting in line · 1 run goes first")).to_be_visible()
    first.get_by_role("button", name="Cancel").click()
    expect(first.get_by_text("Stopped", exact=True)).to_be_visible(timeout=DRAWING_MS)
    expect_finished(second)
    variation_ids(second, 1)
    expect(first.get_by_text("Not finished")).to_have_count(5)


def test_cancel_keeps_what_is_finished(shared_server, tab):
    tab.goto(shared_server.url)
    prepare(tab, count=10, prompt="garden carpet")
    run = generate(tab)
    expect(tab.locator("a[download]").first).to_be_visible(timeout=DRAWING_MS)  # the first of ten; drawn five at a time
    tab.get_by_role("button", name="Cancel").click()
    said = tab.get_by_text(re.compile(r"^Stopped · \d variations? kept"))
    expect(said).to_be_visible(timeout=DRAWING_MS)
    kept = variation_ids(tab, int(re.search(r"\d", said.inner_text())[0]))
    assert kept
    expect(tab.get_by_text("Not finished")).to_have_count(10 - len(kept))
    shared_server.restart()
    tab.goto(f"{shared_server.url}/?run={run}")
    expect(tab.get_by_text(re.compile(r"^\d variations?$"))).to_be_visible()
    assert variation_ids(tab, len(kept)) == kept


def test_form_survives_a_visit_to_another_page_and_a_reload(shared_server, tab):
    tab.goto(shared_server.url)
    prepare(tab, steps=7, prompt="what I wrote")

    def is_subtle() -> bool:
        """Press Subtle unless it is pressed. A press during the rerun that leaving the prompt starts can be lost."""
        subtle = tab.get_by_role("radio", name="Subtle")
        if subtle.get_attribute("aria-checked") != "true":
            subtle.click()
        try:
            expect(tab.get_by_text("4 of 7 steps are drawn")).to_be_visible(timeout=10_000)
        except AssertionError:
            return False
        return True

    wait_until(tab, is_subtle)
    tab.get_by_role("link", name="Gallery").first.click()
    expect(tab.get_by_role("heading", name="Gallery", exact=True)).to_be_visible()
    tab.get_by_role("link", name="Generate").first.click()
    expect_prepared(tab)
    tab.reload()
    expect_prepared(tab)


def expect_prepared(tab: Page) -> None:
    """Check that the form holds the values that were filled in."""
    expect(tab.get_by_label("Prompt", exact=True)).to_have_value("what I wrote")
    open_fine_settings(tab)
    expect(tab.get_by_label("Steps", exact=True)).to_have_value("7")
    expect(tab.get_by_role("radio", name="Subtle")).to_have_attribute("aria-checked", "true")
    expect(tab.get_by_text("My kilim")).to_be_visible()


def test_click_on_a_sample_picture_chooses_it(shared_server, tab):
    tab.goto(shared_server.url)
    picture = tab.get_by_alt_text("The sample design Kilim of diamonds")
    expect(picture).to_be_visible()
    expect(tab.get_by_role("button", name="Kilim of diamonds")).to_be_visible()  # which comes after its picture
    box = picture.bounding_box()
    tab.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(tab.get_by_role("button", name="Change design")).to_be_visible()
    expect(tab.get_by_text("Kilim of diamonds", exact=True)).to_be_visible()


def test_progress_stays_visible_beside_a_tall_form(shared_server, tab):
    tab.set_viewport_size({"width": 1440, "height": 900})
    tab.goto(shared_server.url)
    prepare(tab, steps=200)
    tab.get_by_text("For the loom · ").click()
    expect(tab.get_by_role("combobox", name="Yarns", exact=True)).to_be_visible()
    button = tab.get_by_role("button", name="Generate")
    button.scroll_into_view_if_needed()
    generate(tab)
    tab.get_by_test_id("stMain").evaluate("main => main.scrollTo(0, main.scrollHeight)")
    expect(button).to_be_in_viewport()
    expect(tab.get_by_role("progressbar")).to_be_in_viewport()
    tab.get_by_role("button", name="Cancel").click()
    expect(tab.get_by_text("Stopped", exact=True)).to_be_visible(timeout=DRAWING_MS)


@pytest.mark.parametrize("width_px", [390, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_the_screen(shared_server, open_tab, width_px, scheme):
    page = open_tab(shared_server.url, viewport={"width": width_px, "height": 844}, color_scheme=scheme)
    for _ in range(2):
        expect(page.get_by_label("Prompt", exact=True)).to_be_visible()
        main = page.get_by_test_id("stMain")
        assert main.evaluate("element => element.scrollWidth <= element.clientWidth")
        if page.get_by_role("button", name="Change design").count() == 0:
            upload(page)
