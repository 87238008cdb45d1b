"""Pictures that are nearly one: copies, other sizes, mirror images and recolourings, told apart from mere relatives.

Each picture leaves a small trace behind, so that thousands are compared without being opened again: how often the yarn
changes in each of 32 x 32 cells, and the mean colours of 16 x 16. Recolouring a design does not move its changes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from studio.designs import Design
from studio.designs.colours.colour_spaces import convert_to_oklab

CELLS = 32
COLOUR_CELLS = 16
LEAST_CORRELATION = 0.97
"""Two drawings are one where the changes in their cells are correlated this much. Of 3 360 pairs of different carpets
of one generated family, 0.9 was reached only by plain stripes, checks and hexagons."""
NEAR_OKLAB = 0.02
"""Root mean square difference of the cells' colours up to which two pictures are one. JPEGs and other sizes of a carpet
stay below 0.015; different carpets of one family in the same yarns lie from 0.03 on."""
LEAST_LIKENESS = 0.9
"""Their lightness must be correlated as well: fine patterns on one ground have nearly equal cells."""
PLAIN_SPREAD = 0.005
"""Pictures whose cells deviate less in lightness are plain: they are compared by colour alone."""
CHANGE_LEVELS = 24
"""Between two pixels of a picture without yarns of its own the yarn changes where a channel differs by more than
this; the noise of a JPEG is less."""
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
    small = rgb.resize((COLOUR_CELLS, COLOUR_CELLS), Image.Resampling.BOX)
    return Trace(digest.hexdigest(), changes, convert_to_oklab(np.asarray(small)).astype(np.float32))


def find_alike(traces: Sequence[Trace], check: Callable[[], None] = lambda: None) -> tuple[Alike, ...]:
    """Return each picture that is nearly an earlier one, with the one that it is most like.

    `check` is called now and then, and may raise to stop. The time grows with the square of the number, but a pair
    takes half a microsecond.
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
    # Flip 0 is none: a symmetric picture is like each of its flips, and is not mirrored.
    nearest = int(gaps.min(axis=0).argmin())
    flip = next((turn for turn in range(len(_FLIPS)) if gaps[turn, nearest] <= NEAR_OKLAB), None)
    if flip is not None and _share_lightness(colours[index][None][_FLIPS[flip]][0], colours[nearest]):
        return Alike(index, nearest, "mirrored" if flip else "near")
    alike = int(agree.max(axis=0).argmax())
    flip = next((turn for turn in range(len(_FLIPS)) if agree[turn, alike] >= LEAST_CORRELATION), None)
    if flip is None:
        return None
    if gaps[flip, alike] <= 2 * NEAR_OKLAB:
        return Alike(index, alike, "mirrored" if flip else "near")
    return Alike(index, alike, "mirrored and recoloured" if flip else "recoloured")


def _share_lightness(first: Floats, second: Floats) -> bool:
    """Return whether the lightness of two sets of cells (16, 16, 3) goes together, or both are plain."""
    a, b = first[..., 0] - first[..., 0].mean(), second[..., 0] - second[..., 0].mean()
    if max(a.std(), b.std()) < PLAIN_SPREAD:
        return True
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    return lengths > 0 and float((a * b).sum()) >= LEAST_LIKENESS * lengths


def _count_changes(design: Design) -> Floats:
    """Return the share of the pixels in each cell that differ from their right or lower neighbour, float32 (32, 32)."""
    if design.index_map is not None:
        knots = design.index_map.indices
        across, down = knots[:, 1:] != knots[:, :-1], knots[1:] != knots[:-1]
    else:
        pixels = np.asarray(design.image).astype(np.int16)
        across = (np.abs(pixels[:, 1:] - pixels[:, :-1]) > CHANGE_LEVELS).any(axis=2)
        down = (np.abs(pixels[1:] - pixels[:-1]) > CHANGE_LEVELS).any(axis=2)
    changes = np.zeros(design.image.size[::-1], np.uint8)
    changes[:, :-1] += across
    changes[:-1] += down
    # Bytes are averaged fast, and rounded: so to finer cells first.
    image = Image.fromarray(changes * 127)
    fine = 8 * CELLS
    image = image.resize((min(fine, image.width), min(fine, image.height)), Image.Resampling.BOX)
    shares: Floats = np.asarray(image.convert("F").resize((CELLS, CELLS), Image.Resampling.BOX), np.float32)
    return shares / np.float32(127)
