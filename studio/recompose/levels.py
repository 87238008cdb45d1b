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
from studio.recompose.regions import FIELD, Orientation, label_axes

FINER = 1.42
"""Each level's sides are about this many times the last one's."""
COARSEST_SHARE, COARSEST_MOST_PX = 0.04, 36
"""The coarsest level is this share of the design, and its shorter side no longer than this: the finer it is, the more
motifs are torn apart."""
COARSEST_LEAST_PX, COARSEST_LEAST_FREE_PX, COARSEST_MOST_SHARE = 14, 28, 0.9
"""No side of it is shorter than the first, nor is that of the part that may change shorter than the second: patches
that lie on what is kept bring the design back. It is never the whole design, since the noise that makes a variation is
added to colours."""
AXIS_LEAST_KNOTS = 40
"""Parts of fewer knots for each of their axes are drawn as if they had none: nearly all patches lie across one."""
COLOUR_UNIT = 1000
"""Colours are OKLab times this, rounded."""
PAD = PATCH - 1

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

    `scale` is 1 at the last level. Its plates show knots, and so do those that changes are counted on; the others show
    colours. `inside` (h, w) is true in the target's field. `origin` are the knots above the target and left of it.
    """

    scale: float
    size: tuple[int, int]
    labels: NDArray[np.uint8]
    inside: NDArray[np.bool_]
    origin: tuple[int, int]
    plates: Plates

    @property
    def shows_knots(self) -> bool:
        """Whether the plates show knots, and not colours."""
        return self.plates.picture.ndim == 2

    @property
    def grid(self) -> Grid:
        """Where the level's patches lie."""
        plates = self.plates
        return Grid(self.size, self.origin, plates.picture.shape[1], plates.table, plates.plate_of_row)


def plan_scales(size: tuple[int, int], free_side: int | None) -> tuple[float, ...]:
    """Return the scale of each level for a target of height x width knots, ascending, the last one 1.

    `free_side` is the side of the largest square that may change where a part is kept (`measure_free_side`), in knots.
    """
    wanted, least = min(COARSEST_SHARE, COARSEST_MOST_PX / min(size)), COARSEST_LEAST_PX / min(size)
    if free_side is not None:
        least = max(least, COARSEST_LEAST_FREE_PX / max(free_side, 1))
    coarsest = min(max(wanted, least), COARSEST_MOST_SHARE)
    count = max(round(float(np.log(1 / coarsest) / np.log(FINER))), 1)
    return (*(float(coarsest ** (1 - i / count)) for i in range(count)), 1.0)


def measure_free_side(kept: NDArray[np.bool_]) -> int:
    """Return the side of the largest square of a target (h, w) without a `kept` knot, 0 if there is none."""
    summed = np.pad(kept.astype(np.int32), ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)
    least, most = 0, min(kept.shape)
    while least < most:
        side = (least + most + 1) // 2
        boxes = summed[side:, side:] - summed[:-side, side:] - summed[side:, :-side] + summed[:-side, :-side]
        least, most = (side, most) if (boxes == 0).any() else (least, side - 1)
    return least


def plan_level(
    scale: float,
    target: Domain,
    regions: NDArray[np.uint8],
    motifs: Sequence[Motifs],
    colours: Colours | None,
    *,
    kept: NDArray[np.bool_] | None = None,
) -> Level:
    """Return a level of a target with these regions (h, w). `colours` are those of the yarns, None for knots.

    Patches that lie on nothing but what is `kept` (h, w) have the label 0: none is looked for.
    """
    size = target.level_size(scale, PATCH)
    top, left, _, _ = target.pads(PAD)
    shown = sample(regions, size)
    labels = _label_patches(shown, target)
    if kept is not None:
        held = target.surround(sample(kept, size), PAD)
        labels[_all_in_box(held)] = 0
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


def _all_in_box(held: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return for each patch of an array (h, w) whether it is true throughout."""
    rows = np.lib.stride_tricks.sliding_window_view(held, PATCH, axis=0).all(axis=-1)
    boxes: NDArray[np.bool_] = np.asarray(np.lib.stride_tricks.sliding_window_view(rows, PATCH, axis=1).all(axis=-1))
    return boxes


def _leave_seams(labels: NDArray[np.uint8], pads: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    """Return the labels of patches (rows, columns) with 0 where a patch reaches beyond the design itself."""
    top, left, bottom, right = pads
    inner = (slice(top, labels.shape[0] - bottom), slice(left, labels.shape[1] - right))
    inside = np.zeros_like(labels)
    inside[inner] = labels[inner]
    return inside


def _label_patches(regions: NDArray[np.uint8], domain: Domain) -> NDArray[np.uint8]:
    """Return the label of each patch of a part whose knots are of these regions (h, w): that of the knot in its middle.

    Patches across an axis have labels of their own in parts that are large enough.
    """
    half, beside = PATCH // 2, domain.surround(regions, PAD)
    labels = np.ascontiguousarray(beside[half : half + beside.shape[0] - PAD, half : half + beside.shape[1] - PAD])
    if domain.repeat is None:
        top, left, bottom, right = domain.pads(PAD)
        tall, wide = (
            side * PAD >= AXIS_LEAST_KNOTS * (before + after)
            for side, before, after in zip(domain.size, (top, left), (bottom, right), strict=True)
        )
        label_axes(labels, (top * tall, left * wide, bottom * tall, right * wide))
    return labels


def _find_homes(count: int, before: int, size: int, target: int) -> NDArray[np.int32]:
    """Return where in a target's side the patches along a design's side come from, whose first lies `before` its edge.

    Those across an edge keep their distance from it.
    """
    at = np.arange(count) - before
    from_end = at - (size - PATCH)
    homes = np.where(at <= 0, at, np.where(from_end >= 0, target - PATCH + from_end, at * (target / size)))
    return np.rint(homes).astype(np.int32)


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
        (height, width), labels = picture.shape[:2], _label_patches(sample(source.regions, size), source.domain)
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
        home_y[first : first + fh] = _find_homes(fh, above, size[0], target[0])[ys]
        home_x[plate, :fw] = _find_homes(fw, left, size[1], target[1])[xs]
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
