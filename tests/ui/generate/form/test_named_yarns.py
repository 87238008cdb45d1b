"""Where a design's yarns are kept and the prompt names another colour, the page offers the design in that colour."""

from __future__ import annotations

import numpy as np
import pytest

from studio.designs import IndexMap, open_design
from studio.designs.colours.colour_words import find_missing_words
from studio.workspace import Workspace
from tests.support.loom_pages import open_with_design
from tests.support.pages import busy, open_page, said, studio
from tests.support.pictures import encode_picture

__all__ = ["busy", "studio"]


@pytest.mark.slow
@pytest.mark.usefixtures("busy")
def test_a_colour_that_only_an_unused_entry_has_is_offered(studio: Workspace) -> None:
    palette = np.array([[170, 35, 40], [30, 50, 110], [240, 230, 205]], np.uint8)
    knots = np.zeros((48, 40), np.uint8)
    knots[8:20, 8:30] = 2
    added = studio.catalogue.add_source(encode_picture(IndexMap(knots, palette).image()), label="rug.png")
    page = open_page("generate", source=added.sha256)
    page.text_area(key="form_prompt").set_value("navy field, ivory motifs").run()
    assert "The design’s yarns are kept, and none is navy." in said(page)
    page.button(key="form_named_colourway").click().run()
    chosen = page.session_state["design_source"]
    assert chosen != added.sha256
    made = open_design(studio.catalogue.source_path(chosen).read_bytes()).index_map
    assert made is not None
    assert np.array_equal(made.indices, knots)
    assert not find_missing_words("navy", made.palette[[0]])
    assert made.palette[1:].tolist() == palette[1:].tolist()
    assert "The design’s yarns are kept" not in said(page)


@pytest.mark.slow
@pytest.mark.usefixtures("busy")
def test_the_offered_colour_has_the_name_that_the_prompt_gives_it(studio: Workspace) -> None:
    page, _ = open_with_design(studio)
    page.text_area(key="form_prompt").set_value("violet field with yellow flowers").run()
    assert "none is violet" in said(page)
    assert page.button(key="form_named_colourway").label == "Use this design with violet"
    page.button(key="form_named_colourway").click().run()
    assert page.text_area(key="form_prompt").value == "violet field with yellow flowers"
    assert studio.catalogue.sources()[0].label == "Four yarns, with violet"
