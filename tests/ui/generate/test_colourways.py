"""The Colourways dialog: palettes of other designs, locked yarns, and the reason why a design is left out."""

from __future__ import annotations

import io

import numpy as np
import pytest

from studio.designs import IndexMap, open_design
from studio.designs.samples import SAMPLES
from studio.ui.shared.pictures import title_of
from studio.workspace import Workspace
from tests.support.knots import YARNS
from tests.support.loom_pages import draw_indexed, open_with_design
from tests.support.pages import busy, said, studio
from tests.support.pictures import encode_picture

__all__ = ["busy", "studio"]

OTHER_YARNS = np.array([[10, 10, 12], [90, 60, 30], [150, 140, 90], [250, 250, 245]], np.uint8)


def add_cloth(studio: Workspace, yarns: np.ndarray, label: str):
    """Keep a design that uses these yarns in diagonal stripes."""
    file = io.BytesIO()
    IndexMap(np.indices((64, 64)).sum(0).astype(np.uint8) % len(yarns), yarns).image().save(file, "PNG")
    return studio.catalogue.add_source(file.getvalue(), label=label)


def test_a_colourway_taken_as_design_keeps_every_index(studio: Workspace) -> None:
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


@pytest.mark.slow
@pytest.mark.parametrize(("prompt", "stays"), [(SAMPLES[0].prompt, False), ("red kilim", True)])
def test_a_colourway_keeps_symmetry_and_repeat_but_not_the_colour_words_of_a_sample(
    studio: Workspace, prompt: str, stays: bool
) -> None:
    page, _ = open_with_design(studio)
    page.text_area(key="form_prompt").set_value(prompt).run()
    page.selectbox(key="form_repeat").set_value("half-drop").run()
    page.button(key="colourways_open").click().run()
    page.button(key="colourways_take_0").click().run()
    assert not page.exception
    assert page.selectbox(key="form_repeat").value == "half-drop"
    assert page.text_area(key="form_prompt").value == (prompt if stays else "")


def test_no_colourways_and_a_reason_if_all_yarns_are_locked(studio: Workspace) -> None:
    page, _ = open_with_design(studio)
    for locked in ([0, 1, 2, 3], [0, 1, 2]):
        page.session_state["colourways_locked"] = locked
        page.button(key="colourways_open").click().run()
        assert ["Every yarn is locked" in info.value for info in page.info] == [True] * (len(locked) == 4)


def test_a_design_with_too_few_yarns_is_left_out(studio: Workspace) -> None:
    add_cloth(studio, YARNS[:2], "Two yarns")
    page, _ = open_with_design(studio)
    page.button(key="colourways_open").click().run()
    assert "“Two yarns” is left out: 4 yarns are needed, and it has 2." in said(page)
    assert "After Two yarns" not in said(page)
    assert len([button for button in page.button if (button.key or "").startswith("colourways_take_")]) == 8


def test_locked_yarns_reduce_the_number_of_yarns_needed(studio: Workspace) -> None:
    add_cloth(studio, OTHER_YARNS[:2], "Two yarns")
    page, _ = open_with_design(studio)
    page.session_state["colourways_locked"] = [0, 1]
    page.button(key="colourways_open").click().run()
    assert "After Two yarns" in said(page)
    assert "is left out" not in said(page)


def test_an_unreadable_design_is_left_out_until_it_can_be_read(studio: Workspace) -> None:
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


def test_every_design_left_out_is_named_with_its_reason(studio: Workspace) -> None:
    for shade in range(3):
        add_cloth(studio, OTHER_YARNS + np.array([0, 0, shade], np.uint8), f"Other {shade}")
    page, _ = open_with_design(studio)
    page.button(key="colourways_open").click().run()
    assert "is left out" not in said(page)
    page.session_state["colourways_count"] = 2
    page.button(key="colourways_open").click().run()
    assert "“Other 0” is left out: 2 colourways are shown, and the designs before it fill them." in said(page)


def test_the_designs_to_take_yarns_from_can_be_chosen(studio: Workspace) -> None:
    """The most recent ones are preselected; removing one removes its colourway."""
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


@pytest.mark.slow
def test_colourways_use_the_yarns_of_other_designs_and_keep_the_locked_ones(studio: Workspace) -> None:
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
    label, palette = take(7)  # a harmony of the colourway taken before
    assert label.startswith("Four yarns, after Another, ")
    assert np.array_equal(palette[1], YARNS[1])
    assert {tuple(colour) for colour in palette.tolist()} != {*worn, tuple(YARNS[1].tolist())}


@pytest.mark.usefixtures("busy")
def test_a_design_with_the_same_yarns_is_not_preselected(studio: Workspace) -> None:
    """A variation that was made a design has the yarns of its own design."""
    page, source = open_with_design(studio)
    turned = IndexMap(open_design(draw_indexed()).index_map.indices[::-1], YARNS)
    studio.catalogue.add_source(encode_picture(turned.image()), label="Branch")
    other = add_cloth(studio, OTHER_YARNS, "Another")
    page.button(key="colourways_open").click().run()
    tried = page.multiselect(key=f"colourways_after_{source.sha256}")
    assert tried.value == [other.sha256]
    assert "Branch" in tried.options  # it can still be selected
