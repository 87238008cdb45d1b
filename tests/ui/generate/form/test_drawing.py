"""Who draws: what the form shows for the design's motifs, for the model and for both, and the request it makes."""

from __future__ import annotations

import re

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from studio.schema import Cross
from studio.settings_store import StudioSettings
from studio.ui.session import workspace
from tests.support.catalogue_records import MOTIFS
from tests.support.generate_page import choice, draw_from, errors, generate, keep_variation, page, ready, texts, upload
from tests.support.pages import busy
from tests.support.pictures import encode_picture

__all__ = ["busy", "page"]

OF_MODEL = {"form_strength", "form_steps", "form_guidance_scale", "form_negative_prompt", "form_adapter_weight"}


def shown(page: AppTest) -> set[str]:
    """Return the keys of the form's fields."""
    kinds = (page.slider, page.number_input, page.text_area)
    return {widget.key for widgets in kinds for widget in widgets}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("drawing", "own"),
    [("motifs", {"form_change"}), ("model", OF_MODEL), ("both", {*OF_MODEL, "form_pull", "form_change"})],
)
def test_each_choice_shows_its_own_settings_only(page: AppTest, drawing: str, own: set[str]) -> None:
    page.run()
    workspace().settings.save(StudioSettings(adapter_folder="/adapters/kilim-lora"))
    draw_from(upload(page), drawing)
    assert shown(page) & {*OF_MODEL, "form_pull", "form_change"} == own
    assert {"form_prompt", "form_count"} <= shown(page)
    labels = [expander.label for expander in page.expander]
    assert ("Cross with a second design" in labels) == (drawing == "motifs")
    assert any(label.startswith("Fine settings") for label in labels) == (drawing != "motifs")
    assert any(label.startswith("For the loom") for label in labels)


def test_each_choice_is_explained_and_the_model_named(page: AppTest) -> None:
    upload(page.run())
    assert "drawn anew from its own motifs" in texts(page)
    assert "Built-in sketch model draws, and its picture is woven afterwards." in texts(draw_from(page, "model"))
    assert "Built-in sketch model draws and leads;" in texts(draw_from(page, "both"))


@pytest.mark.slow
def test_the_page_says_what_the_prompt_does_where_motifs_draw(page: AppTest) -> None:
    kept, free = "Motifs keep the design’s yarns, whatever the prompt says", "Motifs take only the colour words"
    upload(page.run())
    assert kept in texts(page)
    page.selectbox(key="form_palette").set_value("new").run()
    assert kept not in texts(page)
    assert free in texts(page)
    assert "from its own motifs, in 8 new yarns" in texts(page)
    assert free not in texts(draw_from(page, "both"))
    draw_from(page, "model")
    assert kept not in texts(page)
    assert free not in texts(page)


def test_the_line_under_the_button_says_what_the_model_does(page: AppTest) -> None:
    upload(page.run())
    assert "Model: **not used**" in texts(page)
    assert "megapixels" not in texts(page)
    draw_from(page, "both")
    assert "Model: **Built-in sketch model**" in texts(page)
    assert "Its picture only leads: the motifs are drawn at the design’s own size." in texts(page)
    draw_from(page, "model")
    assert "draws at up to 0.35 megapixels and enlarges." in texts(page)
    assert "only leads" not in texts(page)


def test_a_photograph_is_drawn_in_suggested_yarns(page: AppTest) -> None:
    page.run().file_uploader[0].upload("photo.png", encode_picture(draw_photograph()))
    page.run()
    assert not page.exception
    found = re.search(r"could be woven in (\d+) yarns", texts(page))
    assert found is not None
    assert f"from its own motifs, in the {found[1]} yarns suggested for it" in texts(page)
    assert f"{found[1]} yarns suggested" in page.expander[-1].label
    draw_from(page, "model")
    assert "suggested" not in page.expander[-1].label


def test_pull_is_said_in_words_and_the_change_of_both_is_a_least_one(page: AppTest) -> None:
    draw_from(upload(page.run()), "both")
    assert "layout 70 % the model’s" in page.slider(key="form_pull").label
    page.slider(key="form_pull").set_value(0.0).run()
    assert "layout the design’s own" in page.slider(key="form_pull").label
    assert "at least 25 % of the knots" in choice(page, "form_change_preset").label


def draw_photograph() -> Image.Image:
    """Return a picture of thousands of colours."""
    across, down = np.meshgrid(np.linspace(0, 255, 64), np.linspace(0, 255, 80))
    return Image.fromarray(np.stack([across, down, 255 - across], axis=-1).astype(np.uint8))


def test_the_share_drawn_anew_and_its_presets_agree(page: AppTest) -> None:
    upload(page.run())
    assert (choice(page, "form_change_preset").value, page.slider(key="form_change").value) == ("Medium", 0.25)
    choice(page, "form_change_preset").set_value("Subtle").run()
    assert page.slider(key="form_change").value == 0.1
    page.slider(key="form_change").set_value(0.45).run()
    assert choice(page, "form_change_preset").value == "Strong"
    page.slider(key="form_change").set_value(0.6).run()
    assert choice(page, "form_change_preset").value is None
    assert "about 60 % of the knots are drawn anew" in choice(page, "form_change_preset").label
    choice(page, "form_change_preset").set_value("Medium").run()
    assert page.slider(key="form_change").value == 0.25


@pytest.mark.usefixtures("busy")
def test_motifs_are_drawn_without_a_prompt(page: AppTest) -> None:
    upload(page.run())
    page.slider(key="form_change").set_value(0.37).run()
    generate(page)
    assert not errors(page)
    request = workspace().jobs.active()[0].request
    assert (request.drawing, request.change, request.prompt, request.cross) == ("motifs", 0.37, "", None)
    assert len(request.seeds) == 5


@pytest.mark.slow
@pytest.mark.usefixtures("busy")
def test_both_need_a_prompt_and_record_the_pull(page: AppTest) -> None:
    draw_from(upload(page.run()), "both")
    assert "The prompt is empty" in errors(generate(page))
    assert not workspace().jobs.active()
    page.text_area(key="form_prompt").set_value("kilim").run()
    page.slider(key="form_pull").set_value(0.35).run()
    page.slider(key="form_change").set_value(0.4).run()
    page.slider(key="form_strength").set_value(0.5).run()
    generate(page)
    request = workspace().jobs.active()[0].request
    assert (request.drawing, request.prompt) == ("both", "kilim")
    assert (request.pull, request.change, request.strength) == (0.35, 0.4, 0.5)


@pytest.mark.slow
@pytest.mark.usefixtures("busy")
def test_settings_of_the_form_survive_while_another_choice_hides_them(page: AppTest) -> None:
    draw_from(ready(page), "model")
    page.number_input(key="form_steps").set_value(15).run()
    draw_from(page, "motifs")
    page.slider(key="form_change").set_value(0.6).run()
    page.switch_page("../../pages/gallery.py").run()
    page.switch_page("../../pages/generate.py").run()
    assert page.slider(key="form_change").value == 0.6
    draw_from(page, "model")
    assert page.number_input(key="form_steps").value == 15
    draw_from(page, "motifs")
    assert page.slider(key="form_change").value == 0.6


def test_a_large_model_draws_by_itself_unless_told_otherwise(page: AppTest) -> None:
    page.run()
    assert choice(page, "form_drawing").value == "motifs"
    workspace().settings.save(StudioSettings(model="stabilityai/stable-diffusion-3.5-large"))
    page.run()
    assert choice(page, "form_drawing").value == "model"
    assert "Drawing, strength, steps and guidance are now those that suit" in texts(page)
    page.button(key="form_undo").click().run()
    assert choice(page, "form_drawing").value == "motifs"


@pytest.mark.usefixtures("busy")
def test_a_missing_model_does_not_stop_a_drawing_from_motifs(page: AppTest) -> None:
    upload(page.run())
    workspace().settings.save(StudioSettings(model="/no/such/model"))
    page.run()
    assert "/no/such/model" in errors(page)
    generate(page)
    assert workspace().jobs.active()[0].request.drawing == "motifs"


def test_like_takes_the_settings_of_a_picture_from_motifs(page: AppTest) -> None:
    draw_from(ready(page, "my own words"), "both")
    variation = keep_variation(**MOTIFS, change=0.45, seed=99)
    page.query_params["like"] = variation.id
    page.run()
    assert not page.exception
    assert (choice(page, "form_drawing").value, choice(page, "form_change_preset").value) == ("motifs", "Strong")
    assert (page.slider(key="form_change").value, page.number_input(key="form_seed").value) == (0.45, 99)
    assert page.text_area(key="form_prompt").value == ""
    assert "with its seed locked" in texts(page)
    assert "gives another picture" not in texts(page)  # no model took part, whichever is in Settings
    page.button(key="form_undo").click().run()
    assert choice(page, "form_drawing").value == "both"
    assert page.text_area(key="form_prompt").value == "my own words"


def test_like_of_a_crossed_picture_brings_its_second_design(page: AppTest) -> None:
    upload(page.run())
    source = workspace().catalogue.sources()[0]
    other = keep_variation(**MOTIFS, cross=Cross(source.sha256, "layout", 0.3))
    page.query_params["like"] = other.id
    page.run()
    assert not page.exception
    assert "Crossed with My design" in [expander.label for expander in page.expander]
    assert (choice(page, "form_cross_way").value, page.slider(key="form_cross_share").value) == ("layout", 0.3)


def test_like_of_a_cross_with_an_unknown_design_leaves_the_cross_out(page: AppTest) -> None:
    """The picture comes from another outputs folder, which had the second design."""
    upload(page.run())
    page.query_params["like"] = keep_variation(**MOTIFS, cross=Cross("e" * 64)).id
    page.run()
    assert not page.exception
    assert "Cross with a second design" in [expander.label for expander in page.expander]
