"""Pictures drawn from motifs on the Gallery page: what they say of themselves, and the two pictures of a cross."""

from __future__ import annotations

import re

import pytest

from studio.schema import Cross
from studio.ui.picture_routes import source_thumbnail_url
from studio.ui.shared.markdown import escape_markdown
from studio.ui.shared.pictures import describe_variation
from studio.workspace import Workspace
from tests.support.catalogue_records import MOTIFS, make_record, save
from tests.support.loom_pages import keep_from_motifs, keep_woven
from tests.support.pages import cards, drawn_html, links, open_page, run, said, studio
from tests.support.pictures import draw_picture, encode_picture

__all__ = ["studio"]


def test_card_says_how_far_in_the_words_of_the_form(studio: Workspace) -> None:
    keep_from_motifs(studio, change=0.45, seed=7)
    keep_woven(studio, seed=8)
    keep_woven(studio, seed=9, drawing="both", pull=0.35)
    words = said(open_page("gallery"))
    assert "How far 45 % · seed 7" in words
    assert "Strength 0.6 · seed 8" in words
    assert "Strength 0.6 · pull 35 % · seed 9" in words
    assert "Strength 0.6 · seed 7" not in words


def test_card_without_a_prompt_names_the_designs(studio: Workspace) -> None:
    tabriz, garden = (
        studio.catalogue.add_source(encode_picture(draw_picture(64, 80, seed)), label=label).sha256
        for seed, label in enumerate(("Tabriz <b>", "garden"))
    )
    keep_from_motifs(studio, source=tabriz, seed=1)
    keep_from_motifs(studio, source=tabriz, seed=2, cross=Cross(garden))
    keep_from_motifs(studio, source="ab" * 32, seed=3)
    titles = re.findall(r'<div class="card-words" title="(.*?)">', drawn_html(open_page("gallery")))
    assert titles == ["Design abababababab", "Tabriz &lt;b&gt; and garden", "Tabriz &lt;b&gt;"]


@pytest.mark.slow
def test_filter_names_who_drew_and_counts_both_apart(studio: Workspace) -> None:
    motifs = [keep_from_motifs(studio, seed=seed).id for seed in (1, 2)]
    model = keep_woven(studio, seed=3).id
    both = keep_woven(studio, seed=4, drawing="both").id
    app = open_page("gallery")
    drawn_by = app.selectbox(key="find_drawn_by")
    assert drawn_by.label == "Drawn by"
    assert drawn_by.options == [
        "Drawn by: all",
        "The design’s motifs (2)",
        "Built-in and motifs (1)",
        "Built-in (1)",
    ]
    everything = [both, model, *motifs[::-1]]
    wanted = {"motifs:motifs": motifs[::-1], "both:builtin": [both], "model:builtin": [model], "": everything}
    for choice, found in wanted.items():
        app.selectbox(key="find_drawn_by").set_value(choice)
        assert cards(run(app)) == found, choice


@pytest.mark.slow
def test_an_address_with_the_model_alone_still_shows_all_that_it_drew(studio: Workspace) -> None:
    motifs = keep_from_motifs(studio, seed=1).id
    made = [keep_woven(studio, seed=2).id, keep_woven(studio, seed=3, drawing="both").id]
    app = open_page("gallery", model="builtin")
    assert cards(app) == made[::-1]
    chosen = app.selectbox(key="find_drawn_by")
    assert "Built-in, all (2)" in chosen.options
    assert chosen.value == ":builtin"
    app = open_page("gallery", model="motifs")
    assert cards(app) == [motifs]
    assert app.selectbox(key="find_drawn_by").value == "motifs:motifs"


def test_alternative_text_ends_with_the_prompt_if_there_is_one() -> None:
    assert describe_variation(make_record(**MOTIFS, seed=7)) == "Variation 1, seed 7"
    assert describe_variation(make_record(seed=7, prompt="kilim")) == "Variation 1, seed 7: kilim"


def test_viewer_shows_what_is_drawn_anew_and_offers_no_picture_of_a_model(studio: Workspace) -> None:
    page = open_page("gallery", open=keep_from_motifs(studio).id)
    words = said(page)
    assert "4 yarns · 22 % drawn anew · 91 % the design’s own drawing" in words
    for fact in ("The design’s motifs", "25 % of the knots", "91 % of 8 × 8 knots, 98 % of 4 × 4", "recompose-2"):
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
    assert "cdcdcdcdcdcd, no longer stored: 30 % of the motifs" in said(page)
    assert f"{escape_markdown(f'Picture {second}')} is no longer stored." in said(page)
    assert links(page)["Cross with this"].proto.query_string == f"cross={crossed.id}"
    page.button(key="opened_cross_parent").click()
    assert run(page).query_params["open"] == second
    assert "opened_cross_parent" not in {button.key for button in page.button}
    page = open_page("gallery", open=crossed.id)
    page.button(key="opened_parent").click()
    assert run(page).query_params["open"] == first


@pytest.mark.parametrize(("way", "head"), [("motifs", "**Crossed with**"), ("layout", "**In the layout of**")])
def test_viewer_shows_both_designs_of_a_cross(studio: Workspace, way: str, head: str) -> None:
    tabriz, garden = (
        studio.catalogue.add_source(encode_picture(draw_picture(64, 80, seed)), label=label).sha256
        for seed, label in enumerate(("Tabriz", "Garden"))
    )
    crossed = keep_from_motifs(studio, source=tabriz, cross=Cross(garden, way))
    page = open_page("gallery", open=crossed.id)
    assert "**Made from**" in said(page)
    assert head in said(page)
    drawn = drawn_html(page)
    assert drawn.index(source_thumbnail_url(tabriz)) < drawn.index(source_thumbnail_url(garden))
    assert {"Tabriz", "Garden"} <= {line.strip() for line in said(page).splitlines()}

    studio.catalogue.source_path(garden).unlink()
    page = open_page("gallery", open=crossed.id)
    assert "Garden is no longer stored." in said(page)
    assert source_thumbnail_url(garden) not in drawn_html(page)


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
