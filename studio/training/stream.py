"""Endless carpets for the trainings: every design is a pure function of its number.

Nothing about the order of the data has to be saved: step 700 sees the same designs whether or not the training was
cut before it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from studio.carpets.captions import name_family
from studio.carpets.generator import FAMILIES, Carpet, draw_layout, dress

HELD_OUT_SEEDS = range(1_000_000, 1_001_000)
"""Layout seeds for measuring. No training ever draws them: it counts from `TRAINING_SEEDS` on, upwards."""
TRAINING_SEEDS = 2_000_000
OTHER_YARNS = 500_000_000
"""Added to a design's seed for the seed of its next dressing."""

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


@dataclass(frozen=True, slots=True)
class PairShares:
    """How many pairs are recoloured, and how many of the others have a caption that names no colour.

    Words that leave the colours open have to leave them alone.
    """

    recoloured: float = 0.0
    plain: float = 0.0


@dataclass(frozen=True, slots=True)
class Pair:
    """What img2img begins with and what it is to end with, uint8 (h, w, 3), and the words that ask for it.

    Most often both are one picture. A recoloured pair is one drawing in the yarns of two dressings: there the words
    alone say where the colours go.
    """

    source: NDArray[np.uint8]
    target: NDArray[np.uint8]
    caption: str
    recoloured: bool


def draw_example(number: int, width_px: int, height_px: int) -> Example:
    """Return training example `number` at this size.

    One in seven is drawn larger and shrunk, as the studio shrinks designs beyond its working size: its edges are
    blended, and its motifs smaller.
    """
    carpet = _draw_carpets(number, width_px, height_px, 1)[0]
    return Example(_fit(carpet, width_px, height_px), carpet.caption)


def draw_pair(number: int, width_px: int, height_px: int, shares: PairShares) -> Pair:
    """Return training pair `number` at this size: its target is example `number`."""
    rng = np.random.default_rng([number, 14])
    recoloured = rng.random() < shares.recoloured
    carpets = _draw_carpets(number, width_px, height_px, 2 if recoloured else 1)
    target = _fit(carpets[0], width_px, height_px)
    if recoloured:
        return Pair(_fit(carpets[1], width_px, height_px), target, carpets[0].caption, recoloured)
    plain = rng.random() < shares.plain
    caption = name_family(rng, FAMILIES[carpets[0].family].subject) if plain else carpets[0].caption
    return Pair(target, target, caption, recoloured)


def draw_sheet(number: int) -> NDArray[np.uint8]:
    """Return the pixels (h, w, 3) of example `number` at a size of its own, most often a large one."""
    rng = np.random.default_rng([number, 17])
    sizes = LARGE_SIZES_PX if rng.random() < LARGE_CROPS else SMALL_SIZES_PX
    return draw_example(number, *sizes[rng.integers(len(sizes))]).pixels


def cut_crop(pixels: NDArray[np.uint8], side_px: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a square crop (side, side, 3) of a picture, flipped and turned by chance.

    One in eight wears colours drawn blindly: designs of other makers keep to no yarn family.
    """
    top = rng.integers(pixels.shape[0] - side_px + 1)
    left = rng.integers(pixels.shape[1] - side_px + 1)
    crop = np.rot90(pixels[top : top + side_px, left : left + side_px], rng.integers(4))
    crop = crop[:, ::-1] if rng.random() < 0.5 else crop
    return _recolour(crop, rng) if rng.random() < 0.125 else crop


def draw_held_out(place: int, width_px: int, height_px: int, family: str | None = None, dressing: int = 0) -> Example:
    """Return the held-out example at this place of `HELD_OUT_SEEDS`, in the yarns of one of its dressings."""
    seed = HELD_OUT_SEEDS[place]
    carpet = dress(draw_layout(seed, width_px, height_px, family), seed + OTHER_YARNS * dressing)
    return Example(carpet.pixels, carpet.caption)


def _recolour(pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Turn the colour cube (axes swapped and reversed), so that flat areas stay flat and edges stay edges."""
    turned = pixels[..., rng.permutation(3)]
    flips = rng.random(3) < 0.5
    return np.where(flips, 255 - turned, turned).astype(np.uint8)


def _draw_carpets(number: int, width_px: int, height_px: int, dressings: int) -> list[Carpet]:
    """Return the drawing of example `number`, in the yarns of so many dressings, perhaps larger than asked for."""
    rng = np.random.default_rng([number, 11])
    seed = TRAINING_SEEDS + number
    scale = rng.uniform(1.2, 1.8) if rng.random() < 0.15 else 1.0
    layout = draw_layout(seed, round(width_px * scale), round(height_px * scale))
    return [dress(layout, seed + OTHER_YARNS * dressing) for dressing in range(dressings)]


def _fit(carpet: Carpet, width_px: int, height_px: int) -> NDArray[np.uint8]:
    pixels = carpet.pixels
    if pixels.shape[:2] == (height_px, width_px):
        return pixels
    return np.asarray(Image.fromarray(pixels).resize((width_px, height_px), Image.Resampling.LANCZOS))
