"""Figures of a run on its page: computed from the kept files, one full-size picture in memory at a time."""

from __future__ import annotations

import weakref

import numpy as np
import pytest
from PIL import Image

from studio.designs import Design
from studio.designs.index_map import IndexMap
from studio.schema import VariationRecord
from studio.ui.generate import run_score
from studio.ui.generate.run_score import describe_score, find_score
from studio.workspace import Workspace
from tests.support.catalogue_records import make_record
from tests.support.knots import YARNS
from tests.support.pages import open_page, said, studio
from tests.support.pictures import encode_picture

__all__ = ["studio"]

WIDTH_PX, HEIGHT_PX = 96, 128


def draw_knots(seed: int) -> IndexMap:
    cells = np.random.default_rng(seed).integers(0, 4, (HEIGHT_PX // 16, WIDTH_PX // 16), dtype=np.uint8)
    return IndexMap(np.kron(cells, np.ones((16, 16), np.uint8)), YARNS)


def keep_run(workspace: Workspace, pictures: list[Image.Image]) -> list[VariationRecord]:
    """Keep a design of four yarns and these pictures as its run."""
    source = workspace.catalogue.add_source(encode_picture(draw_knots(0).image()), label="Four yarns")
    size = {"width_px": WIDTH_PX, "height_px": HEIGHT_PX}
    records = [
        make_record(source=source.sha256, slot=slot, seed=slot, **size, working_width_px=96, working_height_px=128)
        for slot in range(len(pictures))
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
    assert describe_score(found.score) in words
    assert "Nearly the same as variation 1." in words
    assert "makes them differ more" not in words
    assert "Nearly the design itself." in words


def test_a_higher_strength_is_advised_when_most_are_alike(studio: Workspace) -> None:
    keep_run(studio, [draw_knots(seed).image() for seed in (1, 1, 2, 1)])
    assert "A higher strength makes them differ more." in said(open_page("generate", run="run-1"))


def test_pictures_in_free_colours_have_figures(studio: Workspace) -> None:
    keep_run(studio, [draw_knots(seed).image().convert("RGB") for seed in (1, 2)])
    found = find_score(studio.catalogue, studio.catalogue.run("run-1"))
    assert found is not None
    assert (len(found.score.each), found.copies) == (2, frozenset())


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
    studio.catalogue.variation_path(records[1].id).unlink()
    assert find_score(studio.catalogue, studio.catalogue.run("run-1")) is None
    assert "Fidelity" not in said(open_page("generate", run="run-1"))
