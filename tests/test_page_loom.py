"""What makes a variation ready for the loom, on the pages: the design's facts, the choices, colourways, files."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import streamlit
from filelock import FileLock
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from studio.catalogue import Variation
from studio.designs import IndexMap, open_design
from studio.designs.colour import read_colour
from studio.designs.export import EXPORTERS
from studio.designs.repeat import REPEATS, tile
from studio.media import thumbnail_url, untouched_url
from studio.requests import Constraints, Weaving
from studio.widgets.design_facts import swatches_html
from studio.widgets.laid_out import ACROSS, place_tiles
from studio.widgets.loom import _export, _name_file
from studio.widgets.rectangle import move_side, read_rectangle
from studio.widgets.source import title_of
from studio.widgets.woven import describe_yarns
from studio.workspace import Workspace, close_workspaces
from tests.catalogue_records import make_picture, make_record
from tests.conftest import draw_picture, encode_picture
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


@pytest.mark.usefixtures("busy")
def test_a_design_with_a_border_is_no_repeat(studio: Workspace) -> None:
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
    assert "The half-drop repeat that you chose is set aside" in said(page)
    assert "repeat" not in page.expander[-1].label
    submit(page)
    (job,) = studio.jobs.active()
    assert job.request.constraints == Constraints(palette="auto", symmetry="auto")
    page.session_state["design_source"] = field.sha256
    run(page)
    assert page.selectbox(key="form_repeat").value == "half-drop"
    assert "set aside" not in said(page)


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


def keep_woven(workspace: Workspace, repeat: str = "none", **changes: object) -> Variation:
    indices = np.random.default_rng(1).integers(0, 2, (80, 64), dtype=np.uint8)
    weaving = Weaving(yarns=tuple(f"#{r:02x}{g:02x}{b:02x}" for r, g, b in YARNS.tolist()), colour_shift=3.0)
    record = make_record(weaving=weaving, constraints=Constraints(palette="source", repeat=repeat), **changes)
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


@pytest.mark.parametrize("exporter", EXPORTERS.values(), ids=lambda exporter: exporter.id)
def test_reeds_lie_across_and_picks_along(studio: Workspace, monkeypatch: pytest.MonkeyPatch, exporter) -> None:
    """Each file is fetched as the browser would: by what the page hands to the button."""
    handed: dict[str, Callable[[], bytes]] = {}

    def hand(_label: str, *, data: Callable[[], bytes], key: str, **_: object) -> bool:
        handed[key] = data
        return False

    monkeypatch.setattr(streamlit, "download_button", hand)
    page = open_page("gallery", open=keep_woven(studio).id)
    page.checkbox(key="loom_dense").check().run()
    page.number_input(key="loom_reeds").set_value(700)
    page.number_input(key="loom_picks").set_value(1240)
    run(page)
    assert "9 × 6 cm" in said(page)  # 64 knots at 700 a metre, 80 at 1240
    with Image.open(io.BytesIO(handed[f"loom_{exporter.id}"]())) as image:
        assert image.info["dpi"] == pytest.approx((17.78, 31.496), abs=0.01)


def test_what_the_model_drew_goes_with_its_picture(studio: Workspace) -> None:
    variation = keep_woven(studio)
    untouched = studio.catalogue.untouched_path(variation.id)
    studio.catalogue.delete([variation.id])
    assert untouched.is_file()
    studio.catalogue.empty_bin()
    assert not untouched.exists()


@pytest.mark.parametrize("size", [(2, 2), (4, 6), (3, 5), (7, 4)])
@pytest.mark.parametrize("repeat", REPEATS)
def test_nine_repeats_lie_as_the_cloth_does(repeat: str, size: tuple[int, int]) -> None:
    """What a browser is told to draw is what `tile` lays out, knot for knot, odd sides included."""
    width, height = size
    picture = np.arange(1, width * height + 1).reshape(height, width)
    cloth = tile(picture, repeat, ACROSS, ACROSS)
    seen = np.zeros_like(cloth)
    for x, y, flip_x, flip_y in place_tiles(repeat, size):
        left, top = x * width, y * height
        assert (left, top) == pytest.approx((round(left), round(top)), abs=1e-9)
        rows, columns = round(top) + np.arange(height), round(left) + np.arange(width)
        framed = np.ix_((rows >= 0) & (rows < 3 * height), (columns >= 0) & (columns < 3 * width))
        turned = picture[::flip_y, ::flip_x][framed]
        top, left = max(round(top), 0), max(round(left), 0)
        seen[top : top + turned.shape[0], left : left + turned.shape[1]] = turned
    assert np.array_equal(seen, cloth)


def read_tiles(html: str) -> list[list[tuple[float, float, int, int]]]:
    """Return, for each laid out repeat of a page, its tiles as `place_tiles` gives them."""
    frames = html.split('<div role="img" aria-label="Nine repeats')[1:]
    pattern = r"left:([-\d.]+)%;top:([-\d.]+)%(?:;transform:scale\((-?1),(-?1)\))?"
    return [
        [
            (float(x) * ACROSS / 100, float(y) * ACROSS / 100, int(flip_x or 1), int(flip_y or 1))
            for x, y, flip_x, flip_y in re.findall(pattern, frame)
        ]
        for frame in frames
    ]


@pytest.mark.parametrize("repeat", REPEATS)
def test_a_repeat_lies_on_every_card_for_all_to_see(studio: Workspace, repeat: str) -> None:
    design = studio.catalogue.add_source(draw_indexed(), label="Four yarns")
    made = [keep_woven(studio, source=design.sha256, slot=slot, seed=slot, repeat=repeat) for slot in range(2)]
    plain = keep_woven(studio, source=design.sha256, slot=2, seed=2)
    html = drawn_html(open_page("generate", run="run-1"))
    laid = read_tiles(html)
    assert len(laid) == 2
    for tiles in laid:
        assert np.allclose(tiles, place_tiles(repeat, (64, 80)), atol=1e-5)
    tiles = len(place_tiles(repeat, (64, 80)))
    for one, count in ((made[0], tiles + 1), (made[1], tiles + 1), (plain, 1)):
        # One address, so that the browser fetches one picture.
        assert html.count(f'src="{thumbnail_url(one.id)}"') == count
        assert f'href="{untouched_url(one.id)}"' in html
    assert read_tiles(drawn_html(open_page("gallery", open=made[0].id))) == laid[:1]


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


def test_colourways_of_a_design_whose_yarns_are_all_locked_say_why_there_are_none(studio: Workspace) -> None:
    page, _ = open_with_design(studio)
    for locked in ([0, 1, 2, 3], [0, 1, 2]):
        page.session_state["colourways_locked"] = locked
        page.button(key="colourways_open").click().run()
        assert ["Every yarn is locked" in info.value for info in page.info] == [True] * (len(locked) == 4)


@pytest.mark.usefixtures("busy")
def test_yarns_that_stay_reach_the_run(studio: Workspace) -> None:
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


def add_cloth(studio: Workspace, yarns: np.ndarray, label: str):
    """Keep a design of so many yarns, each knot of the next one."""
    file = io.BytesIO()
    IndexMap(np.indices((64, 64)).sum(0).astype(np.uint8) % len(yarns), yarns).image().save(file, "PNG")
    return studio.catalogue.add_source(file.getvalue(), label=label)


def test_a_design_with_fewer_yarns_gives_no_colourway(studio: Workspace) -> None:
    add_cloth(studio, YARNS[:2], "Two yarns")
    page, _ = open_with_design(studio)
    page.button(key="colourways_open").click().run()
    assert "“Two yarns” is left out: 4 yarns are needed, and it has 2." in said(page)
    assert "After Two yarns" not in said(page)
    assert len([button for button in page.button if (button.key or "").startswith("colourways_take_")]) == 8


def test_locked_yarns_need_no_other_colour(studio: Workspace) -> None:
    add_cloth(studio, OTHER_YARNS[:2], "Two yarns")
    page, _ = open_with_design(studio)
    page.session_state["colourways_locked"] = [0, 1]
    page.button(key="colourways_open").click().run()
    assert "After Two yarns" in said(page)
    assert "is left out" not in said(page)


def test_a_design_that_cannot_be_read_is_left_out_until_it_can(studio: Workspace) -> None:
    other = add_cloth(studio, OTHER_YARNS, "Other")
    file = studio.catalogue.source_path(other.sha256)
    kept = file.read_bytes()
    file.write_bytes(b"no picture")
    page, _ = open_with_design(studio)
    page.button(key="colourways_open").click().run()
    assert "“Other” is left out: its file cannot be read." in said(page)
    file.write_bytes(kept)
    page.button(key="colourways_open").click().run()
    assert "After Other" in said(page)
    assert "is left out" not in said(page)


def test_no_design_is_left_out_without_a_word(studio: Workspace) -> None:
    for shade in range(3):
        add_cloth(studio, OTHER_YARNS + np.array([0, 0, shade], np.uint8), f"Other {shade}")
    page, _ = open_with_design(studio)
    page.button(key="colourways_open").click().run()
    assert "is left out" not in said(page)
    page.session_state["colourways_count"] = 2
    page.button(key="colourways_open").click().run()
    assert "“Other 0” is left out: 2 colourways are asked for, and the designs before it fill them." in said(page)


def test_the_designs_whose_yarns_colourways_wear_are_chosen(studio: Workspace) -> None:
    """Those used last to begin with; one is taken out, and its colourway goes."""
    for shade in range(4):
        add_cloth(studio, OTHER_YARNS + np.array([0, 0, shade], np.uint8), f"Other {shade}")
    page, source = open_with_design(studio)
    page.button(key="colourways_open").click().run()
    choice = page.multiselect(key=f"colourways_after_{source.sha256}")
    titles = [title_of(studio.catalogue.source(sha256)) for sha256 in choice.value]
    assert titles == ["Other 3", "Other 2", "Other 1"]
    assert [title in said(page) for title in ("After Other 3", "After Other 1", "After Other 0")] == [True, True, False]
    choice.set_value(choice.value[1:2])
    page.button(key="colourways_open").click().run()  # AppTest closes a dialog at each run
    assert not page.exception
    assert [title in said(page) for title in ("After Other 3", "After Other 2", "After Other 1")] == [
        False,
        True,
        False,
    ]


OTHER_YARNS = np.array([[10, 10, 12], [90, 60, 30], [150, 140, 90], [250, 250, 245]], np.uint8)


def test_colourways_wear_the_yarns_of_other_designs_and_keep_the_locked_ones(studio: Workspace) -> None:
    add_cloth(studio, OTHER_YARNS, "Another")
    page, _ = open_with_design(studio)

    def take(number: int) -> tuple[str, np.ndarray]:
        page.session_state["colourways_locked"] = [1]
        page.button(key="colourways_open").click().run()
        page.button(key=f"colourways_take_{number}").click().run()
        assert not page.exception
        taken = studio.catalogue.sources()[0]
        return taken.label, open_design(studio.catalogue.source_path(taken.sha256).read_bytes()).index_map.palette

    label, palette = take(0)
    assert label == "Four yarns, after Another"
    assert np.array_equal(palette[1], YARNS[1])
    worn = {tuple(colour) for colour in np.delete(palette, 1, axis=0).tolist()}
    assert worn <= {tuple(colour) for colour in OTHER_YARNS.tolist()}
    assert len(worn) == 3
    label, palette = take(7)  # of what was taken, in a harmony
    assert label.startswith("Four yarns, after Another, ")
    assert np.array_equal(palette[1], YARNS[1])
    assert {tuple(colour) for colour in palette.tolist()} != {*worn, tuple(YARNS[1].tolist())}


@pytest.mark.usefixtures("busy")
def test_colourways_do_not_try_the_yarns_that_a_design_wears_already(studio: Workspace) -> None:
    """A variation of a design that was branched on is a design too, in the same yarns."""
    page, source = open_with_design(studio)
    turned = IndexMap(open_design(draw_indexed()).index_map.indices[::-1], YARNS)
    studio.catalogue.add_source(encode_picture(turned.image()), label="Branch")
    other = add_cloth(studio, OTHER_YARNS, "Another")
    page.button(key="colourways_open").click().run()
    tried = page.multiselect(key=f"colourways_after_{source.sha256}")
    assert tried.value == [other.sha256]
    assert "Branch" in tried.options  # it can be asked for


@pytest.mark.usefixtures("busy")
def test_words_for_colours_bring_in_no_yarn_and_that_is_said(studio: Workspace) -> None:
    """The design is red, ivory, navy and green."""
    page, _ = open_with_design(studio)
    said_so = "The design’s yarns are kept, and none is "
    page.text_area(key="form_prompt").set_value("red kilim, navy border, cream field, olive leaves").run()
    assert said_so not in said(page)
    page.text_area(key="form_prompt").set_value("Deep navy field, Purple roses").run()
    assert f"{said_so}purple" in said(page)
    page.selectbox(key="form_palette").set_value("free").run()
    assert said_so not in said(page)
    page.selectbox(key="form_palette").set_value("source").run()
    assert f"{said_so}purple" in said(page)
    page.text_area(key="form_prompt").set_value("a garden of roses").run()
    assert said_so not in said(page)


def test_a_file_for_the_loom_is_named_after_its_design(studio: Workspace) -> None:
    design = studio.catalogue.add_source(draw_indexed(), label="Four yarns")
    named = keep_woven(studio, source=design.sha256, seed=7)
    lost = keep_woven(studio, seed=8)
    assert _name_file(named.record) == "Four yarns 7"
    assert _name_file(lost.record) == lost.id


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
