"""Yarns of a design that look alike are named on the page, and one click merges them."""

from __future__ import annotations

import numpy as np

from studio.designs import IndexMap, open_design
from studio.designs.files.density import Density
from studio.designs.files.export import encode_png
from studio.workspace import Workspace
from tests.support.pages import busy, open_page, said, studio

__all__ = ["busy", "studio"]

PALETTE = np.array([(20, 30, 90), (200, 30, 40), (198, 31, 41), (240, 235, 220)], np.uint8)
KNOTS = (np.arange(96 * 64).reshape(96, 64) // 256 % 4).astype(np.uint8)


def test_yarns_that_look_alike_are_named_and_merged_with_one_click_and_the_design_stays(studio: Workspace) -> None:
    knots = KNOTS.copy()
    knots[:8] = 2  # so that yarn 2 has more knots than yarn 1
    own = studio.catalogue.add_source(encode_png(IndexMap(knots, PALETTE), Density(700, 800)), label="Reds")
    page = open_page("generate", source=own.sha256)
    assert "Yarns that look alike: 1 and 2 (ΔE 0." in said(page)
    assert "nearly alike" not in said(page)  # said once
    page.button(key="design_merge_alike").click().run()
    assert not page.exception
    chosen = page.session_state["design_source"]
    design = open_design(studio.catalogue.source_bytes(chosen))
    merged = design.index_map
    assert merged is not None
    assert design.density == Density(700, 800)
    assert np.array_equal(merged.indices, np.where(knots == 1, 2, knots))
    assert np.array_equal(merged.palette, PALETTE)
    assert "look alike" not in said(page)
    assert {one.label for one in studio.catalogue.sources()} == {"Reds", "Reds, yarns merged"}


def test_a_design_whose_yarns_differ_has_nothing_to_merge(studio: Workspace) -> None:
    clear = studio.catalogue.add_source(encode_png(IndexMap(KNOTS % 2, PALETTE[[0, 3]])), label="Two")
    page = open_page("generate", source=clear.sha256)
    assert "look alike" not in said(page)
    assert "design_merge_alike" not in {button.key for button in page.button}
