"""Variations measured knot by knot against their design, and the set that they make."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from studio.designs import IndexMap, open_design
from studio.designs.index_map import COUNTED_SHARE, find_counted
from studio.designs.structure.repeat import lay, measure_seams
from studio.errors import InputError
from studio.evaluation.recomposed import (
    SetFigures,
    VariationFigures,
    measure_set,
    measure_variation,
    read_reference,
    take_knots,
)
from tests.support.knots import YARNS, as_design, carpet, draw_colours, draw_knots, draw_tile

RANDOM = IndexMap(draw_knots(200, 16, 16), draw_colours(200))
"""Sixteen by sixteen knots in which no neighbourhood occurs twice."""


def measure(design: IndexMap, knots: np.ndarray, repeat: str = "none") -> VariationFigures:
    return measure_variation(read_reference(design, repeat), knots)


def as_map(knots: np.ndarray) -> IndexMap:
    return IndexMap(knots.astype(np.uint8), YARNS)


def change_columns(design: IndexMap, *columns: int) -> np.ndarray:
    """Return the knots with these columns in the next yarn."""
    knots = design.indices.copy()
    knots[:, columns] = (knots[:, columns] + 1) % len(design.palette)
    return knots


# A variation


def test_a_copy_of_the_design_changes_nothing_and_is_known_and_complete() -> None:
    design = carpet().index_map
    reference = read_reference(design)
    assert measure_variation(reference, design.indices) == VariationFigures(
        changed=0.0,
        known_small=1.0,
        known_large=1.0,
        complete=1.0,
        stray_share=reference.stray_share,
        stray_difference=0.0,
        least_yarn_ratio=1.0,
        greatest_yarn_ratio=1.0,
        lost_yarns=(),
        symmetry=1.0,
        seam_ratio=None,
    )


def test_one_other_knot_makes_every_neighbourhood_that_has_it_unknown() -> None:
    knots = RANDOM.indices.copy()
    knots[8, 8] = (knots[8, 8] + 1) % 200
    figures = measure(RANDOM, knots)
    assert figures.changed == 1 / 16**2
    # Of 13 x 13 neighbourhoods of 4 x 4 knots 4 x 4 have it, of 9 x 9 of 8 x 8 knots 8 x 8.
    assert figures.known_small == pytest.approx(1 - 4**2 / 13**2)
    assert figures.known_large == figures.complete == pytest.approx(1 - 8**2 / 9**2)


@pytest.mark.parametrize("axes", [(0,), (1,), (0, 1)])
def test_mirrored_neighbourhoods_are_known_and_complete(axes: tuple[int, ...]) -> None:
    figures = measure(RANDOM, np.flip(RANDOM.indices, axes))
    assert (figures.known_small, figures.known_large, figures.complete) == (1, 1, 1)
    assert figures.changed > 0.9


def test_a_variation_of_one_motif_is_known_but_not_complete() -> None:
    design = as_map(np.repeat([[0] * 12 + [1] * 20], 32, axis=0))
    figures = measure(design, np.zeros((32, 32), np.uint8))
    assert (figures.known_small, figures.known_large) == (1, 1)
    assert figures.complete == pytest.approx(5 / 25)  # of 25 neighbourhoods in a row, 5 lie in yarn 0 alone
    assert figures.lost_yarns == (1,)
    assert (figures.least_yarn_ratio, figures.greatest_yarn_ratio) == (0, pytest.approx(32 / 12))


def test_a_rare_yarn_can_be_lost_but_has_no_ratio() -> None:
    indices = np.repeat([[0, 1] * 16], 32, axis=0)
    indices[0, 0] = 2
    figures = measure(as_map(indices), np.where(indices == 2, 0, indices).astype(np.uint8))
    assert figures.lost_yarns == (2,)
    assert figures.least_yarn_ratio == 1
    assert figures.greatest_yarn_ratio == pytest.approx(512 / 511)


@pytest.mark.parametrize(("knots", "counted"), [(3, False), (4, True)])
def test_a_yarn_of_exactly_half_a_percent_counts_as_it_does_where_motifs_are_drawn(knots: int, counted: bool) -> None:
    indices = np.zeros((20, 40), np.uint8)
    indices[0, :knots] = 1
    assert 4 / indices.size == COUNTED_SHARE
    figures = measure(as_map(indices), np.zeros_like(indices))
    assert (figures.least_yarn_ratio == 0) == counted
    assert find_counted(as_map(indices).shares()).tolist() == [True, counted, False, False]


def test_stray_knots_are_counted_and_compared_with_the_designs() -> None:
    design = as_map(np.zeros((40, 50)))
    knots = design.indices.copy()
    knots[5:30:5, 7] = 1
    assert measure(design, knots).stray_share == measure(design, knots).stray_difference == 5 / 2000
    assert measure(as_map(knots), design.indices).stray_difference == -5 / 2000


def test_symmetry_is_that_of_the_worse_axis_of_the_design() -> None:
    quarter = draw_knots(4, 20, 30)
    half = np.concatenate([quarter, quarter[:, ::-1]], axis=1)
    design = as_map(np.concatenate([half, half[::-1]]))
    one_sided = design.indices.copy()
    one_sided[[3, -4], 5] = (one_sided[[3, -4], 5] + 1) % 4  # still the same upside down
    assert measure(design, one_sided).symmetry == pytest.approx(1 - 4 / one_sided.size)
    assert measure(as_map(half), half).symmetry == 1
    assert measure(as_map(quarter), quarter).symmetry is None


@pytest.mark.parametrize("repeat", ["straight", "half-drop", "brick"])
def test_a_repeat_cut_elsewhere_from_its_cloth_is_known_and_complete(repeat: str) -> None:
    design = IndexMap(draw_knots(200, 16, 18), draw_colours(200))
    knots = design.indices[lay(design.indices.shape, repeat, np.arange(18) + 5, np.arange(16) + 7)]
    figures = measure(design, knots, repeat)
    assert (figures.known_small, figures.known_large, figures.complete) == (1, 1, 1)
    assert measure(design, knots).known_large < 1


def test_a_knot_in_the_corner_of_a_repeat_has_as_many_neighbourhoods_as_any_other() -> None:
    knots = RANDOM.indices.copy()
    knots[0, 0] = (knots[0, 0] + 1) % 200
    figures = measure(RANDOM, knots, "straight")
    assert figures.known_small == 1 - 4**2 / 16**2
    assert figures.known_large == figures.complete == 1 - 8**2 / 16**2


def test_a_visible_seam_has_a_higher_ratio() -> None:
    design = draw_tile().index_map
    open_knots = np.where(np.arange(128) < 64, design.indices, np.roll(design.indices, 40, axis=0))
    closed, opened = (measure(design, knots, "straight").seam_ratio for knots in (design.indices, open_knots))
    assert closed + 0.3 < opened
    seams = measure_seams(design.palette[open_knots], "straight")
    assert opened == seams.vertical > seams.horizontal
    assert measure(design, design.indices, "mirror").seam_ratio == 0


def test_a_plain_repeat_has_no_seam_ratio() -> None:
    plain = as_map(np.zeros((32, 32)))
    assert measure(plain, plain.indices, "straight").seam_ratio is None


def test_knots_of_another_size_and_tiny_designs_are_refused() -> None:
    reference = read_reference(RANDOM)
    with pytest.raises(ValueError, match="own size"):
        measure_variation(reference, RANDOM.indices[:, 1:])
    with pytest.raises(ValueError, match="all of the design's"):
        measure_set(reference, [RANDOM.indices, RANDOM.indices[1:]])
    with pytest.raises(ValueError, match="8 x 8"):
        read_reference(as_map(np.zeros((40, 7))))
    with pytest.raises(ValueError, match="zigzag"):
        read_reference(RANDOM, "zigzag")


# A set


def test_a_set_is_as_diverse_as_its_changes_are_different() -> None:
    reference = read_reference(RANDOM)
    apart = [change_columns(RANDOM, i) for i in range(3)]
    assert measure_set(reference, apart) == SetFigures(
        3, changed=pytest.approx(1 / 16), pair_difference=pytest.approx(2 / 16), pair_ratio=pytest.approx(2),
        near_duplicates=(),
    )  # fmt: skip
    same = measure_set(reference, [apart[1], apart[0], apart[1]])
    assert same.near_duplicates == ((0, 2),)
    assert same.pair_ratio == pytest.approx((2 + 2 + 0) / 3)


def test_near_duplicates_differ_by_less_than_a_part_of_what_they_change() -> None:
    columns = range(10)
    variations = [change_columns(RANDOM, *columns), change_columns(RANDOM, *columns[3:]), change_columns(RANDOM, 15)]
    whole = measure_set(read_reference(RANDOM), variations)  # changes of 10, 7 and 1 columns, 6 on average
    assert whole.near_duplicates == ()  # 3 columns are more than 0.4 of 6
    whole = measure_set(read_reference(RANDOM), [*variations[:2], variations[0]])  # 9 on average
    assert whole.near_duplicates == ((0, 1), (0, 2), (1, 2))


def test_copies_of_the_design_are_near_duplicates_without_a_ratio() -> None:
    whole = measure_set(read_reference(RANDOM), [RANDOM.indices] * 2)
    assert whole == SetFigures(2, 0.0, 0.0, None, ((0, 1),))


def test_a_single_variation_has_no_pairs() -> None:
    reference = read_reference(RANDOM)
    assert measure_set(reference, [change_columns(RANDOM, 3)]) == SetFigures(1, 1 / 16, None, None, ())
    with pytest.raises(ValueError, match="at least one"):
        measure_set(reference, [])


# Files of variations


@pytest.mark.parametrize("mode", ["order", "RGB", "short", "own"])
def test_knots_are_read_in_the_designs_numbers_whatever_the_file(mode: str) -> None:
    design, knots = IndexMap(draw_knots(7), draw_colours(7)), draw_knots(6, seed=1)
    order = np.array([3, 0, 6, 2, 5, 1, 4])
    picture = {
        "order": lambda: as_design(np.argsort(order)[knots].astype(np.uint8), design.palette[order]),
        "RGB": lambda: as_design(design.palette[knots]),
        "short": lambda: as_design(knots, design.palette[:6]),
        "own": lambda: as_design(knots, design.palette),
    }[mode]()
    taken = take_knots(picture, design)
    assert np.array_equal(taken.knots, knots)
    assert taken.foreign_share == 0


def test_a_colour_that_is_no_yarn_takes_the_nearest_and_is_counted() -> None:
    design = IndexMap(draw_knots(4), YARNS)
    pixels = design.pixels().copy()
    pixels[:12] ^= 3
    taken = take_knots(as_design(pixels), design)
    assert np.array_equal(taken.knots, design.indices)
    assert taken.foreign_share == 12 / 48


def test_the_nearest_yarn_is_one_that_the_design_uses() -> None:
    palette = np.concatenate([YARNS, [[9, 200, 200]]]).astype(np.uint8)
    design = IndexMap(draw_knots(4), palette)
    taken = take_knots(as_design(np.broadcast_to(palette[4], (48, 40, 3)).copy()), design)
    assert (taken.knots < 4).all()
    assert taken.foreign_share == 1


def test_yarns_of_one_colour_count_as_the_one_that_the_design_has_there() -> None:
    design = IndexMap(draw_knots(4), YARNS[[0, 1, 0, 3]])
    knots = take_knots(as_design(design.pixels()), design).knots
    assert np.array_equal(knots, design.indices)
    own = take_knots(as_design(np.where(design.indices == 2, 0, design.indices), design.palette), design).knots
    assert not (own == 2).any()  # a file with the same palette says which yarn it is


def test_a_picture_of_another_size_is_refused_with_both_sizes(tmp_path: Path) -> None:
    as_map(np.zeros((50, 40))).image().save(tmp_path / "one.png")
    with pytest.raises(InputError, match=r"40 x 50 knots, and the design has 16 x 16\. Choose"):
        take_knots(open_design((tmp_path / "one.png").read_bytes()), RANDOM)
