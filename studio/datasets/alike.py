"""Pictures that are nearly one: copies, other sizes, mirror images and recolourings, told apart from mere relatives.

Each picture leaves a small trace behind, so that thousands are compared without being opened again: how often the yarn
changes in each of 32 x 32 cells, and the mean colours of 16 x 16. Recolouring a design does not move its changes.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from studio.designs import Design
from studio.designs.colours.colour_spaces import convert_to_oklab
from studio.designs.index_map import ROWS_AT_ONCE

CELLS = 32
COLOUR_CELLS = 16
LEAST_CORRELATION = 0.97
"""Two drawings are one where the changes in their cells are correlated this much. Of 3 360 pairs of different carpets
of one generated family, 0.9 was reached by four, all of stripes, checks or hexagons."""
NEAR_OKLAB = 0.02
"""Root mean square difference of the cells' colours up to which two pictures are one. JPEGs and other sizes of a carpet
stay below 0.01; different carpets of one generated family lie from 0.034 on (3 360 pairs)."""
LEAST_LIKENESS = 0.9
"""Their lightness must be correlated as well: fine patterns on one ground have nearly equal cells."""
PLAIN_SPREAD = 0.005
"""Pictures whose cells deviate less in lightness are plain: they are compared by colour alone."""
CHANGE_LEVELS = 24
"""Between two pixels of a picture without yarns of its own the yarn changes where a channel differs by more than
this; the noise of a JPEG is less."""
COMPARED_PIXELS = 4_000_000
"""A larger picture without yarns of its own is reduced to at most this many pixels, so that memory stays bounded."""
BLOCK = 256

Kind = Literal["same", "near", "mirrored", "recoloured", "mirrored and recoloured"]
"""How a picture is like another: pixel for pixel, nearly (another size, a JPEG, some knots), or as named."""
_FLIPS = (np.s_[:, :, :], np.s_[:, :, ::-1], np.s_[:, ::-1, :], np.s_[:, ::-1, ::-1])
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """What is compared of a picture.

    `pixels` is the SHA-256 (hex) of its size and pixels. `changes` float32 (32, 32) has mean 0 and length 1, or is all
    zeros where no yarn changes. `colours` float32 (16, 16, 3) is OKLab.
    """

    pixels: str
    changes: Floats = field(repr=False)
    colours: Floats = field(repr=False)


@dataclass(frozen=True, slots=True)
class Alike:
    """A picture, by its position, that is nearly an earlier one, and how."""

    index: int
    earlier: int
    kind: Kind


def read_trace(design: Design) -> Trace:
    """Return the trace of a design."""
    rgb = design.image
    digest = hashlib.sha256(f"{rgb.width} x {rgb.height}".encode())
    digest.update(rgb.tobytes())
    cells = _count_changes(design)
    cells -= cells.mean()
    length = float(np.linalg.norm(cells))
    changes = cells / length if length > 1e-4 else np.zeros_like(cells)
    means = [_average(np.asarray(band), COLOUR_CELLS) for band in rgb.split()]
    return Trace(digest.hexdigest(), changes, convert_to_oklab(np.stack(means, axis=-1) / 255).astype(np.float32))


def find_alike(traces: Sequence[Trace], check: Callable[[], None] = lambda: None) -> tuple[Alike, ...]:
    """Return each picture that is nearly an earlier one, with the one that it is most like.

    `check` is called now and then, and may raise to stop. The time grows with the square of the number, but a pair
    takes less than a fifth of a microsecond.
    """
    found: list[Alike] = []
    if not traces:
        return ()
    changes = np.stack([trace.changes for trace in traces])
    colours = np.stack([trace.colours for trace in traces])
    squares = np.einsum("nijc,nijc->n", colours, colours)
    same: dict[str, int] = {}
    for start in range(0, len(traces), BLOCK):
        check()
        stop = min(start + BLOCK, len(traces))
        agree = _multiply(changes, start, stop)
        gaps = squares[start:stop, None] + squares[:stop] - 2 * _multiply(colours, start, stop)
        gaps = np.sqrt(np.maximum(gaps, 0)) / COLOUR_CELLS
        for index in range(start, stop):
            first = same.setdefault(traces[index].pixels, index)
            if first != index:
                found.append(Alike(index, first, "same"))
            elif index:
                near = _judge(index, gaps[:, index - start, :index], agree[:, index - start, :index], colours)
                found += [near] if near is not None else []
    return tuple(found)


def _multiply(features: Floats, start: int, stop: int) -> Floats:
    """Return the products of pictures start to stop, flipped in four ways, with those before stop: (4, n, stop)."""
    others = features[:stop].reshape(stop, -1).T
    block = features[start:stop]
    return np.stack([np.ascontiguousarray(block[flip]).reshape(stop - start, -1) @ others for flip in _FLIPS])


def _judge(index: int, gaps: Floats, agree: Floats, colours: Floats) -> Alike | None:
    """Return the earlier picture that picture `index` is most like, if it is nearly one; gaps, agree: (4, index)."""
    # Flip 0 is none and comes first: a symmetric picture is like each of its flips, and is not mirrored.
    for flip, gap in enumerate(gaps):
        other = int(gap.argmin())
        if gap[other] <= NEAR_OKLAB and _share_lightness(colours[index][None][_FLIPS[flip]][0], colours[other]):
            return Alike(index, other, "mirrored" if flip else "near")
    for flip, agreement in enumerate(agree):
        other = int(agreement.argmax())
        if agreement[other] >= LEAST_CORRELATION:
            if gaps[flip, other] <= 2 * NEAR_OKLAB:
                return Alike(index, other, "mirrored" if flip else "near")
            return Alike(index, other, "mirrored and recoloured" if flip else "recoloured")
    return None


def _share_lightness(first: Floats, second: Floats) -> bool:
    """Return whether the lightness of two sets of cells (16, 16, 3) goes together, or both are plain."""
    a, b = first[..., 0] - first[..., 0].mean(), second[..., 0] - second[..., 0].mean()
    if max(a.std(), b.std()) < PLAIN_SPREAD:
        return True
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    return lengths > 0 and float((a * b).sum()) >= LEAST_LIKENESS * lengths


def _count_changes(design: Design) -> Floats:
    """Return how many of its four neighbours a pixel differs from, mean of each cell, 0 to 1, float32 (32, 32)."""
    if design.index_map is not None:
        knots = design.index_map.indices
        across, down = knots[:, 1:] != knots[:, :-1], knots[1:] != knots[:-1]
    else:
        coarse = math.ceil(math.sqrt(design.image.width * design.image.height / COMPARED_PIXELS))
        pixels = np.asarray(design.image if coarse == 1 else design.image.reduce(coarse)).astype(np.int16)
        across = (np.abs(pixels[:, 1:] - pixels[:, :-1]) > CHANGE_LEVELS).any(axis=2)
        down = (np.abs(pixels[1:] - pixels[:-1]) > CHANGE_LEVELS).any(axis=2)
    changes = np.zeros((len(across), across.shape[1] + 1), np.uint8)
    changes[:, :-1] += across
    changes[:, 1:] += across
    changes[:-1] += down
    changes[1:] += down
    return _average(changes, CELLS) / np.float32(4)


def _average(values: NDArray[np.uint8], cells: int) -> Floats:
    """Return the means of values (h, w) in cells of equal size, (cells, cells), also where edges cut pixels.

    Pillow's box filter takes whole pixels, so that the cells of a mirror image would not be the mirrored cells.
    """
    height, width = values.shape
    down, across = _weigh(height, cells), _weigh(width, cells)
    means = np.zeros((cells, width), np.float32)
    for start in range(0, height, ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        means += down[:, rows] @ values[rows].astype(np.float32)
    averaged: Floats = np.matmul(means, across.T)
    return averaged


@lru_cache(maxsize=16)
def _weigh(side_px: int, cells: int) -> Floats:
    """Return what part of each cell each pixel of a side covers, (cells, side_px); rows sum to 1."""
    edges = np.arange(cells + 1)[:, None] * side_px / cells
    starts = np.arange(side_px)[None]
    covered = np.minimum(edges[1:], starts + 1) - np.maximum(edges[:-1], starts)
    weights: Floats = (np.maximum(covered, 0) * cells / side_px).astype(np.float32)
    return weights
