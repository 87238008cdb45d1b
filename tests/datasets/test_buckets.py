"""Buckets have the model's multiples and area, lose little of a picture, and stretch none."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.datasets import Bucket, Example, fit, measure_crop, plan_buckets
from studio.datasets.buckets import CROP_LIMIT, JOINED_CROP, JOINED_SCALE, measure_growth, measure_scale, plan_sizes
from studio.errors import RequestError

SIDES = st.integers(12, 6000)
SIZES = st.tuples(SIDES, SIDES).filter(lambda size: max(size) <= 4 * min(size))
MODELS = st.sampled_from([(1024, 16, 512), (592, 16, 128), (1024, 8, 64), (512, 16, 512), (1440, 16, 512)])


def plan(*sizes: tuple[int, int], resolution: int = 1024, multiple: int = 16, smallest: int = 512) -> list[Bucket]:
    planned = plan_sizes(Counter(sizes), resolution, multiple, smallest)
    return [planned[size] for size in sizes]


@pytest.mark.slow
@settings(deadline=None, max_examples=40)
@given(sizes=st.lists(SIZES, min_size=1, max_size=12), model=MODELS)
def test_every_plan_keeps_its_bounds(sizes, model):
    resolution, multiple, smallest = model
    planned = plan_sizes(Counter(sizes), *model)
    for size, bucket in planned.items():
        assert bucket.width_px % multiple == bucket.height_px % multiple == 0
        assert bucket.area_px <= resolution**2
        # What is cut off: 4 %, or what one multiple is of the shorter side where that is more.
        assert measure_crop(size, bucket) <= max(CROP_LIMIT, 1.1 * multiple / min(bucket.width_px, bucket.height_px))
        # A picture grows only to reach the model's smallest side, and hardly beyond a whole number of times.
        times = max(1, math.ceil(smallest / min(size)))
        assert measure_scale(size, bucket) <= times * JOINED_SCALE * 1.05


@pytest.mark.slow
@settings(deadline=None, max_examples=40)
@given(sizes=st.lists(SIZES, min_size=2, max_size=30), model=MODELS)
def test_no_two_buckets_of_a_plan_are_nearly_one(sizes, model):
    buckets = sorted(set(plan_sizes(Counter(sizes), *model).values()))
    for i, first in enumerate(buckets):
        for second in buckets[:i]:
            longer = math.sqrt(first.area_px / second.area_px)
            apart = measure_crop((first.width_px, first.height_px), second) > JOINED_CROP
            assert apart or not 1 / JOINED_SCALE <= longer <= JOINED_SCALE, (first, second)


@settings(deadline=None, max_examples=30)
@given(size=st.tuples(st.integers(12, 400), st.integers(12, 400)), across=st.integers(1, 20), down=st.integers(1, 20))
def test_fit_covers_every_bucket_and_never_stretches(size, across, down):
    bucket = Bucket(16 * across, 16 * down)
    height, width = size
    ramp = np.zeros((height, width, 3), np.uint8)
    ramp[..., 0] = np.linspace(0, 255, width)[None]
    ramp[..., 1] = np.linspace(0, 255, height)[:, None]
    fitted = fit(ramp, bucket)
    assert fitted.shape == (bucket.height_px, bucket.width_px, 3)
    assert fitted.dtype == np.uint8
    growth = measure_growth((width, height), bucket)
    assert growth >= measure_scale((width, height), bucket) - 1e-9
    # A ramp keeps its steepness in both directions, and its middle stays in the middle.
    for channel, side, line in (
        (0, width, fitted[bucket.height_px // 2]),
        (1, height, fitted[:, bucket.width_px // 2]),
    ):
        values = line[:, channel].astype(float)
        shown = len(values) / growth
        assert values.max() - values.min() == pytest.approx(
            255 * shown / side, abs=255 * 2 / min(side, shown, len(values)) + 5
        )
        assert values.mean() == pytest.approx(127.5, abs=255 * 1.5 / side + 3)


def test_three_to_four_stays_exactly_three_to_four():
    assert plan((900, 1200)) == [Bucket(864, 1152)]
    assert plan((2400, 3200), (3000, 4000), (1800, 2400)) == [Bucket(864, 1152)] * 3
    assert plan((900, 1200), multiple=8) == [Bucket(864, 1152)]
    assert plan((900, 1200), resolution=592, smallest=128) == [Bucket(480, 640)]
    # One such picture among many of nearly its shape is not cut for their sake.
    assert set(plan((2400, 3200), *[(1204 + i, 1600) for i in range(9)])) == {Bucket(864, 1152)}


def test_squares_and_runners_fill_the_resolution():
    assert plan((2048, 2048), (1024, 1024)) == [Bucket(1024, 1024)] * 2
    assert plan((1000, 4000)) == [Bucket(512, 2048)]


def test_many_scans_of_nearly_one_size_share_one_bucket():
    rng = np.random.default_rng(3)
    sizes = [
        (int(w), int(h)) for w, h in zip(rng.integers(1780, 1821, 200), rng.integers(2380, 2421, 200), strict=True)
    ]
    assert len(set(plan(*sizes))) == 1


def test_a_small_picture_gets_a_bucket_of_its_own_size():
    assert plan((608, 800)) == [Bucket(608, 800)]
    (bucket,) = plan((700, 933))
    assert (bucket.width_px, bucket.height_px) == (688, 928)


def test_a_bucket_is_never_wider_than_the_resolution_allows():
    for resolution in (64, 100, 256):
        for bucket in plan((900, 1200), (300, 1200), (1000, 1000), resolution=resolution):
            assert bucket.area_px <= resolution**2


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(size=SIZES, resolution=st.integers(16, 200))
def test_even_the_smallest_resolution_has_a_bucket_for_every_shape(size, resolution):
    (bucket,) = plan(size, resolution=resolution)
    assert bucket.area_px <= resolution**2
    assert fit(np.zeros((size[1] // 20 + 1, size[0] // 20 + 1, 3), np.uint8), bucket).shape[0] == bucket.height_px


def test_knots_stay_as_they_are_where_no_scaling_is_needed():
    pixels = np.random.default_rng(0).integers(0, 256, (1000, 1000, 3), dtype=np.uint8)
    (bucket,) = plan((1000, 1000))
    assert bucket == Bucket(992, 992)
    assert np.array_equal(fit(pixels, bucket), pixels[4:-4, 4:-4])


def test_few_knots_become_squares_of_pixels():
    knots = np.random.default_rng(1).integers(0, 5, (300, 200))
    pixels = np.array([[170, 35, 40], [240, 230, 205], [30, 50, 110], [20, 20, 22], [60, 120, 60]], np.uint8)[knots]
    (bucket,) = plan((200, 300))
    fitted = fit(pixels, bucket)
    assert measure_growth((200, 300), bucket) == 3
    grown = pixels.repeat(3, 0).repeat(3, 1)
    top, left = (900 - bucket.height_px) // 2, (600 - bucket.width_px) // 2
    assert np.array_equal(fitted, grown[top : top + bucket.height_px, left : left + bucket.width_px])


@pytest.mark.slow
def test_what_is_symmetric_stays_so():
    half = np.random.default_rng(2).integers(0, 256, (600, 450, 3), dtype=np.uint8)
    pixels = np.concatenate([half, half[:, ::-1]], axis=1)
    pixels = np.concatenate([pixels, pixels[::-1]], axis=0)
    for bucket in (Bucket(864, 1152), Bucket(512, 512), Bucket(880, 1184)):
        fitted = fit(pixels, bucket).astype(int)
        assert np.abs(fitted - fitted[:, ::-1]).max() <= 1
        assert np.abs(fitted - fitted[::-1]).max() <= 1


def test_buckets_are_named_by_the_examples_ids():
    examples = [Example("a1", "a.png", "", 900, 1200), Example("b2", "b.png", "", 1024, 1024)]
    assert plan_buckets(examples, 1024, 16, 512) == {"a1": Bucket(864, 1152), "b2": Bucket(1024, 1024)}
    assert plan_buckets([], 1024, 16, 512) == {}


def test_a_variation_takes_the_bucket_of_its_source():
    source = Example("a1", "d/0.png", "", 900, 1200)
    variations = [
        Example("b2", "d/1.png", "", 450, 604, source="a1"),
        Example("c3", "d/2.png", "", 900, 1200, source="lost"),
        Example("d4", "e.png", "", 450, 604),
    ]
    planned = plan_buckets([source, *variations], 1024, 16, 64)
    assert planned["b2"] == planned["a1"] == planned["c3"] == Bucket(864, 1152)
    assert planned["d4"] != planned["a1"]


@pytest.mark.parametrize("resolution", [0, 15, 20_000])
def test_resolutions_that_no_model_draws_are_refused(resolution):
    with pytest.raises(RequestError, match="resolution"):
        plan((900, 1200), resolution=resolution)
