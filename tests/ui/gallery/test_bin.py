"""The bin and the selection: an action on “these” acts on the pictures that were shown or counted, and on no others."""

from __future__ import annotations

import pytest

from studio.workspace import Workspace
from tests.support.catalogue_records import save, shown
from tests.support.pages import cards, open_page, run, said, studio

__all__ = ["studio"]
pytestmark = pytest.mark.slow


def test_under_a_search_only_the_pictures_found_are_removed_from_the_bin(studio: Workspace) -> None:
    kilims = [save(studio.catalogue, prompt="kilim").id for _ in range(2)]
    garden = save(studio.catalogue, prompt="garden").id
    studio.catalogue.delete([*kilims, garden])
    app = open_page("gallery", show="bin", text="kilim")
    assert len(cards(app)) == 2
    assert "Remove 2 pictures for good?" in said(app)
    assert "The other pictures in the bin stay there." in said(app)
    app.button(key="empty_bin_sure").click()
    run(app)
    assert "2 pictures removed for good." in said(app)
    assert shown(studio.catalogue, deleted=True) == [garden]


def test_all_pages_of_the_bin_are_removed_and_nothing_that_came_later(studio: Workspace) -> None:
    ids = [save(studio.catalogue, seed=seed).id for seed in range(30)]
    studio.catalogue.delete(ids[:29])
    app = open_page("gallery", show="bin", page="2")
    assert "Remove 29 pictures for good?" in said(app)
    assert "The other pictures" not in said(app)
    studio.catalogue.delete(ids[29:])  # in another tab
    app.button(key="empty_bin_sure").click()
    run(app)
    assert shown(studio.catalogue, deleted=True) == ids[29:]


def test_the_settings_remove_the_pictures_that_they_count(studio: Workspace) -> None:
    ids = [save(studio.catalogue).id for _ in range(3)]
    studio.catalogue.delete(ids[:2])
    app = open_page("settings")
    assert "Remove 2 pictures for good?" in said(app)
    studio.catalogue.delete(ids[2:])
    app.button(key="empty_bin_sure").click()
    run(app)
    assert shown(studio.catalogue, deleted=True) == ids[2:]


def test_undo_leaves_in_the_bin_what_was_there_before(studio: Workspace) -> None:
    first, second = (save(studio.catalogue).id for _ in range(2))
    app = open_page("gallery")
    for one in (first, second):
        app.checkbox(key=f"tick_{one}").check()
        run(app)
    studio.catalogue.delete([first])  # in another tab
    app.button(key="delete_selected").click()
    run(app)
    assert "Deleted 1 picture." in said(app)
    app.button(key="undo_deletion").click()
    run(app)
    assert shown(studio.catalogue) == [second]
    assert shown(studio.catalogue, deleted=True) == [first]


def test_restoring_says_how_many_were_in_the_bin(studio: Workspace) -> None:
    kept, binned = (save(studio.catalogue).id for _ in range(2))
    app = open_page("gallery")
    for one in (kept, binned):
        app.checkbox(key=f"tick_{one}").check()
        run(app)
    studio.catalogue.delete([binned])
    app.query_params["show"] = "bin"
    run(app)
    assert "2 selected" in said(app)
    assert "1 of them not on this page" in said(app)
    app.button(key="restore_selected").click()
    run(app)
    assert "1 picture restored." in said(app)
