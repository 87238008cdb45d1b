"""Figures of a run on its page: computed from the kept files, one full-size picture in memory at a time."""

from __future__ import annotations

import weakref

import numpy as np
import pytest
import streamlit as st
from PIL import Image

from studio.designs import Design
from studio.designs.index_map import IndexMap
from studio.evaluation import Score
from studio.schema import Cross, VariationRecord, Weaving
from studio.ui.generate import run_score
from studio.ui.generate.run_score import SetScore, describe_miss, describe_score, find_score
from studio.workspace import Workspace
from tests.support.catalogue_records import MOTIFS, make_record
from tests.support.knots import YARNS
from tests.support.pages import open_page, said, studio
from tests.support.pictures import encode_picture

__all__ = ["studio"]

WIDTH_PX, HEIGHT_PX = 96, 128


def draw_knots(seed: int) -> IndexMap:
    cells = np.random.default_rng(seed).integers(0, 4, (HEIGHT_PX // 16, WIDTH_PX // 16), dtype=np.uint8)
    return IndexMap(np.kron(cells, np.ones((16, 16), np.uint8)), YARNS)


def keep_run(workspace: Workspace, pictures: list[Image.Image], **changes: object) -> list[VariationRecord]:
    """Keep a design of four yarns and these pictures as its run."""
    source = workspace.catalogue.add_source(encode_picture(draw_knots(0).image()), label="Four yarns")
    size = {"width_px": WIDTH_PX, "height_px": HEIGHT_PX, "working_width_px": 96, "working_height_px": 128}
    records = [
        make_record(source=source.sha256, slot=slot, seed=slot, **size, **changes) for slot in range(len(pictures))
    ]
    for picture, record in zip(pictures, records, strict=True):
        workspace.catalogue.save_variation(picture, record)
    return records


def test_a_copy_and_a_twin_are_named(studio: Workspace) -> None:
    knots = draw_knots(0).indices.copy()
    knots[:3, :40] = 1  # 120 of 12288 knots changed: still a copy
    pictures = [draw_knots(seed).image() for seed in (1, 2, 1)]
    records = keep_run(studio, [*pictures, IndexMap(knots, YARNS).image()])
    found = find_score(studio.catalogue, studio.catalogue.run("run-1"))
    assert found is not None
    assert found.twins == {records[2].id: 0}
    assert found.copies == {records[3].id}
    assert found.score.each[3]["fidelity"] > 0.9
    assert found.score.each[0]["fidelity"] < 0.5
    words = said(open_page("generate", run="run-1"))
    assert describe_score(found, records) in words
    assert "Nearly the same as variation 1." in words
    assert "they differ more" not in words
    assert "Nearly the design itself. A higher strength departs" in words


def test_more_change_is_advised_when_most_are_alike(studio: Workspace) -> None:
    keep_run(studio, [draw_knots(seed).image() for seed in (1, 1, 2, 1)])
    words = said(open_page("generate", run="run-1"))
    assert "Draw more of the design anew, or use a higher strength, and they differ more." in words


def test_a_copy_drawn_from_motifs_is_advised_to_draw_more_anew(studio: Workspace) -> None:
    keep_run(studio, [draw_knots(seed).image() for seed in (0, 1)], **MOTIFS)
    words = said(open_page("generate", run="run-1"))
    assert "Nearly the design itself. A larger share drawn anew departs" in words


def test_two_variations_in_the_designs_yarns_are_compared_knot_by_knot(studio: Workspace) -> None:
    knots = draw_knots(1).indices.copy()
    knots[:32] = (knots[:32] + 1) % 4  # a quarter of the rows
    records = keep_run(studio, [draw_knots(1).image(), IndexMap(knots, YARNS).image()])
    found = find_score(studio.catalogue, studio.catalogue.run("run-1"))
    assert found is not None
    assert found.apart == 0.25
    assert describe_score(found, records) == "Two of them differ in 25 % of the knots"


def make_scored(apart: float | None, mean: float | None) -> SetScore:
    score = Score(each=(), whole={"diversity_edges_mean": mean}, near_duplicates=())
    return SetScore(score, apart, twins={}, copies=frozenset())


def make_woven(changed: float | None, known: float | None) -> VariationRecord:
    return make_record(weaving=Weaving(changed_share=changed, known_large=known))


@pytest.mark.parametrize(
    ("apart", "mean", "records", "words"),
    [
        (
            0.31,
            0.5,
            [make_woven(0.224, 0.91), make_woven(0.283, 0.88)],
            "22 to 28 % drawn anew · 88 to 91 % the design’s own drawing · two of them differ in 31 % of the knots",
        ),
        (None, None, [make_woven(0.22, 1.0)], "22 % drawn anew · 100 % the design’s own drawing"),
        (None, None, [make_woven(0.0001, None), make_woven(0.5, 0.9)], "Less than 0.1 to 50 % drawn anew"),
        (None, 0.456, [make_woven(None, None)], "The outlines of two of them differ by 46 %"),
        (0.1, None, [make_woven(0.2, 0.9), make_record()], "Two of them differ in 10 % of the knots"),  # one is unwoven
        (None, None, [make_record()], ""),
    ],
)
def test_figures_that_all_pictures_have_stand_in_a_line(
    apart: float | None, mean: float | None, records: list[VariationRecord], words: str
) -> None:
    assert describe_score(make_scored(apart, mean), records) == words


def test_variations_in_the_same_new_yarns_are_compared_knot_by_knot(studio: Workspace) -> None:
    knots = draw_knots(1).indices.copy()
    knots[:32] = (knots[:32] + 1) % 4
    pictures = [IndexMap(one, 255 - YARNS).image() for one in (draw_knots(1).indices, knots)]
    keep_run(studio, pictures)
    found = find_score(studio.catalogue, studio.catalogue.run("run-1"))
    assert found is not None
    assert found.apart == 0.25


def test_variations_in_yarns_of_their_own_are_not_compared_knot_by_knot(studio: Workspace) -> None:
    pictures = [IndexMap(draw_knots(seed).indices, palette).image() for seed, palette in ((1, YARNS), (2, 255 - YARNS))]
    records = keep_run(studio, pictures)
    found = find_score(studio.catalogue, studio.catalogue.run("run-1"))
    assert found is not None
    assert found.apart is None
    assert "outlines of two of them differ by" in describe_score(found, records)


def made(changed: float | None, kept: float = 0.0, **changes: object) -> VariationRecord:
    weaving = Weaving(changed_share=changed, kept_share=kept)
    return make_record(**MOTIFS | changes, weaving=weaving)


LESS = "To go further, set “How far” higher, choose less symmetry, or cross it with a second design."


@pytest.mark.parametrize(
    ("records", "words"),
    [
        ([made(0.1), made(0.14)], f"These changed 12 % of the design on average; 25 % was wanted. {LESS}"),
        ([made(0.12)], f"This changed 12 % of the design; 25 % was wanted. {LESS}"),
        ([made(0.17)], None),
        ([made(0.33)], None),
        ([made(0.06, kept=0.5)], f"This changed 12 % of what may change; 25 % was wanted. {LESS}"),
        ([made(0.2, kept=0.2)], None),
        ([made(0.4)], "This changed 40 % of the design; 25 % was wanted. To stay closer, set “How far” lower."),
        ([made(0.4, drawing="both")], None),  # the model's picture leads, and may change more
        (
            [made(0.1, drawing="both")],
            "This changed 10 % of the design; 25 % was wanted. To go further, set “How far” or the pull higher.",
        ),
        ([made(0.6, cross=Cross("a" * 64))], None),
        ([made(0.4, cross=Cross("a" * 64, "layout"))], None),
        ([made(0.9, drawing="model")], None),
        ([made(None)], None),
    ],
)
def test_a_run_that_missed_the_wanted_change_says_so(records: list[VariationRecord], words: str | None) -> None:
    assert describe_miss(records) == words


def test_the_page_says_that_the_wanted_change_was_missed(studio: Workspace) -> None:
    keep_run(studio, [draw_knots(1).image()], **MOTIFS, weaving=Weaving(changed_share=0.1))
    assert "This changed 10 % of the design; 25 % was wanted." in said(open_page("generate", run="run-1"))


def test_pictures_in_free_colours_have_figures(studio: Workspace) -> None:
    keep_run(studio, [draw_knots(seed).image().convert("RGB") for seed in (1, 2)])
    found = find_score(studio.catalogue, studio.catalogue.run("run-1"))
    assert found is not None
    assert (len(found.score.each), found.copies, found.apart) == (2, frozenset(), None)


def test_a_copy_in_free_colours_is_named_and_a_recoloured_one_is_not(studio: Workspace) -> None:
    own = np.asarray(draw_knots(0).image().convert("RGB")).astype(int)
    grain = np.random.default_rng(0).integers(-1, 2, own.shape)
    copied = Image.fromarray((own + grain).clip(0, 255).astype(np.uint8))
    recoloured = Image.fromarray((255 - own).astype(np.uint8))
    records = keep_run(studio, [copied, recoloured, draw_knots(1).image().convert("RGB")])
    found = find_score(studio.catalogue, studio.catalogue.run("run-1"))
    assert found is not None
    assert found.copies == {records[0].id}


def test_one_full_size_picture_is_in_memory_at_a_time(studio: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_run(studio, [draw_knots(seed).image() for seed in range(1, 6)])
    opened: list[weakref.ref[Image.Image]] = []

    def open_and_watch(data: bytes) -> Design:
        assert not [one for one in opened if one() is not None]
        design = open_design(data)
        opened.append(weakref.ref(design.image))
        return design

    open_design = run_score.open_design
    monkeypatch.setattr(run_score, "open_design", open_and_watch)
    assert find_score(studio.catalogue, studio.catalogue.run("run-1")) is not None
    assert len(opened) == 6  # the design and its five


def test_a_missing_file_removes_the_figures_and_not_the_page(studio: Workspace) -> None:
    records = keep_run(studio, [draw_knots(seed).image() for seed in (1, 2)])
    assert "Two of them differ" in said(open_page("generate", run="run-1"))
    st.cache_data.clear()
    studio.catalogue.variation_path(records[1].id).unlink()
    assert find_score(studio.catalogue, studio.catalogue.run("run-1")) is None
    assert "Two of them differ" not in said(open_page("generate", run="run-1"))
