"""Woven variations, their files for the loom, colourways and repeats in a real browser."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from PIL import Image

from studio.designs import open_design
from studio.designs.structure.repeat import SEAM_LIMIT, measure_seams
from studio.designs.structure.symmetry import measure_agreement

pytestmark = pytest.mark.browser
pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

from playwright.sync_api import expect  # noqa: E402

from tests.browser.conftest import wait_until  # noqa: E402
from tests.browser.test_generate import choose, expect_finished, generate, set_number, upload, variation_ids  # noqa: E402
from tests.support.knots import YARNS, draw_tile  # noqa: E402
from tests.support.loom_pages import draw_indexed  # noqa: E402


def upload_indexed(page, data: bytes | None = None, name: str = "Four yarns.png") -> None:
    page.locator("input[type=file]").set_input_files(
        [{"name": name, "mimeType": "image/png", "buffer": draw_indexed() if data is None else data}]
    )
    expect(page.get_by_role("button", name="Change design")).to_be_visible()


def draw_one(page, label: str, option: str) -> None:
    """Draw one variation with this option of the form's loom settings."""
    set_number(page, "Steps", 3)
    set_number(page, "Variations", 1)
    page.get_by_label("Prompt", exact=True).fill("kilim, red diamonds")
    page.get_by_text("For the loom · ").click()
    choose(page, label, option)
    generate(page)
    expect_finished(page)


def test_yarns_and_symmetry_are_kept_in_the_loom_file(shared_server, tab):
    tab.goto(shared_server.url)
    upload_indexed(tab)
    expect(tab.get_by_text("4 yarns · symmetric left to right, axis in the middle")).to_be_visible()
    expect(tab.get_by_role("img", name="4 yarns").first).to_be_visible()
    expect(tab.get_by_text("For the loom · 4 yarns, symmetric")).to_be_visible()
    set_number(tab, "Steps", 3)
    set_number(tab, "Variations", 2)
    tab.get_by_label("Prompt", exact=True).fill("kilim, red diamonds")
    generate(tab)
    expect_finished(tab)
    expect(
        tab.get_by_text(re.compile(r"^4 yarns · .+ % drawn anew · .+ · exactly symmetric left and right$"))
    ).to_have_count(2)
    for one in variation_ids(tab, 2):
        woven = open_design(tab.request.get(f"{shared_server.url}/pictures/variation/{one}").body())
        assert woven.mode == "P"
        assert measure_agreement(woven.index_map.indices, "vertical", 0) == 1
        assert np.array_equal(woven.index_map.palette, YARNS)  # in the order of the design

    links = tab.get_by_role("link", name="See what the model drew")
    expect(links).to_have_count(2)  # one on each card
    tab.set_viewport_size({"width": 390, "height": 844})
    main = tab.get_by_test_id("stMain")
    wait_until(tab, lambda: main.evaluate("element => element.scrollWidth === element.clientWidth"))
    tab.set_viewport_size({"width": 1440, "height": 900})
    one = variation_ids(tab, 2)[0]
    with tab.context.expect_page() as opened:
        links.first.click()
    address = f"{shared_server.url}/pictures/untouched/{one}"
    expect(opened.value).to_have_url(address)
    drawn, woven = (tab.request.get(url).body() for url in (address, address.replace("untouched", "variation")))
    assert [drawn] == [path.read_bytes() for path in (shared_server.outputs / "untouched").rglob(f"{one}.webp")]
    with Image.open(io.BytesIO(drawn)) as model, Image.open(io.BytesIO(woven)) as kept:
        assert (model.mode, kept.mode, model.size) == ("RGB", "P", kept.size)
        assert not np.array_equal(np.asarray(model), np.asarray(kept.convert("RGB")))

    tab.bring_to_front()  # the tab with the other picture has the focus
    card = tab.get_by_role("link", name="Open").first

    def viewer_opened() -> bool:
        """Click again when a rerun of the page has lost the click."""
        if card.is_visible():
            card.click()
        try:
            expect(links).to_have_count(1, timeout=5000)
        except AssertionError:
            return False
        return True

    wait_until(tab, viewer_opened)
    expect(links).to_have_attribute("href", f"/pictures/untouched/{one}")
    tab.get_by_role("button", name="For the loom").click()
    tab.get_by_text("Write the density into the file").click()
    set_number(tab, "Reeds per metre", 700)
    set_number(tab, "Picks per metre", 1240)
    expect(tab.get_by_text("At this density the carpet measures 14 × 10 cm.")).to_be_visible()
    with tab.expect_download() as download:
        tab.get_by_role("button", name="BMP").click()
    assert re.fullmatch(r"Four yarns \d+\.bmp", download.value.suggested_filename)
    with Image.open(download.value.path()) as image:
        assert image.getpalette()[:12] == YARNS.flatten().tolist()
        assert image.info["dpi"] == pytest.approx((17.78, 31.496), abs=0.01)


def test_colourway_becomes_the_design(shared_server, tab):
    tab.goto(shared_server.url)
    upload_indexed(tab)
    tab.get_by_role("button", name="Colourways").click()
    dialog = tab.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Take this")).to_have_count(8)
    with tab.expect_download() as download:
        dialog.get_by_test_id("stDownloadButton").first.get_by_role("button").click()
    with Image.open(download.value.path()) as image, Image.open(io.BytesIO(draw_indexed())) as own:
        assert image.mode == "P"
        assert np.array_equal(np.asarray(image), np.asarray(own))
    dialog.get_by_role("button", name="Take this").last.click()
    expect(dialog).to_have_count(0)
    expect(tab.get_by_text("Four yarns, ")).to_be_visible()
    picture = tab.locator('img[src*="/pictures/source"]').first
    data = tab.request.get(f"{shared_server.url}{picture.get_attribute('src').replace('source-thumbnail', 'source')}")
    with Image.open(io.BytesIO(data.body())) as image, Image.open(io.BytesIO(draw_indexed())) as own:
        assert np.array_equal(np.asarray(image), np.asarray(own))  # knot for knot
        assert image.getpalette() != own.getpalette()


def test_picture_in_free_colours_is_exported_with_a_chosen_number_of_yarns(shared_server, tab):
    tab.goto(shared_server.url)
    upload(tab, 96, 128)
    draw_one(tab, "Yarns", "Free colours")
    tab.get_by_role("link", name="Open").first.click()
    tab.get_by_role("button", name="For the loom").click()
    set_number(tab, "Yarns", 6)
    tab.get_by_text("Write the density into the file").click()
    expect(tab.get_by_text("At this density the carpet measures 19 × 26 cm.")).to_be_visible()
    with tab.expect_download() as download:
        tab.get_by_role("button", name="PNG").click()
    with Image.open(download.value.path()) as image:
        assert (image.mode, image.size) == ("P", (96, 128))
        assert len(image.getpalette()) == 3 * 6
        assert image.info["dpi"] == pytest.approx((12.7, 12.7), abs=0.01)  # 500 knots a metre


def test_repeat_has_closed_seams_and_a_preview_on_its_card(shared_server, tab):
    spots = draw_tile(96, 128).index_map.image()
    file = io.BytesIO()
    spots.save(file, "PNG")
    tab.goto(shared_server.url)
    upload_indexed(tab, file.getvalue(), "Spots.png")
    draw_one(tab, "Repeat", "Half-drop")
    expect(tab.get_by_text(re.compile(r"seam (invisible|faint)$"))).to_be_visible()
    (one,) = variation_ids(tab, 1)
    woven = open_design(tab.request.get(f"{shared_server.url}/pictures/variation/{one}").body())
    seams = measure_seams(np.asarray(woven.image), "half-drop")
    assert max(seams.horizontal, seams.vertical) <= SEAM_LIMIT
    nine = tab.get_by_role("img", name=re.compile("Nine repeats"))
    expect(nine).to_be_visible()
    box = nine.bounding_box()
    assert box["height"] / box["width"] == pytest.approx(128 / 96, rel=0.02)
