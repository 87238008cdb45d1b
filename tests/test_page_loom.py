"""What makes a variation ready for the loom, on the pages: the design's facts, the choices, colourways, files."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from studio.designs import IndexMap, open_design
from studio.designs.export import EXPORTERS
from studio.designs.repeat import REPEATS, tile
from studio.requests import Constraints, Weaving
from studio.widgets.colourways import _make
from studio.widgets.design_facts import read_colour, swatches_html
from studio.widgets.laid_out import ACROSS, laid_out_html, place_tiles
from studio.widgets.loom import _export
from studio.widgets.rectangle import move_side, read_rectangle
from studio.widgets.woven import describe_yarns
from studio.workspace import Workspace, close_workspaces
from tests.catalogue_records import make_picture, make_record
from tests.conftest import encode_picture
from tests.pages import drawn_html, open_page, run, said, studio
from tests.test_weaving import YARNS

__all__ = ["studio"]


@pytest.fixture
def busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Another studio draws all the while, so that runs stay in line."""
    monkeypatch.setattr("studio.workspace.device_lock_file", lambda: tmp_path / "device.lock")
    with FileLock(tmp_path / "device.lock"):
        yield
        close_workspaces()


def draw_indexed() -> bytes:
    """Draw a symmetric design of four yarns as an indexed PNG."""
    half = np.random.default_rng(0).integers(0, 4, (64, 48), dtype=np.uint8).repeat(2, axis=0)
    file = io.BytesIO()
    IndexMap(np.concatenate([half, half[:, ::-1]], axis=1), YARNS).image().save(file, "PNG")
    return file.getvalue()


def open_with_design(workspace: Workspace):
    source = workspace.catalogue.add_source(draw_indexed(), label="Four yarns")
    return open_page("generate", source=source.sha256), source


def submit(page):
    page.text_area(key="form_prompt").set_value("kilim").run()
    page.button(key="generate").click().run()
    assert not page.exception
    return page


@pytest.mark.usefixtures("busy")
def test_a_design_is_read_aloud_and_its_yarns_are_kept_by_default(studio: Workspace) -> None:
    page, _ = open_with_design(studio)
    assert "4 yarns" in said(page)
    assert "symmetric left to right" in said(page)
    assert drawn_html(page).count('title="Yarn ') == 4
    assert "4 yarns, symmetric" in page.expander[-1].label
    submit(page)
    (job,) = studio.jobs.active()
    assert job.request.constraints == Constraints(palette="auto", symmetry="auto")


@pytest.mark.usefixtures("busy")
def test_what_is_chosen_reaches_the_run(studio: Workspace) -> None:
    page, _ = open_with_design(studio)
    page.selectbox(key="form_palette").set_value("new").run()
    page.number_input(key="form_colours").set_value(6).run()
    page.selectbox(key="form_symmetry").set_value("quarter").run()
    page.selectbox(key="form_repeat").set_value("half-drop").run()
    assert "6 new yarns, symmetric, half-drop repeat" in page.expander[-1].label
    submit(page)
    (job,) = studio.jobs.active()
    assert job.request.constraints == Constraints(palette="new", colours=6, symmetry="quarter", repeat="half-drop")


def test_a_part_that_is_not_there_is_said_before_the_run(studio: Workspace) -> None:
    page, _ = open_with_design(studio)
    page.selectbox(key="form_keep").set_value("border").run()
    assert "No border was found" in said(page)


def test_a_colourway_is_one_click_away_and_keeps_every_knot(studio: Workspace) -> None:
    page, source = open_with_design(studio)
    page.button(key="colourways_open").click().run()
    assert not page.exception
    page.button(key="colourways_take_0").click().run()
    assert not page.exception
    newest = studio.catalogue.sources(1)[0]
    assert newest.sha256 != source.sha256
    assert newest.label.startswith("Four yarns, ")
    first, second = (
        open_design(studio.catalogue.source_path(sha256).read_bytes()).index_map
        for sha256 in (source.sha256, newest.sha256)
    )
    assert np.array_equal(first.indices, second.indices)
    assert not np.array_equal(first.palette, second.palette)


def keep_woven(workspace: Workspace, **changes: object) -> object:
    indices = np.random.default_rng(1).integers(0, 2, (80, 64), dtype=np.uint8)
    weaving = Weaving(yarns=tuple(f"#{r:02x}{g:02x}{b:02x}" for r, g, b in YARNS.tolist()), colour_shift=3.0)
    record = make_record(weaving=weaving, constraints=Constraints(palette="source"), **changes)
    return workspace.catalogue.save_variation(IndexMap(indices, YARNS).image(), record, make_picture(3))


@pytest.mark.parametrize("exporter", EXPORTERS.values(), ids=lambda exporter: exporter.id)
def test_a_woven_picture_goes_to_the_loom_with_all_its_yarns(studio: Workspace, exporter) -> None:
    variation = keep_woven(studio)
    page = open_page("gallery", open=variation.id)
    assert "4 yarns, the design’s" in said(page)
    assert f"/pictures/untouched/{variation.id}" in drawn_html(page)
    page.checkbox(key="loom_dense").check().run()
    page.number_input(key="loom_reeds").set_value(320)
    run(page)
    assert "20 × 16 cm" in said(page)  # 64 knots at 320 and 80 at 500 a metre
    with Image.open(io.BytesIO(_export(variation, exporter, None, None))) as image:
        assert image.mode == "P"
        assert image.getpalette()[:12] == YARNS.flatten().tolist()  # also the two that do not occur
    assert studio.catalogue.untouched_path(variation.id).is_file()


def test_what_the_model_drew_goes_with_its_picture(studio: Workspace) -> None:
    variation = keep_woven(studio)
    untouched = studio.catalogue.untouched_path(variation.id)
    studio.catalogue.delete([variation.id])
    assert untouched.is_file()
    studio.catalogue.empty_bin()
    assert not untouched.exists()


@pytest.mark.parametrize("repeat", REPEATS)
def test_nine_repeats_lie_as_the_cloth_does(repeat: str) -> None:
    """What a browser is told to draw is what `tile` lays out, read at the middle of each quarter of a tile."""
    quarters = np.array([[1, 2], [3, 4]])
    cloth = tile(quarters, repeat, ACROSS, ACROSS)
    seen = np.zeros_like(cloth)
    for x, y, flip_x, flip_y in place_tiles(repeat):
        turned = quarters[::flip_y, ::flip_x]
        for row in range(2):
            for column in range(2):
                at_y, at_x = int(2 * y) + row, int(2 * x) + column
                if 0 <= at_y < len(seen) and 0 <= at_x < len(seen):
                    seen[at_y, at_x] = turned[row, column]
    assert np.array_equal(seen, cloth)
    assert laid_out_html("/a", repeat, (90, 120)).count("<img") == len(place_tiles(repeat))


@pytest.mark.usefixtures("busy")
def test_a_part_is_marked_in_numbers_and_reaches_the_run(studio: Workspace) -> None:
    page, source = open_with_design(studio)
    page.selectbox(key="form_keep").set_value("rectangle").run()
    assert "not complete" in page.expander[-1].label
    page.text_area(key="form_prompt").set_value("kilim").run()
    page.button(key="generate").click().run()
    assert "not marked yet" in page.error[0].value
    assert not studio.jobs.active()
    page.number_input(key="rectangle_left").set_value(10).run()
    page.number_input(key="rectangle_bottom").set_value(40).run()
    page.number_input(key="rectangle_right").set_value(5).run()  # the left side makes way
    assert "a part kept" in page.expander[-1].label
    assert page.number_input(key="rectangle_left").value == 4
    page.number_input(key="rectangle_right").set_value(30).run()
    assert f"26 × 40 knots stay, {26 * 40 / (source.width_px * source.height_px):.0%}"[:17] in said(page)
    page.selectbox(key="form_symmetry").set_value("none").run()
    submit(page)
    (job,) = studio.jobs.active()
    assert job.request.constraints == Constraints(palette="auto", keep="rectangle", rectangle=(4, 0, 30, 40))


@pytest.mark.usefixtures("busy")
def test_a_mark_belongs_to_its_design(studio: Workspace) -> None:
    page, _ = open_with_design(studio)
    page.selectbox(key="form_keep").set_value("rectangle").run()
    page.number_input(key="rectangle_left").set_value(10).run()
    other = studio.catalogue.add_source(encode_picture(make_picture()), label="Another")
    page.session_state["design_source"] = other.sha256
    page.run()
    assert not page.exception
    assert "belonged to the last design" in page.toast[0].value
    assert page.number_input(key="rectangle_left").value is None


@pytest.mark.usefixtures("busy")
def test_yarns_that_stay_reach_the_run(studio: Workspace) -> None:
    page, _ = open_with_design(studio)
    page.selectbox(key="form_palette").set_value("new").run()
    page.number_input(key="form_colours").set_value(6).run()
    page.multiselect(key="form_locked").set_value([2, 0]).run()
    assert "6 yarns, 2 of them locked" in page.expander[-1].label
    page.number_input(key="form_colours").set_value(2).run()
    assert "not complete" in page.expander[-1].label
    page.number_input(key="form_colours").set_value(3).run()
    submit(page)
    (job,) = studio.jobs.active()
    assert job.request.constraints == Constraints(palette="new", colours=3, symmetry="auto", locked=(0, 2))


def test_what_a_browser_sends_is_cut_to_the_design_or_refused() -> None:
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


@pytest.mark.usefixtures("busy")
def test_what_does_not_fit_the_design_is_said_before_a_run_begins(studio: Workspace) -> None:
    page, _ = open_with_design(studio)
    page.text_area(key="form_prompt").set_value("kilim").run()
    page.selectbox(key="form_keep").set_value("border").run()
    page.button(key="generate").click().run()
    assert "No border was found" in page.error[0].value
    assert not studio.jobs.active()


def test_a_strip_is_as_wide_as_its_yarns_share_and_unused_yarns_are_told() -> None:
    weaving = Weaving(yarns=("#aa0000", "#00aa00", "#0000aa"), shares=(0.9, 0.1, 0.0))
    assert describe_yarns(make_record(weaving=weaving)) == "2 of 3 yarns"
    assert describe_yarns(make_record(weaving=Weaving(yarns=("#aa0000",)))) == "1 yarn"
    html = swatches_html([read_colour(yarn) for yarn in weaving.yarns], weaving.shares)
    assert html.count("<span") == 2
    assert "90 %" in html


def test_a_design_with_fewer_yarns_gives_no_colourway(studio: Workspace) -> None:
    few = io.BytesIO()
    IndexMap(np.indices((64, 64)).sum(0).astype(np.uint8) % 2, YARNS[:2]).image().save(few, "PNG")
    studio.catalogue.add_source(few.getvalue(), label="Two yarns")
    source = studio.catalogue.add_source(draw_indexed(), label="Four yarns")
    made = _make(source.sha256, 4, 1, ())
    assert len(made) == 4
    assert not [one for one in made if "Two yarns" in one.title]
    assert all(len(np.unique(one.palette, axis=0)) == 4 for one in made)


@pytest.mark.usefixtures("busy")
def test_a_new_design_clears_the_sheet_and_the_last_run_is_a_click_away(studio: Workspace) -> None:
    page, source = open_with_design(studio)
    submit(page)
    assert page.session_state["generate_run"]
    other = studio.catalogue.add_source(encode_picture(make_picture()), label="Another")
    page.session_state["design_source"] = other.sha256
    page.run()
    assert not page.exception
    page.button(key="run_back").click().run()
    assert page.session_state["design_source"] == source.sha256
    assert "run_back" not in {button.key for button in page.button}
