"""A branch says how far it is from the design that its line began with."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from studio.catalogue import Variation
from studio.catalogue.lineage import find_first
from studio.designs import IndexMap, open_design
from studio.designs.colours.colour_spaces import format_colours
from studio.schema import Weaving
from studio.ui.shared.facts import first_design
from studio.ui.shared.facts.first_design import describe_from_first, find_stated_density
from studio.workspace import Workspace
from tests.support.catalogue_records import MOTIFS, make_record
from tests.support.generate_page import texts
from tests.support.knots import YARNS
from tests.support.pages import busy, open_page, studio
from tests.support.pictures import encode_picture

__all__ = ["busy", "studio"]

OWN = (np.arange(80 * 64).reshape(80, 64) // 8 % 4).astype(np.uint8)


def _branch(workspace: Workspace, knots: np.ndarray, parent: Variation | None, yarns: np.ndarray = YARNS) -> Variation:
    """Save a variation of a design or, with a parent, of that variation's picture."""
    if parent is None:
        data = encode_picture(IndexMap(OWN, YARNS).image())
    else:
        data = workspace.catalogue.variation_path(parent.id).read_bytes()
    source = workspace.catalogue.add_source(data, label="Stripes", parent=None if parent is None else parent.id)
    weaving = Weaving(yarns=format_colours(yarns), changed_share=0.1)
    record = make_record(source=source.sha256, parent=None if parent is None else parent.id, weaving=weaving, **MOTIFS)
    return workspace.catalogue.save_variation(IndexMap(knots, yarns).image(), record)


def _change(knots: np.ndarray, rows: slice) -> np.ndarray:
    changed = knots.copy()
    changed[rows] = (changed[rows] + 1) % 4
    return changed


def test_a_branch_of_a_branch_counts_from_the_first_design(studio: Workspace) -> None:
    first = _branch(studio, _change(OWN, slice(0, 8)), None)
    second = _branch(studio, _change(OWN, slice(0, 16)), first)
    third = _branch(studio, _change(OWN, slice(0, 24)), second)
    assert describe_from_first(first.record) == ""
    assert describe_from_first(second.record) == "20 % since the first design"
    assert describe_from_first(third.record) == "30 % since the first design"
    assert "10 % drawn anew · 30 % since the first design" in texts(open_page("gallery", open=third.id))


def test_the_first_design_is_decoded_once_for_all_that_is_asked_of_it(
    studio: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = _branch(studio, _change(OWN, slice(0, 8)), None)
    second = _branch(studio, _change(OWN, slice(0, 16)), first)
    third = _branch(studio, _change(OWN, slice(0, 24)), first)
    opened: list[bytes] = []
    monkeypatch.setattr(
        first_design, "open_design", lambda data, **how: opened.append(data) or open_design(data, **how)
    )
    for one in (second, third):
        assert "drawn anew" in texts(open_page("gallery", open=one.id))
        assert describe_from_first(one.record)
        assert find_stated_density(one.record) is None
    assert opened.count(studio.catalogue.source_bytes(first.record.source)) == 1
    assert len(opened) == 3  # and each variation once


@pytest.mark.parametrize("gone", [True, False])
def test_nothing_is_claimed_where_the_first_design_is_gone_or_has_other_yarns(studio: Workspace, gone: bool) -> None:
    first = _branch(studio, _change(OWN, slice(0, 8)), None)
    second = _branch(studio, OWN, first, YARNS if gone else YARNS[::-1].copy())
    if gone:
        studio.catalogue.source_path(first.record.source).unlink()
    assert describe_from_first(second.record) == ""


def test_a_line_that_lacks_a_picture_or_runs_in_a_circle_has_no_first_design(studio: Workspace) -> None:
    first = _branch(studio, OWN, None)
    second = _branch(studio, _change(OWN, slice(0, 8)), first)
    assert find_first(studio.catalogue, second.record) == first.record.source
    unknown = "20260101-000000-000-abcdef"
    assert find_first(studio.catalogue, replace(second.record, parent=unknown)) is None
    assert find_first(studio.catalogue, replace(second.record, parent=second.id)) is None
