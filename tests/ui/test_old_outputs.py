"""The pages on an outputs folder of version 0.1.0: all pictures, and the addresses that people keep."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.workspace import Workspace
from tests.support.old_outputs import old_outputs, read_expected
from tests.support.pages import drawn_html, open_page, said, studio

__all__ = ["old_outputs", "studio"]


@pytest.fixture
def old(old_outputs: Path, studio: Workspace) -> dict:
    """What the folder holds; it is unpacked before the studio opens it, and the pages of this test show it."""
    assert studio.outputs == old_outputs.resolve()
    return read_expected(old_outputs)


def of_run(old: dict, size: int) -> str:
    runs = [one["record"]["run"] for one in old["variations"].values()]
    return next(run for run in runs if runs.count(run) == size)


def test_gallery_shows_every_picture_and_the_bin(old: dict) -> None:
    gallery, binned = drawn_html(open_page("gallery")), drawn_html(open_page("gallery", show="bin"))
    for variation, one in old["variations"].items():
        assert f"/thumbnail/{variation}" in (binned if one["deleted"] else gallery)


def test_viewer_shows_every_picture_with_its_parameters(old: dict) -> None:
    for variation, one in old["variations"].items():
        page = open_page("gallery", open=variation)
        assert one["record"]["prompt"] in said(page)
        assert str(one["record"]["seed"]) in said(page)


@pytest.mark.slow
def test_compare_shows_a_run_and_chosen_pictures(old: dict) -> None:
    run = of_run(old, 5)
    variations = [one for one, said_of in old["variations"].items() if not said_of["deleted"]]
    assert f"/variation/{variations[0]}" in drawn_html(open_page("compare", ids=",".join(variations[:3])))
    page = drawn_html(open_page("compare", run=run))
    kept = [one for one in variations if old["variations"][one]["record"]["run"] == run]
    assert all(f"/variation/{one}" in page for one in kept)


@pytest.mark.slow
def test_generate_follows_addresses_of_a_run_of_settings_and_of_a_design(old: dict) -> None:
    run, branch = of_run(old, 5), of_run(old, 1)
    page = open_page("generate", run=run)
    assert "/variation/" in drawn_html(page)
    (variation,) = [one for one, said_of in old["variations"].items() if said_of["record"]["run"] == branch]
    page = open_page("generate", like=variation)
    assert page.text_area(key="form_prompt").value == "blue garden carpet"
    for source in old["sources"]:
        shown = said(open_page("generate", source=source["sha256"])).replace("\\", "")  # the title is escaped Markdown
        assert source["label"] in shown


def test_settings_are_those_that_were_saved(old: dict) -> None:
    page = open_page("settings")
    assert page.number_input(key="settings_idle").value == 30
    assert "carpet-lora" in said(page)  # the adapter's folder is gone, and the page says so
