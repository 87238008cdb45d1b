"""Generated training and held-out examples; each is a pure function of its number.

So no data order is saved: step 700 sees the same designs in an interrupted training and in an uninterrupted one.

A colourway is a drawing in one choice of yarns; number 0 is the example's own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from studio.carpets.captions import name_family
from studio.carpets.generator import FAMILIES, Carpet, draw_layout, dress

HELD_OUT_SEEDS = range(1_000_000, 1_001_000)
"""Layout seeds of the held-out set. Training uses the seeds from `TRAINING_SEEDS` upwards."""
TRAINING_SEEDS = 2_000_000
COLOURWAY_SEED_STEP = 500_000_000
"""Distance between the seeds of one design's colourways."""

SMALL_SIZES_PX = ((192, 256), (256, 192), (224, 224), (176, 288), (160, 304))
LARGE_SIZES_PX = ((288, 384), (384, 288), (336, 336), (256, 432), (224, 432), (384, 512), (512, 688), (688, 512))
"""Width and height of the training pictures: multiples of 16, aspect ratios from 1:2 to 2:1."""

LARGE_SOURCE_SHARE = 0.8
"""Share of crop sources of a large size: at inference most designs have the largest size that fits."""


@dataclass(frozen=True, slots=True)
class Example:
    """A carpet: pixels, uint8 (h, w, 3), and a caption that describes them."""

    pixels: NDArray[np.uint8]
    caption: str


@dataclass(frozen=True, slots=True)
class PairShares:
    """Shares of training pairs: `recoloured` ones, and among the others `plain` ones, whose caption names no colour.

    From plain pairs the model learns to keep the colours when the prompt names none.
    """

    recoloured: float = 0.0
    plain: float = 0.0


@dataclass(frozen=True, slots=True)
class Pair:
    """Source and target of img2img, uint8 (h, w, 3), with the caption of the target.

    Usually both are the same picture. A recoloured pair is one drawing in two colourways, where only the caption
    specifies the target's colours.
    """

    source: NDArray[np.uint8]
    target: NDArray[np.uint8]
    caption: str
    recoloured: bool


def draw_example(number: int, width_px: int, height_px: int) -> Example:
    """Return training example `number` at this size.

    One in seven is drawn larger and shrunk, as the studio shrinks designs above its working size. Such examples have
    blended edges and smaller motifs.
    """
    carpet = _draw_carpets(number, width_px, height_px, 1)[0]
    return Example(_fit(carpet, width_px, height_px), carpet.caption)


def draw_pair(number: int, width_px: int, height_px: int, shares: PairShares) -> Pair:
    """Return training pair `number` at this size; its target is example `number`."""
    rng = np.random.default_rng([number, 14])
    recoloured = rng.random() < shares.recoloured
    carpets = _draw_carpets(number, width_px, height_px, 2 if recoloured else 1)
    target = _fit(carpets[0], width_px, height_px)
    if recoloured:
        return Pair(_fit(carpets[1], width_px, height_px), target, carpets[0].caption, recoloured)
    plain = rng.random() < shares.plain
    caption = name_family(rng, FAMILIES[carpets[0].family].subject) if plain else carpets[0].caption
    return Pair(target, target, caption, recoloured)


def draw_crop_source(number: int) -> NDArray[np.uint8]:
    """Return the pixels (h, w, 3) of example `number` at a random size, usually a large one."""
    rng = np.random.default_rng([number, 17])
    sizes = LARGE_SIZES_PX if rng.random() < LARGE_SOURCE_SHARE else SMALL_SIZES_PX
    return draw_example(number, *sizes[rng.integers(len(sizes))]).pixels


def cut_crop(pixels: NDArray[np.uint8], side_px: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a random square crop (side, side, 3) of a picture (h, w, 3), augmented by rotations and flips.

    One crop in eight gets arbitrary colours, as real designs do not keep to the generator's yarns.
    """
    top = rng.integers(pixels.shape[0] - side_px + 1)
    left = rng.integers(pixels.shape[1] - side_px + 1)
    crop = np.rot90(pixels[top : top + side_px, left : left + side_px], int(rng.integers(4)))
    crop = crop[:, ::-1] if rng.random() < 0.5 else crop
    return _permute_channels(crop, rng) if rng.random() < 0.125 else crop


def draw_held_out(index: int, width_px: int, height_px: int, colourway: int = 0) -> Example:
    """Return held-out example `index` at this size in one of its colourways."""
    seed = HELD_OUT_SEEDS[index]
    carpet = dress(draw_layout(seed, width_px, height_px), seed + COLOURWAY_SEED_STEP * colourway)
    return Example(carpet.pixels, carpet.caption)


def _permute_channels(pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return pixels (h, w, 3) with the colour channels permuted and inverted at random, which keeps areas and edges."""
    permuted = pixels[..., rng.permutation(3)]
    inverted = rng.random(3) < 0.5
    return np.where(inverted, 255 - permuted, permuted).astype(np.uint8)


def _draw_carpets(number: int, width_px: int, height_px: int, colourways: int) -> list[Carpet]:
    """Return example `number` in several colourways, at this size or a larger one."""
    rng = np.random.default_rng([number, 11])
    seed = TRAINING_SEEDS + number
    scale = rng.uniform(1.2, 1.8) if rng.random() < 0.15 else 1.0
    layout = draw_layout(seed, round(width_px * scale), round(height_px * scale))
    return [dress(layout, seed + COLOURWAY_SEED_STEP * colourway) for colourway in range(colourways)]


def _fit(carpet: Carpet, width_px: int, height_px: int) -> NDArray[np.uint8]:
    pixels = carpet.pixels
    if pixels.shape[:2] == (height_px, width_px):
        return pixels
    return np.asarray(Image.fromarray(pixels).resize((width_px, height_px), Image.Resampling.LANCZOS))
