"""A change of design: what of the form goes with the last design, what stays, and what comes back."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from studio.designs.samples import SAMPLES
from studio.schema import Constraints
from studio.ui.session import workspace
from tests.support.generate_page import keep_variation, page, texts, upload
from tests.support.pages import run

__all__ = ["page"]

FIRST, SECOND = SAMPLES[0], SAMPLES[1]


def take_sample(page: AppTest, number: int = 0) -> AppTest:
    if "design_change" in {button.key for button in page.button}:
        page.button(key="design_change").click().run()
    page.button(key=f"design_sample_{SAMPLES[number].id}").click()
    return run(page)


def upload_another(page: AppTest) -> AppTest:
    page.button(key="design_change").click().run()
    upload(page)  # 96 x 128 knots with a border
    assert not page.exception
    return page


def prompt_of(page: AppTest) -> str:
    return str(page.text_area(key="form_prompt").value)


@pytest.mark.slow
def test_the_prompt_of_a_sample_goes_with_its_design(page: AppTest) -> None:
    take_sample(page.run())
    assert prompt_of(page) == FIRST.prompt
    assert prompt_of(take_sample(page, 1)) == SECOND.prompt
    assert prompt_of(upload_another(page)) == ""


def test_an_edited_prompt_stays(page: AppTest) -> None:
    take_sample(page.run())
    page.text_area(key="form_prompt").set_value(f"{FIRST.prompt}, ivory ground").run()
    assert prompt_of(upload_another(page)) == f"{FIRST.prompt}, ivory ground"


@pytest.mark.slow
def test_the_prompt_of_a_sample_comes_back_with_it(page: AppTest) -> None:
    take_sample(page.run())
    first = workspace().catalogue.sources()[0].sha256
    upload_another(page)
    page.button(key="design_change").click().run()
    page.button(key=f"design_recent_{first}").click()
    assert prompt_of(run(page)) == FIRST.prompt


@pytest.mark.slow
def test_symmetry_goes_back_to_automatic_with_a_notice_that_undoes_it(page: AppTest) -> None:
    take_sample(page.run())
    page.selectbox(key="form_symmetry").set_value("quarter").run()
    upload_another(page)
    assert page.selectbox(key="form_symmetry").value == "auto"
    assert "Symmetry is automatic again: what you had chosen was for the last design." in texts(page)
    page.text_area(key="form_prompt").set_value("typed since").run()
    page.button(key="form_undo").click().run()
    assert page.selectbox(key="form_symmetry").value == "quarter"
    assert prompt_of(page) == "typed since"  # only what the notice announces is undone


def test_nothing_is_said_where_nothing_changes(page: AppTest) -> None:
    take_sample(page.run())
    upload_another(page)
    assert "form_undo" not in {button.key for button in page.button}


@pytest.mark.slow
def test_the_notice_goes_with_the_next_design(page: AppTest) -> None:
    take_sample(page.run())
    page.selectbox(key="form_symmetry").set_value("quarter").run()
    upload_another(page)
    assert "form_undo" in {button.key for button in page.button}
    take_sample(page, 1)
    assert "form_undo" not in {button.key for button in page.button}


@pytest.mark.slow
def test_symmetry_and_repeat_come_back_with_the_design_that_they_were_used_with(page: AppTest) -> None:
    take_sample(page.run())
    first = workspace().catalogue.sources()[0].sha256
    page.session_state["form_repeat"] = "brick"
    page.selectbox(key="form_symmetry").set_value("vertical").run()
    upload_another(page)
    assert "Symmetry and repeat are automatic again" in texts(page)
    page.button(key="design_change").click().run()
    page.button(key=f"design_recent_{first}").click()
    run(page)
    assert "Symmetry and repeat are as you last had them with this design." in texts(page)
    assert (page.session_state["form_symmetry"], page.session_state["form_repeat"]) == ("vertical", "brick")


def test_choices_made_before_the_first_design_stay(page: AppTest) -> None:
    page.run().selectbox(key="form_symmetry").set_value("vertical").run()
    take_sample(page)
    assert page.selectbox(key="form_symmetry").value == "vertical"


def test_a_variation_of_the_design_keeps_symmetry_and_prompt(page: AppTest) -> None:
    variation = keep_variation(run="run-7", prompt=FIRST.prompt)
    page.query_params["run"] = "run-7"
    page.run()
    page.selectbox(key="form_symmetry").set_value("vertical").run()
    page.button(key=f"run_vary_{variation.id}").click()
    run(page)
    assert page.query_params["source"] != variation.record.source
    assert (page.selectbox(key="form_symmetry").value, prompt_of(page)) == ("vertical", FIRST.prompt)


@pytest.mark.slow
@pytest.mark.parametrize("prompt", ["kilim of old", ""])
def test_a_variation_of_another_design_brings_what_it_was_drawn_with(page: AppTest, prompt: str) -> None:
    take_sample(page.run())
    variation = keep_variation(prompt=prompt, constraints=Constraints(symmetry="horizontal"))
    page.query_params["parent"] = variation.id
    run(page)
    assert (page.selectbox(key="form_symmetry").value, prompt_of(page)) == ("horizontal", prompt)
    assert "as the picture was drawn with" in texts(page)
