"""The rectangle to keep: its numbers on the page, and what a browser sends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.schema import Constraints
from studio.ui.generate.form.rectangle import move_side, read_rectangle
from studio.workspace import Workspace
from tests.support.catalogue_records import make_picture
from tests.support.loom_pages import open_with_design, submit
from tests.support.pages import busy, said, studio
from tests.support.pictures import encode_picture

__all__ = ["busy", "studio"]


@pytest.mark.usefixtures("busy")
def test_a_rectangle_typed_as_numbers_reaches_the_run(studio: Workspace) -> None:
    page, source = open_with_design(studio)
    page.selectbox(key="form_keep").set_value("rectangle").run()
    assert "not complete" in page.expander[-1].label
    page.text_area(key="form_prompt").set_value("kilim").run()
    page.button(key="generate").click().run()
    assert "not marked yet" in page.error[0].value
    assert not studio.jobs.active()
    page.number_input(key="rectangle_left").set_value(10).run()
    page.number_input(key="rectangle_bottom").set_value(40).run()
    page.number_input(key="rectangle_right").set_value(5).run()  # moves the left side too
    assert "a part kept" in page.expander[-1].label
    assert page.number_input(key="rectangle_left").value == 4
    page.number_input(key="rectangle_right").set_value(30).run()
    assert f"26 × 40 knots stay, {26 * 40 / (source.width_px * source.height_px):.0%}"[:17] in said(page)
    page.selectbox(key="form_symmetry").set_value("none").run()
    submit(page)
    (job,) = studio.jobs.active()
    assert job.request.constraints == Constraints(palette="auto", keep="rectangle", rectangle=(4, 0, 30, 40))


@pytest.mark.usefixtures("busy")
def test_another_design_clears_the_rectangle(studio: Workspace) -> None:
    page, _ = open_with_design(studio)
    page.selectbox(key="form_keep").set_value("rectangle").run()
    page.number_input(key="rectangle_left").set_value(10).run()
    other = studio.catalogue.add_source(encode_picture(make_picture()), label="Another")
    page.session_state["design_source"] = other.sha256
    page.run()
    assert not page.exception
    assert "belonged to the last design" in page.toast[0].value
    assert page.number_input(key="rectangle_left").value is None


def test_a_rectangle_from_a_browser_is_clipped_to_the_design_or_refused() -> None:
    assert read_rectangle([-5, 3, 900, 20], (40, 30)) == (0, 3, 40, 20)
    for sent in (None, "0,0,1,1", [1, 2, 3], [0, 0, 1.5, 2], [True, 0, 3, 3], [5, 5, 5, 9], [9, 0, 3, 4], {"a": 1}):
        assert read_rectangle(sent, (40, 30)) is None


@given(
    start=st.none() | st.tuples(*[st.integers(0, 19)] * 2, *[st.integers(20, 40)] * 2),
    side=st.integers(0, 3),
    place=st.none() | st.integers(-5, 60),
)
def test_a_moved_side_always_leaves_a_rectangle(start, side, place) -> None:
    left, top, right, bottom = moved = move_side(start, side, place, (40, 40))
    assert 0 <= left < right <= 40
    assert 0 <= top < bottom <= 40
    if place is not None and (0 if side < 2 else 1) <= place <= (39 if side < 2 else 40):
        assert moved[side] == place
