"""Fitting a design to the picture that a model draws: scaling down, padding, and back to the design's own size."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

from studio.designs.structure.repeat import surround
from studio.errors import RequestError

SMALLEST_WORKING_PIXELS = 1024
SHRINK_LIMIT = 0.9
"""Each side of a scaled design is at least this part of what the area allows; smaller sides can save padding."""
ASPECT_WEIGHT = 4.0
ODD_WEIGHT = 0.01
RESIZE_MARGIN_PX = 64
"""Width of the neighbouring repeats included when a repeat is scaled: more than the Lanczos filter reaches."""


@dataclass(frozen=True, slots=True)
class Canvas:
    """Where a design lies in the picture that a model draws. All sizes in pixels.

    The design has the size `design_*`. The model draws it at `working_*`, the same size or a smaller one, in a picture
    of size `padded_*`, a multiple of what the model needs. `left_px` and `top_px` are the design's offset in that
    picture. The padding is centred: where the padding of a direction is even in total, a symmetric design stays
    symmetric; where it is odd, right or bottom gets one pixel more and the axis lies half a pixel off the middle.
    A canvas with a `repeat` has no padding, since the design continues as itself. Raises `ValueError` for sizes that
    do not fit inside one another.
    """

    design_width_px: int
    design_height_px: int
    working_width_px: int
    working_height_px: int
    padded_width_px: int
    padded_height_px: int
    left_px: int
    top_px: int
    repeat: str | None = None

    def __post_init__(self) -> None:
        for design, working, padded, offset in (
            (self.design_width_px, self.working_width_px, self.padded_width_px, self.left_px),
            (self.design_height_px, self.working_height_px, self.padded_height_px, self.top_px),
        ):
            if not (1 <= working <= design and 0 <= offset <= padded - working):
                raise ValueError(f"no canvas: design {design}, working {working}, padded {padded}, offset {offset} px")
            if self.repeat is not None and working != padded:
                raise ValueError(f"no canvas: a repeat of {working} px padded to {padded} px would not close")

    @property
    def padding_px(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Padding as `np.pad` takes it: (above, below), (left, right)."""
        right = self.padded_width_px - self.working_width_px - self.left_px
        bottom = self.padded_height_px - self.working_height_px - self.top_px
        return (self.top_px, bottom), (self.left_px, right)

    @property
    def scaled(self) -> bool:
        """Whether the model draws at a smaller size than the design's, so that the result has to be enlarged."""
        return (self.working_width_px, self.working_height_px) != (self.design_width_px, self.design_height_px)


def plan_canvas(
    width_px: int,
    height_px: int,
    *,
    working_pixels: int,
    multiple_px: int,
    smallest_px: int,
    repeat: str | None = None,
) -> Canvas:
    """Return the canvas for a design of `width_px` x `height_px`.

    A design of more than `working_pixels` (an area, at least 1024) is scaled down to at most that area. Its aspect
    ratio is kept as closely as whole pixels allow. No design is scaled up. The padded sides are multiples of
    `multiple_px` and at least `smallest_px`. With a `repeat` the working sides are rounded down to multiples of
    `multiple_px`, so that the repeat closes in what the model draws. Raises `ValueError` for sizes below 1 and for a
    working area below 1024, and `RequestError` for a repeat smaller than one multiple.
    """
    if min(width_px, height_px, multiple_px, smallest_px) < 1 or working_pixels < SMALLEST_WORKING_PIXELS:
        raise ValueError(
            f"cannot plan {width_px} x {height_px} px on {working_pixels} working pixels in multiples of "
            f"{multiple_px} from {smallest_px} px; sizes are at least 1, the working area {SMALLEST_WORKING_PIXELS}"
        )

    def pad(side_px: int) -> int:
        return math.ceil(max(side_px, smallest_px) / multiple_px) * multiple_px

    def cost(size: tuple[int, int]) -> float:
        """Return the cost of a working size: lost detail, padding, distortion, and symmetry broken by odd padding."""
        working_w, working_h = size
        padded_w, padded_h = pad(working_w), pad(working_h)
        area = working_w * working_h
        waste = (working_pixels - area + padded_w * padded_h - area) / working_pixels
        distortion = abs(math.log(working_w * height_px / (working_h * width_px)))
        odd = (padded_w - working_w) % 2 + (padded_h - working_h) % 2
        return waste + ASPECT_WEIGHT * distortion + ODD_WEIGHT * odd

    working_w, working_h = width_px, height_px
    if width_px * height_px > working_pixels:
        working_w, working_h = min(_list_sizes(width_px, height_px, working_pixels), key=cost)
    if repeat is not None:
        tiled_w, tiled_h = (max(side // multiple_px, 1) * multiple_px for side in (working_w, working_h))
        if tiled_w > width_px or tiled_h > height_px:
            raise RequestError(
                f"This repeat has {width_px} × {height_px} knots, and the model draws repeats of at least "
                f"{multiple_px} a side. Draw it from its motifs alone, or set Repeat to none."
            )
        return Canvas(width_px, height_px, tiled_w, tiled_h, tiled_w, tiled_h, 0, 0, repeat)
    padded_w, padded_h = pad(working_w), pad(working_h)
    left, top = (padded_w - working_w) // 2, (padded_h - working_h) // 2
    return Canvas(width_px, height_px, working_w, working_h, padded_w, padded_h, left, top)


def fit(design_image: Image.Image, canvas: Canvas) -> Image.Image:
    """Return the RGB picture of the padded size that the model starts from.

    The design is scaled down with a Lanczos filter where the canvas is `scaled`, then padded by reflection with the
    edge pixels included, repeatedly for a tiny design. Raises `ValueError` for an image of another size than
    the canvas's design.
    """
    _check_image(design_image, canvas.design_width_px, canvas.design_height_px)
    image = design_image.convert("RGB")
    if canvas.scaled:
        image = resize(image, (canvas.working_width_px, canvas.working_height_px), canvas.repeat)
    return Image.fromarray(np.pad(np.asarray(image), (*canvas.padding_px, (0, 0)), mode="symmetric"))


def unfit(image: Image.Image, canvas: Canvas) -> Image.Image:
    """Return the RGB picture of the design's size from one of the padded size: the inverse of `fit`.

    The padding is cropped and a scaled design enlarged with a Lanczos filter. `unfit(fit(x, c), c)` equals x exactly
    where nothing was scaled. Raises `ValueError` for an image of another size than the padded one.
    """
    content = crop(image, canvas)
    if canvas.scaled:
        content = resize(content, (canvas.design_width_px, canvas.design_height_px), canvas.repeat)
    return content


def crop(image: Image.Image, canvas: Canvas) -> Image.Image:
    """Return the RGB picture of the working size from one of the padded size; raises `ValueError` for another size."""
    _check_image(image, canvas.padded_width_px, canvas.padded_height_px)
    left, top = canvas.left_px, canvas.top_px
    return image.convert("RGB").crop((left, top, left + canvas.working_width_px, top + canvas.working_height_px))


def resize(image: Image.Image, size_px: tuple[int, int], repeat: str | None = None) -> Image.Image:
    """Return an image scaled with a Lanczos filter, which at the edges of a `repeat` sees the neighbouring repeats."""
    if repeat is None:
        return image.resize(size_px, Image.Resampling.LANCZOS)
    width, height, margin = *image.size, RESIZE_MARGIN_PX
    cloth = Image.fromarray(surround(np.asarray(image), repeat, margin))
    return cloth.resize(size_px, Image.Resampling.LANCZOS, box=(margin, margin, margin + width, margin + height))


def _list_sizes(width_px: int, height_px: int, working_pixels: int) -> Iterator[tuple[int, int]]:
    """Yield whole-pixel sizes close to the design's aspect ratio, from SHRINK_LIMIT to all of what the area allows."""
    shrink = math.sqrt(working_pixels / (width_px * height_px))
    for width in _list_sides(width_px, shrink):
        height = min(max(round(width * height_px / width_px), 1), working_pixels // width)
        if height >= 1:
            yield width, height
    for height in _list_sides(height_px, shrink):
        width = min(max(round(height * width_px / height_px), 1), working_pixels // height)
        if width >= 1:
            yield width, height


def _list_sides(side_px: int, shrink: float) -> range:
    largest = max(math.floor(side_px * shrink), 1)
    return range(max(math.floor(largest * SHRINK_LIMIT), 1), largest + 1)


def _check_image(image: Image.Image, width_px: int, height_px: int) -> None:
    if image.size != (width_px, height_px):
        raise ValueError(f"the image has {image.width} x {image.height} px, the canvas {width_px} x {height_px} px")
