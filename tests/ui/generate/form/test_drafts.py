"""Drafts: what is typed on the Generate page survives a reload, which starts a new session."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from studio.schema import PROMPT_LIMIT
from studio.workspace import Workspace
from tests.support.generate_page import draw_from
from tests.support.pages import open_page, run, studio
from tests.support.pictures import draw_picture, encode_picture

__all__ = ["studio"]


@pytest.fixture
def design(studio: Workspace) -> str:
    """The SHA-256 of a design in the catalogue."""
    return keep_design(studio, seed=3)


def keep_design(studio: Workspace, seed: int) -> str:
    return studio.catalogue.add_source(encode_picture(draw_picture(96, 128, seed=seed)), label="Kilim").sha256


def write(design: str, words: str) -> AppTest:
    """Open a design in a new session and type this prompt."""
    app = open_page("generate", source=design)
    app.text_area(key="form_prompt").set_value(words)
    return run(app)


def prompt_of(app: AppTest) -> str:
    return app.text_area(key="form_prompt").value


def test_reload_brings_back_what_was_typed_for_the_design(design):
    app = draw_from(write(design, "wine kilim, gold diamonds"), "both")
    app.slider(key="form_strength").set_value(0.42)
    app.slider(key="form_pull").set_value(0.35)
    run(app)
    again = open_page("generate", source=design)
    assert prompt_of(again) == "wine kilim, gold diamonds"
    assert again.slider(key="form_strength").value == 0.42
    assert again.slider(key="form_pull").value == 0.35


def test_reload_brings_back_how_far_the_motifs_were_to_change(design):
    app = open_page("generate", source=design)
    app.slider(key="form_change").set_value(0.37)
    run(app)
    assert open_page("generate", source=design).slider(key="form_change").value == 0.37


@pytest.mark.slow
def test_each_design_has_its_own_draft(studio, design):
    other = keep_design(studio, seed=4)
    write(design, "red kilim")
    write(other, "blue garden")
    assert prompt_of(open_page("generate", source=design)) == "red kilim"
    assert prompt_of(open_page("generate", source=other)) == "blue garden"


def test_change_of_design_within_a_session_keeps_the_prompt(studio, design):
    """The designer tries the same prompt on another design, whose draft does not replace it."""
    other = keep_design(studio, seed=4)
    write(other, "blue garden")
    app = write(design, "red kilim")
    app.query_params["source"] = other
    assert prompt_of(run(app)) == "red kilim"


def test_a_prompt_above_the_limit_is_not_kept(design):
    write(design, "x" * (2 * PROMPT_LIMIT + 1))
    assert prompt_of(open_page("generate", source=design)) == ""
