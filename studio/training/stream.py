"""Endless carpets for the trainings: every design is a pure function of its number.

Nothing about the order of the data has to be saved: step 700 sees the same designs whether or not the training was
cut before it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from studio.training.carpets import draw_layout, dress

HELD_OUT_SEEDS = range(1_000_000, 1_001_000)
"""Layout seeds for measuring. No training ever draws them: it counts from `TRAINING_SEEDS` on, upwards."""
TRAINING_SEEDS = 2_000_000

SMALL_SIZES_PX = ((192, 256), (256, 192), (224, 224), (176, 288), (160, 304))
LARGE_SIZES_PX = ((288, 384), (384, 288), (336, 336), (256, 432), (224, 432), (384, 512), (512, 688), (688, 512))
"""Width and height. Multiples of 16, aspects from 1:2 to 2:1."""


LARGE_CROPS = 0.8
"""Part of the crops for the VAE that come from large pictures: most designs are worked on as large as they fit."""


@dataclass(frozen=True, slots=True)
class Example:
    """A carpet to learn from: uint8 (h, w, 3) pixels and a caption that is true of them."""

    pixels: NDArray[np.uint8]
    caption: str


def draw_example(number: int, width_px: int, height_px: int) -> Example:
    """Return training example `number` at this size.

    One in seven is drawn larger and shrunk, as the studio shrinks designs beyond its working size: its edges are
    blended, and its motifs smaller.
    """
    rng = np.random.default_rng([number, 11])
    seed = TRAINING_SEEDS + number
    scale = rng.uniform(1.2, 1.8) if rng.random() < 0.15 else 1.0
    drawn_px = (round(width_px * scale), round(height_px * scale))
    carpet = dress(draw_layout(seed, *drawn_px), seed)
    pixels = carpet.pixels
    if scale > 1:
        pixels = np.asarray(Image.fromarray(pixels).resize((width_px, height_px), Image.Resampling.LANCZOS))
    return Example(pixels, carpet.caption)


def draw_crops(number: int, side_px: int, count: int) -> list[NDArray[np.uint8]]:
    """Return square crops (side, side, 3) of example `number`, flipped and turned by chance.

    One in eight wears colours drawn blindly: designs of other makers keep to no yarn family.
    """
    rng = np.random.default_rng([number, 12])
    sizes = LARGE_SIZES_PX if rng.random() < LARGE_CROPS else SMALL_SIZES_PX
    pixels = draw_example(number, *sizes[rng.integers(len(sizes))]).pixels
    crops = []
    for _ in range(count):
        top = rng.integers(pixels.shape[0] - side_px + 1)
        left = rng.integers(pixels.shape[1] - side_px + 1)
        crop = np.rot90(pixels[top : top + side_px, left : left + side_px], rng.integers(4))
        crop = crop[:, ::-1] if rng.random() < 0.5 else crop
        crops.append(_recolour(crop, rng) if rng.random() < 0.125 else crop)
    return crops


def draw_held_out(place: int, width_px: int, height_px: int, family: str | None = None) -> Example:
    """Return the held-out example at this place of `HELD_OUT_SEEDS`."""
    seed = HELD_OUT_SEEDS[place]
    carpet = dress(draw_layout(seed, width_px, height_px, family), seed)
    return Example(carpet.pixels, carpet.caption)


def _recolour(pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Turn the colour cube (axes swapped and reversed), so that flat areas stay flat and edges stay edges."""
    turned = pixels[..., rng.permutation(3)]
    flips = rng.random(3) < 0.5
    return np.where(flips, 255 - turned, turned).astype(np.uint8)
