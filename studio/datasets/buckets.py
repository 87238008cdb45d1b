"""Buckets: the few sizes at which pictures of all shapes are trained, without stretching any.

A picture is scaled until it covers its bucket, and what stands over is cut off evenly on both sides.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from studio.designs.index_map import index_colours
from studio.errors import RequestError

CROP_LIMIT = 0.04
"""The largest share of a picture that its bucket cuts off, as far as the multiples allow; see `plan_buckets`."""
JOINED_CROP = 0.025
JOINED_SCALE = 1.1
"""Two buckets are one where the shape of one cuts off no more than this of the other, and neither is longer by more
than this factor: more would blur knots."""
LEAST_AREA = 0.5
"""A bucket has at least this share of the pixels that its pictures have or the resolution allows, where it can."""
CROP_WEIGHT = 10.0
"""One percent cut off weighs as much as ten percent of the area."""
CUT_COST = 0.03
"""What it costs to cut off anything at all: a border stays whole where a bucket has exactly the picture's shape."""
BLENDED_COST = 0.3
"""What it costs to blend a picture's knots, where a whole number would scale it."""


class Sized(Protocol):
    """A picture with an id and a size, and the id of its source if it is one of a pair."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def width_px(self) -> int:
        """Its width."""

    @property
    def height_px(self) -> int:
        """Its height."""

    @property
    def source(self) -> str | None:
        """The id of its source."""


@dataclass(frozen=True, slots=True, order=True)
class Bucket:
    """The size of a training picture in pixels."""

    width_px: int
    height_px: int

    @property
    def area_px(self) -> int:
        """Its number of pixels."""
        return self.width_px * self.height_px

    def __str__(self) -> str:
        return f"{self.width_px} x {self.height_px}"


def plan_buckets(
    examples: Iterable[Sized], resolution_px: int, multiple_px: int, smallest_px: int = 1
) -> dict[str, Bucket]:
    """Return the bucket of each picture by its id, few buckets for many pictures.

    Both sides of a bucket are multiples of `multiple_px`, and it has at most `resolution_px` squared pixels. 3:4 stays
    exactly 3:4: 864 x 1152 at 1024. A smaller picture gets a bucket of its own size rather than being enlarged. Only
    where its shorter side is below `smallest_px` it is enlarged by a whole number, so that knots stay squares. At most
    4 % of a picture is cut off, or what `multiple_px` at that size makes necessary. A variation takes the bucket of its
    source, so that the two can be trained as a pair. Raises `RequestError` for a resolution below one multiple or above
    16 384.
    """
    listed = list(examples)
    sizes = {one.id: (one.width_px, one.height_px) for one in listed}
    planned = plan_sizes(Counter(sizes.values()), resolution_px, multiple_px, smallest_px)
    return {one.id: planned[sizes.get(one.source or "", sizes[one.id])] for one in listed}


def plan_sizes(
    counts: Mapping[tuple[int, int], int], resolution_px: int, multiple_px: int, smallest_px: int = 1
) -> dict[tuple[int, int], Bucket]:
    """Return the bucket of each (width, height) as `plan_buckets` does; `counts` says how many pictures have it."""
    if multiple_px < 1 or not multiple_px <= resolution_px <= 16_384:
        raise RequestError(
            f"The resolution is {resolution_px}. It is at least {multiple_px}, the step of this model's sizes; "
            "1024 suits Stable Diffusion 3.5."
        )
    wishes = {size: _find_best(size, resolution_px**2, multiple_px, smallest_px) for size in counts}
    # Sizes that pictures have already come first, then shapes that they have, then what most of them wish for.
    wanted: Counter[Bucket] = Counter()
    own: Counter[Bucket] = Counter()
    exact: Counter[Bucket] = Counter()
    for size, bucket in wishes.items():
        wanted[bucket] += counts[size]
        own[bucket] += counts[size] * (size == (bucket.width_px, bucket.height_px))
        exact[bucket] += counts[size] * (measure_crop(size, bucket) == 0)
    kept: dict[Bucket, Bucket] = {}
    for bucket in sorted(wanted, key=lambda one: (-own[one], -exact[one], -wanted[one], -one.area_px, one)):
        alike = [other for other in kept.values() if _are_alike(bucket, other)]
        kept[bucket] = min(alike, key=lambda other: (_crop_bucket(bucket, other), other), default=bucket)
    return {size: kept[bucket] for size, bucket in wishes.items()}


def measure_crop(size: tuple[int, int], bucket: Bucket) -> float:
    """Return the share of a picture of (width, height) that is cut off where it is scaled to cover a bucket, 0 to 1."""
    first, second = size[0] * bucket.height_px, size[1] * bucket.width_px
    return 1 - min(first, second) / max(first, second)


def measure_scale(size: tuple[int, int], bucket: Bucket) -> float:
    """Return the factor by which a picture of (width, height) is scaled to cover a bucket."""
    return max(bucket.width_px / size[0], bucket.height_px / size[1])


def measure_growth(size: tuple[int, int], bucket: Bucket) -> float:
    """Return the factor by which `fit` scales the sides of a picture of (width, height)."""
    return _find_whole_scale(size, bucket) or measure_scale(size, bucket)


def fit(pixels: NDArray[np.uint8], bucket: Bucket) -> NDArray[np.uint8]:
    """Return a picture uint8 (h, w, 3) at the size of its bucket, uint8 (height_px, width_px, 3).

    It covers the bucket, is cut off evenly on both sides, and is never stretched. Where a whole number, such as 1,
    scales it large enough with at most 4 % standing over, its knots are not blended: each becomes one pixel or, in a
    picture of at most 64 colours, a square of pixels. Otherwise it is resampled: by Lanczos, or where the knots of
    such a picture grow by averages of squares of pixels. Raises `ValueError` for other arrays.
    """
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8 or not pixels.size:
        raise ValueError(f"pixels of {pixels.dtype} {pixels.shape}; give uint8 of (height, width, 3)")
    height, width = pixels.shape[:2]
    times = _find_whole_scale((width, height), bucket)
    if times == 1:
        return _cut(pixels, bucket)
    scale = measure_scale((width, height), bucket)
    image = Image.fromarray(pixels)
    form = Image.Resampling.LANCZOS
    if scale > 1 and index_colours(image) is not None:
        whole = times or math.ceil(scale)
        pixels = pixels.repeat(whole, axis=0).repeat(whole, axis=1)
        if times:
            return _cut(pixels, bucket)
        image, form, scale = Image.fromarray(pixels), Image.Resampling.BOX, scale / whole
    across, down = min(bucket.width_px / scale, image.width), min(bucket.height_px / scale, image.height)
    left, top = (image.width - across) / 2, (image.height - down) / 2
    size = (bucket.width_px, bucket.height_px)
    return np.asarray(image.resize(size, form, box=(left, top, left + across, top + down)))


def _find_whole_scale(size: tuple[int, int], bucket: Bucket) -> int | None:
    """Return the least whole number that makes a picture cover its bucket, None where too much would stand over."""
    times = math.ceil(measure_scale(size, bucket) - 1e-9)
    over = 1 - bucket.area_px / (times * times * size[0] * size[1])
    return times if over <= CROP_LIMIT else None


def _cut(pixels: NDArray[np.uint8], bucket: Bucket) -> NDArray[np.uint8]:
    top, left = (pixels.shape[0] - bucket.height_px) // 2, (pixels.shape[1] - bucket.width_px) // 2
    return np.ascontiguousarray(pixels[top : top + bucket.height_px, left : left + bucket.width_px])


def _find_best(size: tuple[int, int], area_px: int, multiple_px: int, smallest_px: int) -> Bucket:
    """Return the bucket that suits a size alone: nearly its shape, and as large as its pixels and the area allow."""
    width, height = size
    times = max(1, math.ceil(smallest_px / min(size)))
    own_px = min(area_px, times * times * width * height)
    widest = math.ceil(math.sqrt(area_px * width / height) / multiple_px)
    candidates = {Bucket(multiple_px, multiple_px)} | {
        Bucket(across * multiple_px, down * multiple_px)
        for across in range(1, widest + 1)
        for exact in (across * height / width,)
        for down in (max(1, math.floor(exact)), math.ceil(exact))
        if across * down * multiple_px**2 <= area_px
    }
    suited = [one for one in candidates if _is_suited(one, size, own_px, smallest_px)]
    suited = suited or [one for one in candidates if one.area_px <= own_px] or list(candidates)

    def cost(bucket: Bucket) -> tuple[float, Bucket]:
        """Return the cost of what is cut off, of pixels that are not used, and of blended knots."""
        unused = 1 - min(bucket.area_px, own_px) / own_px
        if own_px < area_px and _find_whole_scale(size, bucket) is not None:
            return CROP_WEIGHT * unused + CUT_COST * (unused > 0), bucket
        cut = measure_crop(size, bucket)
        return CROP_WEIGHT * cut + CUT_COST * (cut > 0) + unused + BLENDED_COST * (own_px < area_px), bucket

    return min(suited, key=cost)


def _is_suited(bucket: Bucket, size: tuple[int, int], own_px: int, smallest_px: int) -> bool:
    """Return whether a bucket uses the pixels that there are, and is as wide as the model needs where they suffice."""
    shorter = math.sqrt(own_px * min(size) / max(size))
    wide = shorter < smallest_px or min(bucket.width_px, bucket.height_px) >= smallest_px
    return wide and LEAST_AREA * own_px <= bucket.area_px <= own_px


def _are_alike(first: Bucket, second: Bucket) -> bool:
    """Return whether two buckets differ so little that one of them does for both."""
    longer = math.sqrt(first.area_px / second.area_px)
    return _crop_bucket(first, second) <= JOINED_CROP and 1 / JOINED_SCALE <= longer <= JOINED_SCALE


def _crop_bucket(first: Bucket, second: Bucket) -> float:
    return measure_crop((first.width_px, first.height_px), second)
