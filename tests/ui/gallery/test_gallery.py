"""The Gallery page on a real catalogue: filters, viewer, stars, ticks, deletion and the bin."""

from __future__ import annotations

import html

import pytest

from studio.catalogue import GalleryQuery
from studio.catalogue.index.database import Database
from studio.designs.files.export import EXPORTERS
from studio.ui.picture_routes import source_thumbnail_url, thumbnail_url, variation_url
from studio.workspace import Workspace
from tests.support.catalogue_records import KILIM, save
from tests.support.pages import cards, drawn_html, links, open_page, run, said, studio
from tests.support.pictures import draw_picture, encode_picture

__all__ = ["studio"]
STAR = ":material/star:"


def make_many(studio: Workspace, count: int, **changes: object) -> list[str]:
    """Save pictures and return their ids, newest first."""
    return [save(studio.catalogue, seed=seed, **changes).id for seed in range(count)][::-1]


def test_empty_gallery_links_to_generate(studio: Workspace) -> None:
    app = open_page("gallery")
    assert "No pictures yet" in said(app)
    assert links(app)["Make variations"].page == ""  # the first page: Generate


@pytest.mark.slow
def test_cards_are_newest_first_in_pages_of_24(studio: Workspace) -> None:
    ids = make_many(studio, 30)
    app = open_page("gallery")
    assert cards(app) == ids[:24]
    assert "30 pictures" in said(app)
    for one in ids[:24]:
        assert f'src="{thumbnail_url(one)}"' in drawn_html(app)
    assert drawn_html(app).count('loading="lazy"') == 24
    app.get("pagination")[0].set_value(2)
    assert cards(run(app)) == ids[24:]
    assert app.query_params["page"] == "2"
    assert cards(open_page("gallery", page="2")) == ids[24:]


def test_page_beyond_the_last_shows_the_last(studio: Workspace) -> None:
    ids = make_many(studio, 25)
    assert cards(open_page("gallery", page="9")) == ids[24:]


@pytest.mark.slow
def test_queries_do_not_grow_with_the_number_of_cards(studio: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    reading = Database.reading
    monkeypatch.setattr(Database, "reading", lambda self: asked.append(1) or reading(self))
    make_many(studio, 2)
    open_page("gallery")
    queries = len(asked)
    make_many(studio, 22)
    asked.clear()
    assert len(cards(open_page("gallery"))) == 24
    assert len(asked) == queries > 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "address",
    [
        {"page": "minus one"},
        {"page": "0"},
        {"page": "9" * 40},
        {"run": "../../etc"},
        {"source": "zz"},
        {"show": "nonsense"},
        {"text": "x" * 5000},
    ],
)
def test_invalid_address_shows_the_gallery(studio: Workspace, address: dict[str, str]) -> None:
    (one,) = make_many(studio, 1)
    app = open_page("gallery", **address)
    assert cards(app) == ([] if "text" in address else [one])


@pytest.mark.slow
def test_filters_by_address_and_by_widget(studio: Workspace) -> None:
    plain = save(studio.catalogue, prompt="Blue KILIM with stars", run="run-1").id
    adapted = save(studio.catalogue, prompt="red medallion", run="run-2", **KILIM).id
    other = save(studio.catalogue, model="other", model_title="Other", source="ab" * 32, parent=plain).id
    studio.catalogue.set_favourite(adapted, True)
    assert cards(open_page("gallery", show="favourites")) == [adapted]
    assert cards(open_page("gallery", text="kilim BLUE")) == [plain]
    assert cards(open_page("gallery", model="other")) == [other]
    assert cards(open_page("gallery", adapter=KILIM["adapter_sha256"])) == [adapted]
    assert cards(open_page("gallery", run="run-2")) == [adapted]
    assert cards(open_page("gallery", source="ab" * 32)) == [other]
    assert cards(open_page("gallery", parent=plain)) == [other]

    app = open_page("gallery", page="3")
    app.text_input(key="find_text").set_value("medallion")
    assert cards(run(app)) == [adapted]
    assert app.query_params["text"] == "medallion"
    assert "page" not in app.query_params
    app.get("segmented_control")[0].set_value("bin")
    run(app)
    assert "The bin is empty" in said(app)
    app.get("segmented_control")[0].set_value("all")
    app.text_input(key="find_text").set_value("zebra")
    run(app)
    assert "No matching pictures" in said(app)
    next(button for button in app.button if button.label == "Show all pictures").click()
    assert cards(run(app)) == [other, adapted, plain]
    app.selectbox(key="find_adapter").set_value(KILIM["adapter_sha256"])
    assert cards(run(app)) == [adapted]


def test_gallery_of_one_run_can_be_compared_and_widened(studio: Workspace) -> None:
    first = save(studio.catalogue, run="run-1").id
    save(studio.catalogue, run="run-2")
    app = open_page("gallery", run="run-1")
    assert "Only 1 picture from this run" in said(app)
    assert links(app)["Compare with the design"].proto.query_string == "run=run-1"
    next(button for button in app.button if button.label == "Show all pictures").click()
    assert len(cards(run(app))) == 2
    assert first in cards(app)


def test_star_is_saved_at_once(studio: Workspace) -> None:
    older, newer = make_many(studio, 2)[::-1]
    app = open_page("gallery")
    star = next(pills for pills in app.get("pills") if pills.key == f"star_card_{older}")
    star.set_value(STAR)
    run(app)
    assert studio.catalogue.variation(older).favourite
    assert not studio.catalogue.variation(newer).favourite
    again = open_page("gallery", show="favourites")
    assert cards(again) == [older]
    again.get("pills")[0].set_value(None)
    run(again)
    assert not studio.catalogue.variation(older).favourite


def test_viewer_shows_all_parameters_and_opens_other_pictures(studio: Workspace) -> None:
    source = studio.catalogue.add_source(encode_picture(draw_picture(64, 80)), label="Tabriz.png")
    parent = save(studio.catalogue).id
    ids = [
        save(
            studio.catalogue,
            slot=slot,
            seed=7 + slot,
            run="run-9",
            source=source.sha256,
            parent=parent,
            notes=("Transparency was filled with white.",),
            working_width_px=32,
            working_height_px=40,
            **KILIM,
        ).id
        for slot in range(3)
    ]
    app = open_page("gallery")
    app.button(key=f"open_card_{ids[1]}").click()
    run(app)
    assert app.query_params["open"] == ids[1]
    words, drawn = said(app), drawn_html(app)
    assert f'src="{variation_url(ids[1])}"' in drawn
    assert f'src="{source_thumbnail_url(source.sha256)}"' in drawn
    assert all(thumbnail_url(one) in drawn for one in ids)
    for fact in (
        "kilim (c0ffee000000)",
        "0123456789ab",
        "Built-in",
        "0.8",
        "17",
        "64 × 80 px",
        "32 × 40 px, then enlarged",
        "Processor (CPU)",
        "float32",
        "torch 2.13.0",
        "1.2 s",
        "Tabriz.png",
        parent,
        "Transparency was filled with white.",
        "2 of 4",
    ):
        assert fact in words, fact
    assert links(app)["Use these settings"].proto.query_string == f"like={ids[1]}"
    assert links(app)["Vary this"].proto.query_string == f"parent={ids[1]}"
    assert links(app)["Compare with the design"].proto.query_string == "run=run-9"
    assert "Seed: 8" in app.code[0].value
    assert "<lora:kilim:0.8>" in app.code[0].value

    app.button(key="opened_older").click()
    assert run(app).query_params["open"] == ids[0]
    app.button(key="opened_newer").click()
    run(app)
    app.button(key="opened_newer").click()
    assert run(app).query_params["open"] == ids[2]
    assert app.button(key="opened_newer").disabled
    app.button(key=f"open_sister_{ids[0]}").click()
    assert run(app).query_params["open"] == ids[0]
    app.button(key="opened_parent").click()
    assert run(app).query_params["open"] == parent
    app.button(key="opened_close").click()
    assert len(cards(run(app))) == 4


def test_viewer_offers_the_original_and_the_loom_files(studio: Workspace) -> None:
    (one,) = make_many(studio, 1)
    app = open_page("gallery", open=one)
    labels = [button.label for button in app.get("download_button")]
    assert labels == ["Download", *(exporter.title for exporter in EXPORTERS.values())]
    assert studio.catalogue.variation_path(one).read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_prompts_are_escaped(studio: Workspace) -> None:
    prompt = '**bold** <script>alert(1)</script> :red[x] $y$ & "quotes" </div>'
    one = save(studio.catalogue, prompt=prompt, negative_prompt="<img src=x onerror=alert(1)>").id
    for app in (open_page("gallery"), open_page("gallery", open=one)):
        drawn = drawn_html(app)
        assert "<script>alert" not in drawn
        assert "<img src=x" not in drawn
        assert html.escape(prompt) in drawn
        assert prompt in said(app)


@pytest.mark.slow
@pytest.mark.parametrize("unknown", ["20990101-000000-000-abcdef", "../../etc/passwd", "<b>x</b>"])
def test_unknown_picture_is_an_error(studio: Workspace, unknown: str) -> None:
    app = open_page("gallery", open=unknown)
    assert "There is no" in app.error[0].value
    next(button for button in app.button if button.label == "All pictures").click()
    assert "open" not in run(app).query_params


@pytest.mark.slow
def test_delete_in_the_viewer_opens_the_next_picture_and_can_be_undone(studio: Workspace) -> None:
    newest, middle, oldest = make_many(studio, 3)
    app = open_page("gallery", open=middle)
    app.button(key="opened_delete").click()
    run(app)
    assert app.query_params["open"] == oldest
    assert "Deleted 1 picture." in said(app)
    assert studio.catalogue.variation(middle).deleted_at is not None
    app.button(key="undo_deletion").click()
    run(app)
    assert app.query_params["open"] == middle
    assert studio.catalogue.variation(middle).deleted_at is None
    assert "Deleted" not in said(app)
    for one in (middle, oldest, newest):
        studio.catalogue.delete([one])
    app = open_page("gallery", open=middle)
    assert "is in the bin" in said(app)
    app.button(key="opened_restore").click()
    run(app)
    assert cards(open_page("gallery")) == [middle]


@pytest.mark.slow
def test_actions_on_ticked_pictures(studio: Workspace) -> None:
    ids = make_many(studio, 8)
    app = open_page("gallery")
    app.checkbox(key=f"tick_{ids[0]}").check()
    run(app)
    assert "1 selected" in said(app)
    assert links(app)["Compare"].proto.disabled
    app.checkbox(key=f"tick_{ids[2]}").check()
    run(app)
    compare = links(app)["Compare"].proto
    assert not compare.disabled
    assert compare.query_string == f"ids={ids[0]}%2C{ids[2]}"

    app.button(key="favourite_selected").click()
    run(app)
    assert [one for one in ids if studio.catalogue.variation(one).favourite] == [ids[0], ids[2]]

    app.button(key="delete_selected").click()
    run(app)
    assert "Deleted 2 pictures." in said(app)
    assert "selected" not in said(app)
    assert cards(app) == [one for one in ids if one not in (ids[0], ids[2])]
    app.button(key="undo_deletion").click()
    assert cards(run(app)) == ids
    assert studio.catalogue.variation(ids[0]).favourite

    for one in ids[:7]:
        app.checkbox(key=f"tick_{one}").check()
        run(app)
    assert links(app)["Compare"].proto.disabled  # at most six
    app.button(key="clear_selected").click()
    run(app)
    assert "selected" not in said(app)


def test_ticks_stay_on_other_pages_of_the_gallery(studio: Workspace) -> None:
    ids = make_many(studio, 26)
    app = open_page("gallery")
    app.checkbox(key=f"tick_{ids[3]}").check()
    run(app)
    app.get("pagination")[0].set_value(2)
    run(app)
    app.checkbox(key=f"tick_{ids[25]}").check()
    run(app)
    assert "2 selected" in said(app)
    app.get("pagination")[0].set_value(1)
    run(app)
    assert app.checkbox(key=f"tick_{ids[3]}").value


@pytest.mark.slow
def test_bin_restores_pictures_and_can_be_emptied(studio: Workspace) -> None:
    ids = make_many(studio, 3)
    studio.catalogue.delete(ids)
    app = open_page("gallery", show="bin")
    assert cards(app) == ids
    app.checkbox(key=f"tick_{ids[1]}").check()
    run(app)
    app.button(key="restore_selected").click()
    assert cards(run(app)) == [ids[0], ids[2]]
    assert studio.catalogue.variation(ids[1]).deleted_at is None
    app.button(key="empty_bin_sure").click()
    run(app)
    assert "The bin is empty" in said(app)
    assert studio.catalogue.storage().binned == 0
    assert cards(open_page("gallery")) == [ids[1]]


@pytest.mark.slow
@pytest.mark.parametrize("page_size", [1, 2, 3, 7, 24])
@pytest.mark.parametrize("page", [1, 3, 99])
def test_neighbours_are_found_from_any_page(studio: Workspace, page: int, page_size: int) -> None:
    ids = make_many(studio, 11)
    studio.catalogue.delete([ids[4]])
    deleted = ids.pop(4)
    query = GalleryQuery(page=page, page_size=page_size)
    for position, one in enumerate(ids):
        found = studio.catalogue.neighbours(query, one)
        assert found is not None
        assert (found.position, found.total) == (position + 1, len(ids))
        assert found.newer == (ids[position - 1] if position else None)
        assert found.older == (ids[position + 1] if position + 1 < len(ids) else None)
    for missing in (deleted, "19990101-000000-000-abcdef", "29990101-000000-000-abcdef"):
        assert studio.catalogue.neighbours(query, missing) is None


def test_no_neighbours_in_an_empty_gallery(studio: Workspace) -> None:
    assert studio.catalogue.neighbours(GalleryQuery(), "19990101-000000-000-abcdef") is None
