"""Generate is not offered after a refused file, or where there is nothing to vary; the page says why."""

from __future__ import annotations

import io

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from studio.ui.session import workspace
from tests.support.generate_page import draw_from, errors, generate, page, texts, upload
from tests.support.pages import busy, run

__all__ = ["busy", "page"]


def draw_plain(width_px: int, height_px: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width_px, height_px), (170, 35, 40)).save(file, "PNG")
    return file.getvalue()


def offered(page: AppTest) -> bool:
    return not page.button(key="generate").disabled


def choose_plain(page: AppTest) -> AppTest:
    page.run().file_uploader[0].upload("Plain.png", draw_plain(64, 80))
    return run(page)


@pytest.mark.slow
@pytest.mark.usefixtures("busy")
def test_a_refused_file_is_named_and_the_last_design_is_not_drawn_in_its_place(page: AppTest) -> None:
    upload(page.run())
    page.button(key="design_change").click().run()
    assert "Until you choose another design, “My design” is drawn." in texts(page)
    assert offered(page)
    page.file_uploader[0].upload("my_rug.png", draw_plain(5, 5))
    run(page)
    assert "“my_rug.png” cannot be used. This picture has only 5 x 5 pixels" in errors(page)
    assert "“my_rug.png” cannot be drawn. Choose another design, or keep “My design”." in texts(page)
    assert not offered(page)
    page.button(key="design_keep").click().run()
    assert offered(page)
    assert "cannot be drawn" not in texts(page)
    generate(page)
    assert workspace().jobs.active()[0].request.source == workspace().catalogue.sources()[0].sha256


def test_a_refused_file_without_an_earlier_design_offers_no_run(page: AppTest) -> None:
    page.run().file_uploader[0].upload("rug.png", draw_plain(1, 1))
    run(page)
    assert "“rug.png” cannot be drawn. Choose another design." in texts(page)
    assert not offered(page)


@pytest.mark.slow
@pytest.mark.usefixtures("busy")
def test_a_design_of_one_yarn_is_not_drawn_where_all_pictures_would_be_equal(page: AppTest) -> None:
    choose_plain(page)
    for drawing in ("motifs", "both"):
        draw_from(page, drawing)
        assert "This design has one yarn, so its motifs have nothing to vary. Choose “Model”" in texts(page)
        assert not offered(page)
    draw_from(page, "model")
    assert "every picture would be plain" in texts(page)
    assert not offered(page)
    page.selectbox(key="form_palette").set_value("free").run()
    page.text_area(key="form_prompt").set_value("kilim").run()
    assert "every picture would be plain" not in texts(page)
    generate(page)
    assert workspace().jobs.active()[0].request.drawing == "model"


def test_a_design_of_several_yarns_is_offered(page: AppTest) -> None:
    upload(page.run())
    assert offered(page)
    assert "one yarn" not in texts(page)
