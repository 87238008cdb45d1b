"""The levels of a drawing, coarse to fine: their sizes, and the plates that patches are taken from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from studio.designs.colours.colour_spaces import convert_to_oklab
from studio.recompose.domain import Domain
from studio.recompose.kernels import PATCH
from studio.recompose.plates import Grid, Plates
from studio.recompose.regions import FIELD, Orientation

FINER = 1.42
"""Each level's sides are about this many times the last one's."""
COARSEST_SHARE = 0.06
COARSEST_LEAST_PX, COARSEST_MOST_SHARE = 14, 0.9
"""The coarsest level is this share of the design, but no side is shorter than this, and it is never the whole design:
the noise that makes a variation is added to colours."""
COLOUR_UNIT = 1000
"""Colours are OKLab times this, rounded."""
PAD = PATCH - 1
COUNTED_KNOTS = 400_000
"""How much of a design a sketch changes is counted on about this many knots of it."""

Knots = NDArray[np.uint8]
Colours = NDArray[np.int16]
"""(..., 4): OKLab in units of 1 / COLOUR_UNIT, and 0, so that a row of a patch fills whole machine words."""
Barred = Mapping[Orientation, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Motifs:
    """A design that patches are taken from.

    `knots` are those of its `domain`, in the numbers of the drawing's palette. `regions` (h, w) is the region of each
    knot, 1 and more. `barred` are regions that an orientation does not serve. `closed` is false where edges
    do not meet in its repeat: no patch is taken from across them, or each seam would be drawn again.
    """

    domain: Domain
    knots: Knots
    regions: NDArray[np.uint8]
    orientations: tuple[Orientation, ...]
    barred: Barred
    closed: bool = True


@dataclass(frozen=True, slots=True)
class Level:
    """One level of a drawing: `size` (height, width) of the target, the labels of its patches, and the plates.

    `scale` is 1 at the last level, whose plates show knots; the others show colours. `inside` (h, w) is true in the
    target's field. `origin` are the knots above the target and left of it.
    """

    scale: float
    size: tuple[int, int]
    labels: NDArray[np.uint8]
    inside: NDArray[np.bool_]
    origin: tuple[int, int]
    plates: Plates

    @property
    def grid(self) -> Grid:
        """Where the level's patches lie."""
        plates = self.plates
        return Grid(self.size, self.origin, plates.picture.shape[1], plates.table, plates.plate_of_row)


def plan_scales(size: tuple[int, int]) -> tuple[float, ...]:
    """Return the scale of each level for a target of height x width knots, ascending, the last one 1."""
    coarsest = min(max(COARSEST_SHARE, COARSEST_LEAST_PX / min(size)), COARSEST_MOST_SHARE)
    count = max(round(float(np.log(1 / coarsest) / np.log(FINER))), 1)
    return (*(float(coarsest ** (1 - i / count)) for i in range(count)), 1.0)


def plan_level(
    scale: float, target: Domain, regions: NDArray[np.uint8], motifs: Sequence[Motifs], colours: Colours | None
) -> Level:
    """Return a level of a target with these regions (h, w). `colours` are those of the yarns, None for knots."""
    size = target.level_size(scale, PATCH)
    top, left, _, _ = target.pads(PAD)
    shown = sample(regions, size)
    labels = _label_patches(target.surround(shown, PAD))
    return Level(scale, size, labels, shown == FIELD, (top, left), _make_plates(scale, size, motifs, colours))


def convert_colours(pixels: NDArray[np.uint8]) -> Colours:
    """Return the colours (..., 4) of sRGB pixels (..., 3)."""
    lab = np.zeros((*pixels.shape[:-1], 4), np.int16)
    lab[..., :3] = np.rint(convert_to_oklab(pixels) * COLOUR_UNIT)
    return lab


def shrink_knots(knots: Knots, colours: Colours, size: tuple[int, int]) -> Colours:
    """Return the mean colours (height, width, 4) of knots in yarns of these colours (k, 4), at a smaller size."""
    out = np.zeros((*size, 4), np.int16)
    for channel in range(3):
        out[..., channel] = _shrink(colours[:, channel].astype(np.float32)[knots], size)
    return out


def shrink_colours(picture: Colours, size: tuple[int, int]) -> Colours:
    """Return the mean colours (height, width, 4) of a picture in colours (h, w, 4), at a smaller size."""
    out = np.zeros((*size, 4), np.int16)
    for channel in range(3):
        out[..., channel] = _shrink(picture[..., channel].astype(np.float32), size)
    return out


def sample(array: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Return an array (h, w, ...) at another size (height, width), each value the one nearest to its middle."""
    rows, columns = (
        ((np.arange(side) + 0.5) * full / side).astype(np.intp) for side, full in zip(size, array.shape, strict=False)
    )
    found: NDArray[Any] = array[rows][:, columns]
    return found


def count_yarns(level: Level, motifs: Sequence[Motifs], yarns: int) -> NDArray[np.float32]:
    """Return the share of each yarn in each source patch of a coarse level, (places, yarns)."""
    shares = np.zeros((*level.plates.labels.shape, yarns), np.float32)
    for row in level.plates.table:
        first, number, down, across, height, width = row[:6]
        source = motifs[number]
        size = source.domain.level_size(level.scale, PATCH)
        cells = np.arange(size[0] * size[1]).reshape(size)
        rows, columns = (np.arange(full) * side // full for side, full in zip(size, source.domain.size, strict=True))
        pairs = cells[rows][:, columns] * yarns + source.knots
        counts = np.bincount(pairs.ravel(), minlength=cells.size * yarns).reshape(*size, yarns)
        part = source.domain.surround(counts / np.maximum(counts.sum(axis=-1, keepdims=True), 1), PAD)
        summed = np.pad(part, ((1, 0), (1, 0), (0, 0))).cumsum(axis=0).cumsum(axis=1)
        boxes = summed[PATCH:, PATCH:] - summed[:-PATCH, PATCH:] - summed[PATCH:, :-PATCH] + summed[:-PATCH, :-PATCH]
        shares[first : first + height, :width] = boxes[:: -1 if down else 1, :: -1 if across else 1] / PATCH**2
    return shares.reshape(-1, yarns)


def _leave_seams(labels: NDArray[np.uint8], pads: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    """Return the labels of patches (rows, columns) with 0 where a patch reaches beyond the design itself."""
    top, left, bottom, right = pads
    inner = (slice(top, labels.shape[0] - bottom), slice(left, labels.shape[1] - right))
    inside = np.zeros_like(labels)
    inside[inner] = labels[inner]
    return inside


def _label_patches(regions: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the region of each patch of a surrounded picture: that of the knot in its middle."""
    half = PATCH // 2
    return np.ascontiguousarray(regions[half : half + regions.shape[0] - PAD, half : half + regions.shape[1] - PAD])


def _make_plates(scale: float, target: tuple[int, int], motifs: Sequence[Motifs], colours: Colours | None) -> Plates:
    pieces = []
    for number, source in enumerate(motifs):
        size = source.domain.level_size(scale, PATCH)
        if colours is None:
            shown: NDArray[Any] = sample(source.knots, size) if size != source.domain.size else source.knots
        else:
            shown = shrink_knots(source.knots, colours, size)
        picture = source.domain.surround(shown, PAD)
        regions = source.domain.surround(sample(source.regions, size), PAD)
        pieces += [(number, source, size, picture, regions, orientation) for orientation in source.orientations]
    rows, stride = sum(piece[3].shape[0] for piece in pieces), max(piece[3].shape[1] for piece in pieces)
    picture_all = np.zeros((rows, stride, *pieces[0][3].shape[2:]), pieces[0][3].dtype)
    labels_all, inside = np.zeros((rows, stride), np.uint8), np.zeros((rows, stride), np.bool_)
    home_y, home_x = np.zeros(rows, np.int32), np.zeros((len(pieces), stride), np.int32)
    table, plate_of_row = np.zeros((len(pieces), 9), np.int64), np.zeros(rows, np.uint8)
    first = 0
    for plate, (number, source, size, picture, regions, orientation) in enumerate(pieces):
        (height, width), labels = picture.shape[:2], _label_patches(regions)
        if not source.closed:
            labels = _leave_seams(labels, source.domain.pads(PAD))
        fh, fw = labels.shape
        above, left, below, right = source.domain.pads(PAD)
        ys, xs = (slice(None, None, -1 if flipped else 1) for flipped in (orientation.down, orientation.across))
        picture_all[first : first + height, :width] = picture[ys, xs]
        inside[first : first + height, :width] = regions[ys, xs] == FIELD
        own = labels[ys, xs].copy()
        own[np.isin(own, source.barred.get(orientation, ()))] = 0
        labels_all[first : first + fh, :fw] = own
        home_y[first : first + fh] = np.rint((np.arange(fh) - above) * (target[0] / size[0]))[ys]
        home_x[plate, :fw] = np.rint((np.arange(fw) - left) * (target[1] / size[1]))[xs]
        table[plate] = (
            *(first, number, orientation.down, orientation.across, fh, fw, first * stride),
            *(below if orientation.down else above, right if orientation.across else left),
        )
        plate_of_row[first : first + height] = plate
        first += height
    return Plates(picture_all, labels_all, inside, home_y, home_x, table, plate_of_row)


def _shrink(channel: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float64]:
    shrunk: NDArray[np.float64] = np.rint(np.asarray(Image.fromarray(channel).resize(size[::-1], Image.Resampling.BOX)))
    return shrunk
