"""A drawing has the design's yarns, symmetry, repeat, border and kept part to the knot, and its own neighbourhoods."""

from __future__ import annotations

import numpy as np
import pytest

from studio.designs.index_map import IndexMap
from studio.designs.structure.borders import border_mask, find_border
from studio.designs.structure.repeat import measure_seams, tile
from studio.designs.structure.repeat_symmetry import mirror_repeat
from studio.designs.structure.symmetry import measure_agreement
from studio.designs.weaving.neighbourhoods import Neighbourhoods
from studio.recompose.recomposer import MEDIUM, STRONG, SUBTLE, Recomposer, read_carpet
from tests.recompose.small_designs import (
    BORDER_YARNS,
    FIELD_YARNS,
    draw_bordered,
    draw_half_drop,
    draw_medallion,
    draw_ornament,
    make_carpet,
)
from tests.support.knots import draw_colours

CLOSED = ("straight", "half-drop", "brick")
CASES = (
    (24, 24, 2, "none", None, None),
    (24, 24, 10, "none", 0, 0),
    (31, 25, 4, "none", 2, -1),
    (96, 80, 10, "none", 0, None),
    (60, 300, 3, "none", 0, 0),
    (200, 150, 4, "none", -5, 3),
    (24, 24, 4, "straight", 0, None),
    (48, 40, 10, "straight", None, None),
    (48, 40, 4, "half-drop", 0, None),
    (49, 40, 4, "half-drop", 0, 0),
    (40, 48, 4, "brick", None, 3),
    (40, 47, 2, "brick", 0, 0),
    (44, 36, 4, "mirror", None, None),
    (45, 60, 10, "mirror", 0, -3),
)


def close(repeat: str) -> str | None:
    return repeat if repeat in CLOSED else None


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_drawing_is_one_of_the_design(case):
    height, width, yarns, repeat, vertical, horizontal = case
    design = draw_ornament(
        height, width, yarns=yarns, repeat=close(repeat), vertical=vertical, horizontal=horizontal, seed=height
    )
    recomposer = Recomposer(make_carpet(design, repeat, vertical, horizontal))
    first, other = recomposer.draw(STRONG, 1), recomposer.draw(STRONG, 2)
    for knots in (first, other):
        assert knots.dtype == np.uint8 and knots.shape == design.shape and knots.flags.c_contiguous
        assert set(np.unique(knots)) <= set(np.unique(design))
        assert np.array_equal(knots, mirror_repeat(knots, close(repeat), vertical, horizontal))
        assert not np.array_equal(knots, design)
    for direction, offset in (("vertical", vertical), ("horizontal", horizontal)):
        if offset is not None:
            assert measure_agreement(first, direction, offset) == 1
    assert not np.array_equal(first, other)
    assert np.array_equal(first, recomposer.draw(STRONG, 1))
    again = Recomposer(make_carpet(design, repeat, vertical, horizontal))
    assert np.array_equal(other, again.draw(STRONG, 2))


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(48, 40), (14, 13), (90, 20)])
@pytest.mark.parametrize(("repeat", "vertical"), [("none", None), ("none", 0), ("half-drop", 0)])
def test_the_kept_part_stays_bit_for_bit(shape, repeat, vertical):
    height, width = shape[0], shape[1] * (2 if vertical == 0 else 1)
    design = draw_ornament(height, width, repeat=close(repeat), vertical=vertical, seed=5)
    kept = np.zeros(design.shape, bool)
    kept[height // 4 : height // 2 + 1] = True
    kept[: height // 4, 1::3] = True
    kept = mirror_repeat(kept, close(repeat), vertical, None)
    carpet = make_carpet(design, repeat, vertical, kept=kept)
    knots = Recomposer(carpet).draw(STRONG, 1)
    assert np.array_equal(knots[kept], design[kept])
    assert min(shape) < 20 or (knots != design)[~kept].any()
    picture = np.ascontiguousarray(carpet.index_map.palette[design][::-1])
    led = Recomposer(carpet).draw_led(picture, 1.0, 1)
    assert np.array_equal(led[kept], design[kept])


@pytest.mark.slow
@pytest.mark.parametrize("free", [0.6, 0.25, 0.1])
def test_what_may_change_beside_a_kept_part_changes_as_much_as_is_wanted(free):
    design = draw_ornament(150, 120)
    kept = np.ones(design.shape, bool)
    edge = (1 - free**0.5) / 2
    kept[tuple(slice(round(side * edge), round(side * (1 - edge))) for side in design.shape)] = False
    recomposer = Recomposer(make_carpet(design, kept=kept))
    means = []
    for change in (SUBTLE, MEDIUM, STRONG):
        drawn = [recomposer.draw(change, seed) for seed in range(3)]
        assert all(np.array_equal(knots[kept], design[kept]) for knots in drawn)
        means.append(np.mean([(knots != design)[~kept].mean() for knots in drawn]))
    assert means[0] < means[1] < means[2]
    assert np.allclose(means, (SUBTLE, MEDIUM, STRONG), rtol=0.4)


@pytest.mark.slow
@pytest.mark.parametrize("change", [MEDIUM, STRONG])
def test_motifs_on_an_axis_are_motifs_on_that_axis(change):
    """No half of another motif is mirrored there."""
    design = draw_ornament(160, 120, vertical=0)
    recomposer = Recomposer(make_carpet(design, "none", 0))
    on_axis = Neighbourhoods([design[:, 56:64]], 8)
    anywhere = Neighbourhoods([design], 8)
    drawn = [recomposer.draw(change, seed) for seed in range(4)]
    assert all((knots != design)[:, 56:64].any() for knots in drawn)
    across = np.concatenate([knots[:, 56:64] for knots in drawn])
    assert on_axis.measure_known(across) > 0.9 * anywhere.measure_known(np.concatenate(drawn))


@pytest.mark.slow
def test_a_medallion_stays_at_its_place_in_a_subtle_variation_and_may_move_in_a_strong_one():
    design = draw_medallion(160, 120)
    recomposer = Recomposer(make_carpet(design, "none", 0, 0))
    medallion = design >= 4
    subtle, strong = (
        [((knots >= 4) & medallion).sum() / ((knots >= 4) | medallion).sum() for knots in drawn]
        for drawn in ([recomposer.draw(change, seed) for seed in range(5)] for change in (SUBTLE, STRONG))
    )
    assert min(subtle) > 0.8
    assert np.mean(strong) < np.mean(subtle) - 0.1


@pytest.mark.slow
@pytest.mark.parametrize("axes", [(None, None), (0, None), (0, 0)])
@pytest.mark.parametrize("shape", [(64, 64), (80, 96)])
def test_yarns_of_the_border_stay_in_the_border_and_those_of_the_field_in_the_field(shape, axes):
    design = draw_bordered(*shape, vertical=axes[0], horizontal=axes[1])
    border = find_border(design)
    assert border is not None
    frame = border_mask(design.shape, border)
    assert set(np.unique(design[frame])) == set(BORDER_YARNS)
    assert set(np.unique(design[~frame])) == set(FIELD_YARNS)
    carpet = make_carpet(design, "none", *axes)
    recomposer = Recomposer(carpet)
    drawn = [recomposer.draw(STRONG, seed) for seed in range(4)]
    drawn += [recomposer.draw_led(np.ascontiguousarray(carpet.index_map.palette[design][:, ::-1] // 2), 1.0, 1)]
    for knots in drawn:
        assert np.isin(knots[frame], BORDER_YARNS).all()
        assert np.isin(knots[~frame], FIELD_YARNS).all()
    assert any((knots != design)[~frame].mean() > 0.1 for knots in drawn)


def measure_known_at_seams(design, knots, repeat, side=8) -> tuple[float, float]:
    """Return the share of known neighbourhoods that cross a seam of a tile laid 2 x 2, and that of the others."""
    known = Neighbourhoods([tile(design, repeat, 3, 3)], side).find_known(tile(knots, repeat, 2, 2))
    at = [np.arange(length) for length in known.shape]
    across = [(places > full - side) & (places < full) for places, full in zip(at, knots.shape, strict=True)]
    crossing = across[0][:, None] | across[1][None, :]
    return float(known[crossing].mean()), float(known[~crossing].mean())


@pytest.mark.slow
@pytest.mark.parametrize("repeat", CLOSED)
def test_a_repeat_is_drawn_on_across_its_seams(repeat):
    design = draw_ornament(96, 80, repeat=repeat)
    recomposer = Recomposer(make_carpet(design, repeat))
    drawn = [recomposer.draw(STRONG, seed) for seed in range(4)]
    crossing, inside = np.mean([measure_known_at_seams(design, knots, repeat) for knots in drawn], axis=0)
    assert inside > 0.75
    assert crossing > 0.8 * inside
    # Drawn as no repeat, the same design does not close.
    alone = Recomposer(make_carpet(design)).draw(STRONG, 1)
    assert measure_known_at_seams(design, alone, repeat)[0] < 0.6 * crossing


@pytest.mark.slow
@pytest.mark.parametrize("repeat", CLOSED)
def test_a_seam_is_no_more_visible_than_any_other_line(repeat):
    """A single line of knots may be by chance, in a design as in a drawing; the mean of several is not."""
    ratios = []
    for seed in range(4):
        design = draw_ornament(200, 160, repeat=repeat, seed=seed)
        recomposer = Recomposer(make_carpet(design, repeat))
        for number in range(4):
            seams = measure_seams(recomposer.carpet.index_map.palette[recomposer.draw(STRONG, number)], repeat)
            ratios.append((seams.horizontal, seams.vertical))
    assert (np.mean(ratios, axis=0) <= 1.1).all()


@pytest.mark.slow
def test_a_half_drop_of_one_motif_stays_whole_motifs():
    design = draw_half_drop(64, 48)
    recomposer = Recomposer(make_carpet(design, "half-drop"))
    known = Neighbourhoods([tile(design, "half-drop", 2, 2)], 8)
    shares = [known.measure_known(tile(recomposer.draw(MEDIUM, seed), "half-drop", 2, 2)) for seed in range(3)]
    assert np.mean(shares) > 0.8


@pytest.mark.slow
def test_a_drawing_is_made_of_the_designs_own_neighbourhoods():
    design = draw_ornament(120, 100, vertical=0)
    recomposer = Recomposer(make_carpet(design, "none", 0))
    small, large = (Neighbourhoods([design], side) for side in (4, 8))
    for change in (SUBTLE, MEDIUM, STRONG):
        for seed in range(3):
            knots = recomposer.draw(change, seed)
            assert small.measure_known(knots) > 0.95
            assert large.measure_known(knots) > 0.8


@pytest.mark.slow
def test_a_led_drawing_takes_the_layout_of_the_picture():
    """Light motifs are put where the picture is light."""
    design = np.zeros((90, 60), np.uint8)
    design[:45] = draw_ornament(45, 60, yarns=3, seed=3)
    palette = np.array([[20, 20, 40], [240, 240, 230], [250, 240, 250]], np.uint8)
    picture = np.ascontiguousarray(palette[design][::-1])
    recomposer = Recomposer(read_carpet(IndexMap(design, palette)))
    led = recomposer.draw_led(picture, 1.0, 1)
    assert set(np.unique(led)) <= {0, 1, 2}
    assert (led[45:] > 0).mean() > 2 * (led[:45] > 0).mean()
    assert (design[:45] > 0).mean() > 0.1 and not design[45:].any()
    assert np.array_equal(led, recomposer.draw_led(picture, 1.0, 1))
    assert not np.array_equal(led, recomposer.draw_led(picture, 1.0, 2))


@pytest.mark.slow
def test_motifs_of_a_second_design_are_drawn_in_the_wanted_share():
    palette = draw_colours(8)
    first = read_carpet(IndexMap(draw_ornament(96, 80, yarns=4), palette))
    second = read_carpet(IndexMap(4 + draw_ornament(80, 90, yarns=4, seed=9), palette))
    shares = []
    for share in (0.2, 0.5, 0.8):
        recomposer = Recomposer(first, second, share)
        shares.append(np.mean([(recomposer.draw(MEDIUM, seed) >= 4).mean() for seed in range(3)]))
    assert np.allclose(shares, (0.2, 0.5, 0.8), atol=0.15)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shape", "axes"), [((14, 90), (None, None)), ((64, 48), (3, -2)), ((200, 150), (0, 0)), ((50, 60), (None, 0))]
)
def test_each_level_is_reported_with_a_picture_of_the_whole_design(shape, axes):
    design = draw_ornament(*shape, vertical=axes[0], horizontal=axes[1])
    recomposer = Recomposer(make_carpet(design, "none", *axes))
    told = []
    knots = recomposer.draw(STRONG, 1, lambda number, show: told.append((number, show())))
    numbers = [number for number, _ in told]
    assert numbers[-recomposer.reports :] == list(range(recomposer.reports))
    assert recomposer.reports > 0
    for _, picture in told:
        assert picture.dtype == np.uint8 and picture.ndim == 3
        ratio = picture.shape[0] / design.shape[0], picture.shape[1] / design.shape[1]
        assert 0 < ratio[0] <= 1 and abs(ratio[0] - ratio[1]) < 0.05
    assert np.array_equal(knots, recomposer.draw(STRONG, 1))
