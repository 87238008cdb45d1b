"""Query parameters of the Generate page: a picture to vary, settings to use again, and invalid values."""

from __future__ import annotations

import pytest

from studio.ui.session import workspace
from tests.support.catalogue_records import FACTS, KILIM
from tests.support.generate_page import draw_from, generate, keep_variation, page, ready, texts
from tests.support.pages import busy

__all__ = ["busy", "page"]


def test_parent_becomes_the_design_and_fills_an_empty_prompt(page):
    variation = keep_variation(prompt="kilim of old", seed=12)
    page.query_params["parent"] = variation.id
    page.run()
    assert not page.exception
    newest = workspace().catalogue.sources()[0]
    assert (newest.parent, newest.width_px, newest.height_px) == (variation.id, 64, 80)
    assert page.text_area(key="form_prompt").value == "kilim of old"
    assert page.query_params == {"source": [newest.sha256]} or page.query_params["source"] == newest.sha256
    assert "parent" not in page.query_params


@pytest.mark.usefixtures("busy")
def test_parent_is_recorded_in_the_next_run(page):
    variation = keep_variation(prompt="kilim of old")
    page.query_params["parent"] = variation.id
    generate(page.run())
    assert workspace().jobs.active()[0].request.parent == variation.id


def test_like_fills_the_form_and_can_be_undone(page):
    draw_from(ready(page, "my own words"), "model")
    variation = keep_variation(
        prompt="theirs", negative_prompt="text", strength=0.3, steps=40, guidance_scale=6.0, seed=99, **KILIM
    )
    mine = page.query_params["source"]
    page.query_params["like"] = variation.id
    page.run()
    assert not page.exception
    assert page.text_area(key="form_prompt").value == "theirs"
    assert page.text_area(key="form_negative_prompt").value == "text"
    assert page.slider(key="form_strength").value == 0.3
    assert page.number_input(key="form_steps").value == 40
    assert page.number_input(key="form_guidance_scale").value == 6.0
    assert page.number_input(key="form_seed").value == 99
    assert page.query_params["source"] == mine  # the design stays
    assert f"{FACTS.model_title} and the adapter kilim" in texts(page)  # the settings name none
    page.button(key="form_undo").click().run()
    assert page.text_area(key="form_prompt").value == "my own words"
    assert page.number_input(key="form_steps").value == 12
    assert "form_seed" not in {number.key for number in page.number_input}
    assert "form_undo" not in {button.key for button in page.button}


def test_like_opens_the_design_and_run_if_there_is_no_design(page):
    variation = keep_variation()
    page.query_params["like"] = variation.id
    page.run()
    assert page.query_params["source"] == variation.record.source
    assert f"/pictures/thumbnail/{variation.id}" in texts(page)  # the run that it belongs to


@pytest.mark.slow
@pytest.mark.parametrize("name", ["source", "parent", "cross", "like", "run"])
@pytest.mark.parametrize("value", ["nothing", "../../etc/passwd", "20261122-203605-123-ab12cd", "f" * 64])
def test_invalid_parameter_gives_a_warning_and_is_removed(page, name, value):
    page.query_params[name] = value
    page.run()
    assert not page.exception
    assert len(page.warning) == 1
    assert not page.query_params
    page.run()
    assert not page.warning
