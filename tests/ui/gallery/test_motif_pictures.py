"""Pictures drawn from motifs on the Gallery page: what they say of themselves, and the two pictures of a cross."""

from __future__ import annotations

import pytest

from studio.schema import Cross
from studio.ui.shared.pictures import describe_variation
from studio.workspace import Workspace
from tests.support.catalogue_records import MOTIFS, make_record, save
from tests.support.loom_pages import keep_from_motifs, keep_woven
from tests.support.pages import cards, drawn_html, links, open_page, run, said, studio

__all__ = ["studio"]


def test_card_names_the_change_and_not_the_strength(studio: Workspace) -> None:
    keep_from_motifs(studio, change=0.45, seed=7)
    keep_woven(studio, seed=8)
    words = said(open_page("gallery"))
    assert "Change 0.45 · seed 7" in words
    assert "Strength 0.6 · seed 8" in words
    assert "Strength 0.6 · seed 7" not in words


def test_alternative_text_ends_with_the_prompt_if_there_is_one() -> None:
    assert describe_variation(make_record(**MOTIFS, seed=7)) == "Variation 1, seed 7"
    assert describe_variation(make_record(seed=7, prompt="kilim")) == "Variation 1, seed 7: kilim"


def test_viewer_shows_what_is_drawn_anew_and_offers_no_picture_of_a_model(studio: Workspace) -> None:
    page = open_page("gallery", open=keep_from_motifs(studio).id)
    words = said(page)
    assert "4 yarns · 22 % drawn anew · 91 % the design’s own drawing" in words
    for fact in ("The design’s motifs", "25 % of the knots", "91 % of 8 × 8 knots, 98 % of 4 × 4", "recompose-1"):
        assert fact in words, fact
    assert "See what the model drew" not in words
    assert "untouched" not in drawn_html(page)
    woven = open_page("gallery", open=keep_woven(studio).id)
    assert "See what the model drew" in said(woven)


@pytest.mark.slow
def test_both_pictures_of_a_cross_are_opened(studio: Workspace) -> None:
    first, second = save(studio.catalogue, seed=1).id, save(studio.catalogue, seed=2).id
    crossed = keep_from_motifs(studio, parent=first, cross=Cross("cd" * 32, share=0.3, parent=second))
    page = open_page("gallery", open=crossed.id)
    assert f"30 % motifs of {second}" in said(page)
    assert links(page)["Cross with this"].proto.query_string == f"cross={crossed.id}"
    page.button(key="opened_cross_parent").click()
    assert run(page).query_params["open"] == second
    assert "opened_cross_parent" not in {button.key for button in page.button}
    page = open_page("gallery", open=crossed.id)
    page.button(key="opened_parent").click()
    assert run(page).query_params["open"] == first


def test_a_picture_from_motifs_is_binned_and_restored(studio: Workspace) -> None:
    made = keep_from_motifs(studio)
    page = open_page("gallery", open=made.id)
    page.button(key="opened_delete").click()
    run(page)
    assert cards(open_page("gallery")) == []
    studio.catalogue.restore([made.id])
    assert cards(open_page("gallery")) == [made.id]
    studio.catalogue.delete([made.id])
    assert studio.catalogue.empty_bin() == 1
