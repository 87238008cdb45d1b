"""Canvases: working sizes, padding, and the design fitted and restored."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from studio.designs import Canvas, fit, plan_canvas, unfit
from studio.errors import RequestError
from tests.support.design_files import draw_noise

SIDES = st.integers(1, 1500)
AREAS = st.integers(1024, 400_000)
MULTIPLES = st.sampled_from([1, 8, 16, 32, 64])
SMALLEST = st.sampled_from([1, 16, 192, 250])


@given(SIDES, SIDES, AREAS, MULTIPLES, SMALLEST)
@settings(max_examples=300, deadline=None)
def test_canvas_sizes_are_within_their_limits(width, height, area, multiple, smallest):
    canvas = plan_canvas(width, height, working_pixels=area, multiple_px=multiple, smallest_px=smallest)
    working = canvas.working_width_px, canvas.working_height_px
    assert working[0] * working[1] <= area
    assert canvas.scaled == (width * height > area)
    if not canvas.scaled:
        assert working == (width, height)
    for side, padded, offset in (
        (working[0], canvas.padded_width_px, canvas.left_px),
        (working[1], canvas.padded_height_px, canvas.top_px),
    ):
        assert padded % multiple == 0 and padded >= max(side, smallest)
        assert padded - max(side, smallest) < multiple
        assert offset == (padded - side) // 2


@given(st.integers(32, 4000), st.floats(0.25, 4), st.sampled_from([110_592, 262_144, 1_048_576]))
@settings(max_examples=300, deadline=None)
def test_scaled_canvas_keeps_the_aspect_and_most_of_the_area(width, aspect, area):
    height = max(round(width * aspect), 32)
    canvas = plan_canvas(width, height, working_pixels=area, multiple_px=16, smallest_px=192)
    scale_x, scale_y = canvas.working_width_px / width, canvas.working_height_px / height
    # One side is rounded by at most one pixel.
    assert (
        abs(scale_x * height - canvas.working_height_px) <= 1.01
        or abs(scale_y * width - canvas.working_width_px) <= 1.01
    )
    if canvas.scaled:
        assert canvas.working_width_px * canvas.working_height_px >= 0.78 * area


@pytest.mark.slow
@given(SIDES.filter(lambda n: n < 200), SIDES.filter(lambda n: n < 200), MULTIPLES, SMALLEST, st.integers(0, 99))
@settings(max_examples=100, deadline=None)
def test_unfit_inverts_fit(width, height, multiple, smallest, seed):
    canvas = plan_canvas(width, height, working_pixels=40_000, multiple_px=multiple, smallest_px=smallest)
    image = draw_noise(width, height, seed)
    fitted = fit(image, canvas)
    assert fitted.mode == "RGB" and fitted.size == (canvas.padded_width_px, canvas.padded_height_px)
    assert np.array_equal(np.asarray(unfit(fitted, canvas)), np.asarray(image))


def test_padding_reflects_the_design_with_its_edge():
    row = np.arange(32, dtype=np.uint8) * 5
    canvas = plan_canvas(32, 32, working_pixels=4096, multiple_px=100, smallest_px=1)
    fitted = np.asarray(fit(Image.fromarray(np.tile(row, (32, 1))), canvas))
    assert (canvas.left_px, canvas.top_px) == (34, 34)
    assert fitted[50, :, 0].tolist() == [*row[-2:], *row[::-1], *row, *row[::-1], *row[:2]]


@given(st.integers(1, 90), st.integers(1, 90), MULTIPLES, SMALLEST)
@settings(max_examples=100, deadline=None)
def test_symmetric_designs_stay_symmetric_where_the_padding_is_even(half, height, multiple, smallest):
    canvas = plan_canvas(2 * half, height, working_pixels=40_000, multiple_px=multiple, smallest_px=smallest)
    pixels = np.asarray(draw_noise(half, height))
    fitted = np.asarray(fit(Image.fromarray(np.concatenate([pixels, pixels[:, ::-1]], 1)), canvas))
    if (canvas.padded_width_px - canvas.working_width_px) % 2 == 0:
        assert np.array_equal(fitted, fitted[:, ::-1])
    else:  # the axis lies half a pixel left of the middle
        assert np.array_equal(fitted[:, :-1], fitted[:, -2::-1])


@pytest.mark.parametrize(
    ("size", "area", "working", "padded"),
    [
        ((900, 1200), 2_000_000, (900, 1200), (912, 1200)),
        ((900, 1200), 110_592, (288, 384), (288, 384)),
        ((1200, 900), 110_592, (384, 288), (384, 288)),
        ((2400, 3600), 1_048_576, (832, 1248), (832, 1248)),
        ((300, 1200), 110_592, (166, 664), (192, 672)),
        ((40, 50), 110_592, (40, 50), (192, 192)),
        # a little smaller for a closer aspect ratio: 318 x 814 rather than 319 x 816
        ((555, 1421), 262_144, (318, 814), (320, 816)),
        # a little smaller for even padding: 398 x 276 rather than 399 x 277
        ((1525, 1057), 110_592, (398, 276), (400, 288)),
    ],
)
def test_canvases_of_usual_sizes(size, area, working, padded):
    canvas = plan_canvas(*size, working_pixels=area, multiple_px=16, smallest_px=192 if area < 10**6 else 16)
    assert (canvas.working_width_px, canvas.working_height_px) == working
    assert (canvas.padded_width_px, canvas.padded_height_px) == padded


@pytest.mark.parametrize("size", [(900, 1200), (300, 1200), (1200, 300), (1201, 901)])
def test_a_scaled_design_is_restored_at_its_size_and_place(size):
    canvas = plan_canvas(*size, working_pixels=110_592, multiple_px=16, smallest_px=192)
    x, y = np.meshgrid(np.linspace(0, 255, size[0]), np.linspace(0, 255, size[1]))
    image = Image.fromarray(np.stack([x, y, x / 2 + y / 2], -1).astype(np.uint8))
    back = unfit(fit(image, canvas), canvas)
    assert canvas.scaled and back.size == size
    assert np.abs(np.asarray(back).astype(int) - np.asarray(image).astype(int)).max() <= 3


def test_impossible_sizes_are_refused():
    for width, height, area, multiple, smallest in itertools.chain(
        [(0, 10, 4096, 16, 16), (10, 0, 4096, 16, 16), (10, 10, 1023, 16, 16), (10, 10, 4096, 0, 16)],
        [(10, 10, 4096, 16, 0)],
    ):
        with pytest.raises(ValueError, match="cannot plan"):
            plan_canvas(width, height, working_pixels=area, multiple_px=multiple, smallest_px=smallest)
    with pytest.raises(ValueError, match="no canvas"):
        Canvas(10, 10, 10, 10, 16, 16, 7, 3)
    canvas = plan_canvas(40, 50, working_pixels=4096, multiple_px=16, smallest_px=16)
    with pytest.raises(ValueError, match="41 x 50"):
        fit(draw_noise(41, 50), canvas)
    with pytest.raises(ValueError, match="40 x 50"):
        unfit(draw_noise(40, 50), canvas)


@pytest.mark.parametrize("size", [(12, 12), (40, 15), (15, 40)])
def test_a_repeat_smaller_than_the_model_draws_is_refused_with_what_to_do(size):
    limits = {"working_pixels": 4096, "multiple_px": 16, "smallest_px": 64}
    with pytest.raises(
        RequestError, match=rf"repeat has {size[0]} × {size[1]} knots.*at least 16 a side. Draw it from"
    ):
        plan_canvas(*size, **limits, repeat="half-drop")
    assert plan_canvas(*size, **limits).padded_width_px == 64
    assert plan_canvas(16, 24, **limits, repeat="half-drop").working_width_px == 16
