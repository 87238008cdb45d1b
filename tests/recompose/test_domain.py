"""The part of a design that is drawn, and what lies beside it, agree with the structure of the whole design."""

from __future__ import annotations

import numpy as np
import pytest

from studio.designs.structure import repeat as repeats
from studio.designs.structure.repeat_symmetry import mirror_repeat
from studio.designs.structure.symmetry import measure_agreement, mirror
from studio.recompose.domain import END, find_domain

CLOSED = ("straight", "half-drop", "brick")
SHAPES = ((9, 12), (12, 9), (11, 13))
AXES = ((None, None), (0, None), (None, 0), (0, 0), (3, -2), (-4, 5), (1, None), (None, -1))


def draw_noise(shape, seed=0) -> np.ndarray:
    """Draw numbers that are nearly all different, so that each knot tells where it came from."""
    return np.random.default_rng(seed).integers(0, 1 << 30, shape)


def list_axes(shape):
    """Return pairs of offsets: each offset alone in both directions, and all of AXES."""
    height, width = shape
    across = [(offset, None) for offset in range(1 - width, width)]
    down = [(None, offset) for offset in range(1 - height, height)]
    return [*across, *down, *AXES]


@pytest.mark.parametrize("repeat", ["none", "mirror"])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_part_unfolds_to_the_mirrored_design(shape, repeat):
    knots = draw_noise(shape)
    for vertical, horizontal in list_axes(shape):
        domain = find_domain(shape, repeat, vertical, horizontal)
        part = domain.cut(knots)
        assert part.shape == domain.size
        assert np.array_equal(domain.unfold(part), mirror(knots, vertical, horizontal))
        assert domain.fold(part) is part


@pytest.mark.parametrize("pad", [1, 4, 7])
@pytest.mark.parametrize("shape", SHAPES)
def test_beside_the_part_lies_what_the_whole_design_has_there(shape, pad):
    for vertical, horizontal in list_axes(shape):
        domain = find_domain(shape, "none", vertical, horizontal)
        whole = mirror(draw_noise(shape), vertical, horizontal)
        padded = domain.surround(domain.cut(whole), pad)
        top, left, bottom, right = domain.pads(pad)
        assert padded.shape == (domain.size[0] + top + bottom, domain.size[1] + left + right)
        ys = np.arange(domain.rows.start - top, domain.rows.stop + bottom)
        xs = np.arange(domain.columns.start - left, domain.columns.stop + right)
        rows, columns = (ys >= 0) & (ys < shape[0]), (xs >= 0) & (xs < shape[1])
        assert np.array_equal(padded[rows][:, columns], whole[ys[rows]][:, xs[columns]])
        # Beyond the end of a design lies nothing; beyond an axis lies its mirror image.
        edges = domain.top, domain.left, domain.bottom, domain.right
        assert (top, left, bottom, right) == tuple(0 if edge == END else pad for edge in edges)
        assert (domain.left == END) == (vertical is None or vertical >= 0)
        assert (domain.right == END) == (vertical is None or vertical < 0)


@pytest.mark.parametrize("pad", [1, 4, 7])
@pytest.mark.parametrize("shape", [(24, 27), (25, 22)])
def test_beside_a_mirror_repeat_lie_its_mirror_images(shape, pad):
    for vertical, horizontal in list_axes(shape):
        domain = find_domain(shape, "mirror", vertical, horizontal)
        beyond = zip((horizontal, vertical), shape, domain.size, strict=True)
        if any(offset is not None and whole - part < pad for offset, whole, part in beyond):
            continue  # the edge of the design lies between the axis and the last knot that is looked at
        whole = mirror(draw_noise(shape), vertical, horizontal)
        padded = domain.surround(domain.cut(whole), pad)
        cloth = repeats.surround(whole, "mirror", pad)
        ys = np.arange(domain.rows.start - pad, domain.rows.stop + pad)
        xs = np.arange(domain.columns.start - pad, domain.columns.stop + pad)
        assert domain.pads(pad) == (pad, pad, pad, pad)
        assert np.array_equal(padded, cloth[ys + pad][:, xs + pad])


@pytest.mark.parametrize("pad", [1, 7, 20])
@pytest.mark.parametrize("repeat", CLOSED)
@pytest.mark.parametrize("shape", SHAPES)
def test_beside_a_repeat_lies_the_next_one(shape, repeat, pad):
    knots = draw_noise(shape)
    domain = find_domain(shape, repeat, None, None)
    assert domain.size == shape
    assert np.array_equal(domain.unfold(domain.cut(knots)), knots)
    assert np.array_equal(domain.surround(knots, pad), repeats.surround(knots, repeat, pad))


@pytest.mark.parametrize("repeat", CLOSED)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_symmetric_repeat_is_folded_as_a_cloth(shape, repeat):
    knots = draw_noise(shape)
    for vertical, horizontal in list_axes(shape):
        domain = find_domain(shape, repeat, vertical, horizontal)
        folded = domain.fold(knots)
        assert np.array_equal(folded, mirror_repeat(knots, repeat, vertical, horizontal))
        assert np.array_equal(domain.unfold(folded), folded)


@pytest.mark.parametrize("repeat", CLOSED)
def test_a_smaller_picture_of_a_repeat_is_folded_about_axes_at_its_own_scale(repeat):
    small = draw_noise((12, 16))
    for vertical, horizontal in ((0, None), (None, 0), (4, -2), (-8, 6)):
        doubled = (None if offset is None else 2 * offset for offset in (vertical, horizontal))
        domain = find_domain((24, 32), repeat, *doubled)
        assert np.array_equal(domain.fold(small), mirror_repeat(small, repeat, vertical, horizontal))


def test_levels_keep_the_sides_even_that_the_repeat_halves():
    shape = (50, 70)
    for scale in np.linspace(0.1, 0.99, 30):
        assert find_domain(shape, "half-drop", None, None).level_size(scale, 8)[0] % 2 == 0
        assert find_domain(shape, "brick", None, None).level_size(scale, 8)[1] % 2 == 0
        height, width = find_domain(shape, "none", None, None).level_size(scale, 8)
        assert (height, width) == (max(round(50 * scale), 8), max(round(70 * scale), 8))
    assert find_domain((5, 70), "none", None, None).level_size(0.1, 8) == (5, 8)


@pytest.mark.parametrize("repeat", ["none", "mirror", "straight"])
def test_a_picture_of_a_level_shows_the_whole_design(repeat):
    knots = draw_noise((24, 30))
    for vertical, horizontal in ((None, None), (0, None), (0, 0), (4, -3)):
        domain = find_domain(knots.shape, repeat, vertical, horizontal)
        whole = mirror_repeat(knots, None if repeat == "none" else repeat, vertical, horizontal)
        part = domain.cut(whole)
        assert np.array_equal(domain.unfold_level(part, knots.shape), domain.unfold(part))
    domain = find_domain((240, 300), "none", 0, 0)
    shown = domain.unfold_level(np.random.default_rng(1).integers(0, 256, (12, 15), dtype=np.uint8), (24, 30))
    assert measure_agreement(shown, "vertical", 0) == measure_agreement(shown, "horizontal", 0) == 1


def test_an_axis_outside_the_design_is_refused():
    with pytest.raises(ValueError, match="an offset of 12"):
        find_domain((10, 12), "none", 12, None).unfold(np.zeros((10, 12)))
