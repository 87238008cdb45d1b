"""The line under a woven picture: symmetry and seams in words."""

from __future__ import annotations

import pytest

from studio.schema import Weaving
from studio.ui.shared.facts.weaving_facts import describe_changed, describe_woven, explain_seams
from tests.support.catalogue_records import make_record


@pytest.mark.parametrize(
    ("seams", "words"),
    [
        ((1.021, 0.4), "seam invisible"),
        ((0.71, None), "seam invisible"),
        ((1.2, 0.9), "seam faint"),
        ((0.9, 1.449), "seam visible"),
    ],
)
def test_the_more_visible_seam_is_named_and_its_ratio_is_in_the_help(
    seams: tuple[float | None, float | None], words: str
) -> None:
    record = make_record(weaving=Weaving(seam_horizontal=seams[0], seam_vertical=seams[1]))
    assert describe_woven(record) == words
    assert explain_seams(record).startswith(f"Seam ratio {seams[0]:.2f}")


def test_a_picture_without_repeat_has_no_seam() -> None:
    record = make_record(weaving=Weaving(changed_share=0.2))
    assert (describe_woven(record), explain_seams(record)) == ("20 % drawn anew", "")


@pytest.mark.parametrize(
    ("agreement", "words"),
    [(1.0, "exactly symmetric"), (0.97, "97 % symmetric"), (0.99999, "over 99.9 % symmetric"), (None, "symmetric")],
)
def test_symmetry_is_exact_or_a_share_of_the_knots(agreement: float | None, words: str) -> None:
    weaving = Weaving(vertical=0, horizontal=0, agreement=agreement)
    assert describe_woven(make_record(weaving=weaving)) == words


@pytest.mark.parametrize(("axis", "sides"), [("vertical", "left and right"), ("horizontal", "top and bottom")])
def test_a_picture_that_is_mirrored_about_one_axis_says_about_which(axis: str, sides: str) -> None:
    weaving = Weaving(agreement=1.0, **{axis: 3})
    assert describe_woven(make_record(weaving=weaving)) == f"exactly symmetric {sides}"


def test_knots_between_yarns_nearly_alike_are_not_said_to_be_drawn_anew() -> None:
    record = make_record(weaving=Weaving(changed_share=0.25, alike_share=0.05))
    assert describe_woven(record) == "20 % drawn anew · 5.0 % between yarns nearly alike"
    assert describe_changed(record) == "20 % of the knots, and 5.0 % between yarns nearly alike (ΔE below 3)"
