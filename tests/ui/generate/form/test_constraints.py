"""The choices under “For the loom”: defaults, what reaches a run, and constraints that do not fit the design."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
import streamlit as st
from PIL import Image
from streamlit.testing.v1 import AppTest

from studio.commands import main
from studio.designs import IndexMap, open_design
from studio.designs.colours.colour_spaces import format_colours
from studio.schema import Constraints
from studio.workspace import Workspace
from tests.support.knots import YARNS
from tests.support.loom_pages import draw_indexed, open_with_design, submit
from tests.support.pages import busy, drawn_html, open_page, run, said, studio
from tests.support.pictures import draw_picture, encode_picture

__all__ = ["busy", "studio"]


@pytest.mark.usefixtures("busy")
def test_a_design_is_described_and_its_yarns_are_kept_by_default(studio: Workspace) -> None:
    page, _ = open_with_design(studio)
    assert "4 yarns" in said(page)
    assert "symmetric left to right" in said(page)
    assert drawn_html(page).count('title="Yarn ') == 4
    assert "4 yarns, symmetric" in page.expander[-1].label
    submit(page)
    (job,) = studio.jobs.active()
    assert job.request.constraints == Constraints(palette="auto", symmetry="auto")


def test_a_yarn_has_the_number_of_the_file_on_the_page_and_in_the_command_line(
    studio: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    page, source = open_with_design(studio)
    page.selectbox(key="form_palette").set_value("new").run()
    picked = [option.content for option in page.pills(key="form_locked").proto.options]
    assert main(["inspect", str(studio.catalogue.source_path(source.sha256))]) == 0
    listed = capsys.readouterr().out
    for number, colour in enumerate(format_colours(YARNS)):
        assert f'title="Yarn {number}, {colour}' in drawn_html(page)
        assert picked[number].startswith(f"![Yarn {number}, {colour}]") and picked[number].endswith(f" {number}")
        assert re.search(rf"yarn {number} +{colour} ", listed)


@pytest.mark.usefixtures("busy")
def test_choices_reach_the_run(studio: Workspace) -> None:
    page, _ = open_with_design(studio)
    page.selectbox(key="form_palette").set_value("new").run()
    page.number_input(key="form_colours").set_value(6).run()
    page.selectbox(key="form_symmetry").set_value("quarter").run()
    page.selectbox(key="form_repeat").set_value("half-drop").run()
    assert "6 new yarns, symmetric, half-drop repeat" in page.expander[-1].label
    submit(page)
    (job,) = studio.jobs.active()
    assert job.request.constraints == Constraints(palette="new", colours=6, symmetry="quarter", repeat="half-drop")


@pytest.mark.usefixtures("busy")
def test_locked_yarns_reach_the_run(studio: Workspace) -> None:
    page, _ = open_with_design(studio)
    page.selectbox(key="form_palette").set_value("new").run()
    page.number_input(key="form_colours").set_value(6).run()
    page.pills(key="form_locked").set_value([2, 0]).run()
    assert "6 yarns, 2 of them locked" in page.expander[-1].label
    page.number_input(key="form_colours").set_value(2).run()
    assert "not complete" in page.expander[-1].label
    page.number_input(key="form_colours").set_value(3).run()
    submit(page)
    (job,) = studio.jobs.active()
    assert job.request.constraints == Constraints(palette="new", colours=3, symmetry="auto", locked=(0, 2))


def test_the_form_says_before_the_run_what_a_kept_part_does_to_the_symmetry(studio: Workspace) -> None:
    page, _ = open_with_design(studio)  # of 96 x 128 knots, symmetric left to right
    _mark(page, (31, 20, 79, 60))
    assert "Its mirror image stays too: together 20 % of the design." in said(page)
    assert "4 yarns, symmetric, a part kept" in page.expander[-1].label
    _mark(page, (24, 20, 72, 60))
    assert "mirror image" not in said(page)
    page.selectbox(key="form_symmetry").set_value("none").run()
    _mark(page, (31, 20, 79, 60))
    assert "mirror image" not in said(page)


def test_a_kept_part_that_differs_from_its_mirror_image_is_told_before_the_run(studio: Workspace) -> None:
    knots = open_design(draw_indexed()).index_map
    assert knots is not None
    worn = knots.indices.copy()
    worn[40, 70] = (worn[40, 70] + 1) % 4
    file = io.BytesIO()
    knots.with_indices(worn).image().save(file, "PNG")
    page = open_page("generate", source=studio.catalogue.add_source(file.getvalue(), label="Worn").sha256)
    _mark(page, (60, 20, 90, 60))
    assert "The kept part differs from its mirror image, so left and right are not made equal." in said(page)
    assert "4 yarns, a part kept" in page.expander[-1].label
    _mark(page, (60, 50, 90, 60))
    assert "4 yarns, symmetric, a part kept" in page.expander[-1].label


def _mark(page: AppTest, rectangle: tuple[int, int, int, int]) -> None:
    """Mark a part to keep."""
    page.selectbox(key="form_keep").set_value("rectangle").run()
    page.session_state["form_rectangle"] = rectangle
    run(page)


def test_a_missing_border_is_reported_in_the_form(studio: Workspace) -> None:
    page, _ = open_with_design(studio)
    page.selectbox(key="form_keep").set_value("border").run()
    assert "No border was found" in said(page)


@pytest.mark.usefixtures("busy")
def test_constraints_that_do_not_fit_the_design_start_no_run(studio: Workspace) -> None:
    page, _ = open_with_design(studio)
    page.text_area(key="form_prompt").set_value("kilim").run()
    page.selectbox(key="form_keep").set_value("border").run()
    page.button(key="generate").click().run()
    assert "No border was found" in page.error[0].value
    assert not studio.jobs.active()


@pytest.mark.usefixtures("busy")
def test_a_repeat_is_not_used_for_a_design_with_a_border(studio: Workspace) -> None:
    page, field = open_with_design(studio)
    assert "repeat not applicable" not in said(page)
    page.selectbox(key="form_repeat").set_value("half-drop").run()
    bordered = studio.catalogue.add_source(encode_picture(draw_picture(96, 128)), label="Bordered")
    page.session_state["design_source"] = bordered.sha256
    run(page)
    choice = page.selectbox(key="form_no_repeat")
    assert (choice.label, choice.value, choice.disabled) == ("Repeat", "Not applicable", True)
    assert "form_repeat" not in {one.key for one in page.selectbox}
    assert "bordered · " in said(page)
    assert "repeat not applicable" in said(page)
    assert "Repeat is not applicable: this design has a border." in said(page)
    assert "The half-drop repeat that you chose is not used: this design has a border." in said(page)
    assert "repeat" not in page.expander[-1].label
    submit(page)
    (job,) = studio.jobs.active()
    assert job.request.constraints == Constraints(palette="auto", symmetry="auto")
    page.session_state["design_source"] = field.sha256
    run(page)
    assert page.selectbox(key="form_repeat").value == "half-drop"
    assert "that you chose is not used" not in said(page)


@pytest.mark.usefixtures("busy")
def test_a_colour_in_the_prompt_that_no_yarn_has_gives_a_hint(studio: Workspace) -> None:
    page, _ = open_with_design(studio)  # in red, ivory, navy and green
    hint = "The design’s yarns are kept, and none is "
    page.text_area(key="form_prompt").set_value("red kilim, navy border, cream field, olive leaves").run()
    assert hint not in said(page)
    page.text_area(key="form_prompt").set_value("Deep navy field, Purple roses").run()
    assert f"{hint}purple" in said(page)
    page.selectbox(key="form_palette").set_value("free").run()
    assert hint not in said(page)
    page.selectbox(key="form_palette").set_value("source").run()
    assert f"{hint}purple" in said(page)
    page.text_area(key="form_prompt").set_value("a garden of roses").run()
    assert hint not in said(page)


def test_a_nearly_symmetric_design_is_described_in_a_sentence(studio: Workspace) -> None:
    knots = np.asarray(Image.open(io.BytesIO(draw_indexed()))).copy()
    knots[10:20, 5:25] = 0
    file = io.BytesIO()
    IndexMap(knots, YARNS).image().save(file, "PNG")
    added = studio.catalogue.add_source(file.getvalue(), label="Nearly")
    page = open_page("generate", source=added.sha256)
    assert re.search(r"This design is nearly symmetric: left and right in \d+ % of the knots\.", said(page))


@pytest.mark.slow
def test_design_whose_file_is_gone_is_said_where_its_yarns_are_needed(studio: Workspace) -> None:
    page, source = open_with_design(studio)
    page.selectbox(key="form_palette").set_value("new").run()
    st.cache_resource.clear()
    studio.catalogue.source_path(source.sha256).unlink()
    run(page)
    assert said(page).count("The file of this design is missing or cannot be read.") == 1
    assert "There is no source" in said(page)
    for button in ("colourways_open", "generate"):
        page.button(key=button).click()
        run(page)
        assert f"There is no source “{source.sha256[:8]}" in said(page)
