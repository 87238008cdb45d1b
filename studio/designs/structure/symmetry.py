"""Where a design's mirror axes lie, how well it keeps them, and how it is made to keep them exactly."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from studio.designs.index_map import pack_colours

Direction = Literal["vertical", "horizontal"]
DIRECTIONS: tuple[Direction, ...] = ("vertical", "horizontal")

LEAST_AGREEMENT = 0.98
LEAST_KAPPA = 0.9
SEARCHED_SHARE = 0.05
SEARCHED_LEAST_PX = 8
SAMPLED_LINES = 320
SAMPLED_KNOTS = 600_000
"""The coarse search reads at least so many lines across the axis, and about so many knots where the design has them."""
CANDIDATES = 8
"""So many of the best and, of those as good by chance, of the nearest to the middle are measured exactly."""
CHANCE_WIDTH = 5.0
"""Two agreements of n knots farther apart than this over the root of n differ by more than chance."""
TIED_ERRORS = 2.5
"""A smaller offset wins unless the other is better by more than so many standard errors: less is chance."""


@dataclass(frozen=True, slots=True)
class Axis:
    """A mirror axis of a design of w x h knots, and how well the design keeps it.

    A "vertical" axis stands upright, left mirrors right: the knot x meets the knot (w - 1 + offset) - x, so the axis
    lies offset / 2 knots right of the middle. A "horizontal" one lies offset / 2 below the middle. `agreement` is the
    share, 0 to 1, of knots that meet their own yarn, among those that meet any (a knot on the axis meets itself).
    `kappa` is the same beyond chance: 1 exact, about 0 unrelated halves; 0 for a plain design, where it says nothing.
    """

    direction: Direction
    offset: int
    agreement: float
    kappa: float


def find_axis(indices: NDArray[np.uint8], direction: Direction, most_offset: int | None = None) -> Axis:
    """Return the best mirror axis of indices (h, w) whose offset is at most `most_offset`, a number of knots.

    None searches 5 % of the side, at least 8 knots; at most half the side is ever searched, so that half of the knots
    keep a partner. Among axes that differ by no more than chance the one nearest the middle wins. Raises `ValueError`
    for another direction, indices that are not (h, w), or a negative offset.
    """
    lines = _stand_axis(indices, direction)
    side = len(lines)
    if most_offset is None:
        most_offset = max(SEARCHED_LEAST_PX, round(SEARCHED_SHARE * side))
    if most_offset < 0:
        raise ValueError(f"most_offset is {most_offset}; give a number of knots from 0 on")
    most_offset = min(most_offset, side // 2)
    # 1. Coarse: all offsets, on evenly spread lines across the axis.
    offsets = np.array(sorted(range(-most_offset, most_offset + 1), key=abs))
    sample = _sample(lines)
    coarse = np.array([_count_agreement(sample, offset) for offset in offsets])
    # 2. Exact: the few that could be best.
    near_best = np.flatnonzero(coarse >= coarse.max() - CHANCE_WIDTH / math.sqrt(sample.size))
    promising = {*np.argsort(-coarse, kind="stable")[:CANDIDATES], *near_best[:CANDIDATES]}
    exact = {int(offsets[i]): _count_agreement(lines, int(offsets[i])) for i in sorted(promising)}
    # 3. The best, or one nearer the middle that is as good.
    best = max(exact, key=lambda offset: exact[offset])
    offset = next(nearer for nearer in exact if nearer == best or _is_tied(lines, nearer, best, exact))
    return Axis(direction, offset, exact[offset], _correct_for_chance(indices, exact[offset]))


def measure_axis(indices: NDArray[np.uint8], direction: Direction, offset: int) -> Axis:
    """Return how well indices (h, w) keep the axis with this offset; raises `ValueError` as `find_axis` does."""
    lines = _stand_axis(indices, direction)
    _check_offset(offset, len(lines))
    agreement = _count_agreement(lines, offset)
    return Axis(direction, offset, agreement, _correct_for_chance(indices, agreement))


def measure_agreement(knots: NDArray[np.uint8], direction: Direction, offset: int) -> float:
    """Return the share of knots (h, w) that equal their partner about the axis with this offset, 0 to 1.

    Of pixels (h, w, 3) all channels have to be equal. Raises `ValueError` as `measure_axis`.
    """
    lines = _stand_axis(pack_colours(knots) if knots.ndim == 3 else knots, direction)
    _check_offset(offset, len(lines))
    return _count_agreement(lines, offset)


def is_symmetric(axis: Axis) -> bool:
    """Return whether a designer would call it symmetric: agreement from 0.98 and kappa from 0.9 on.

    The first forgives a fiftieth of the knots (worn, signed or dithered designs); the second keeps a nearly plain
    field, which agrees with anything, from counting.
    """
    return axis.agreement >= LEAST_AGREEMENT and axis.kappa >= LEAST_KAPPA


def mirror(indices: NDArray[np.uint8], vertical: int | None, horizontal: int | None) -> NDArray[np.uint8]:
    """Return a copy of indices (h, w) that is exactly symmetric about the axes with these offsets; None: not about it.

    Half and knots without a partner as in `source_of`. Raises `ValueError` for an offset as large as the side.
    """
    if indices.ndim < 2:
        raise ValueError(f"indices of shape {indices.shape}; give (h, w)")
    rows, columns = source_of(indices.shape[:2], vertical, horizontal)
    return indices[rows][:, columns]


def source_of(
    shape: tuple[int, int], vertical: int | None, horizontal: int | None
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the row (h,) and the column (w,) that each row and column of a mirrored design is copied from.

    `array[rows][:, columns]` mirrors any array (h, w, ...) of this shape (h, w). The half with more knots is copied
    onto the other, left or top where they are equal; knots without a partner stay. As rows and columns are taken
    apart from one another, the result is symmetric about both axes, whatever their offsets.
    """
    return _fold(shape[0], horizontal), _fold(shape[1], vertical)


def _fold(side: int, offset: int | None) -> NDArray[np.intp]:
    own = np.arange(side)
    if offset is None:
        return own
    _check_offset(offset, side)
    partner = side - 1 + offset - own
    target = own > partner if offset >= 0 else own < partner
    return np.where(target & (partner >= 0) & (partner < side), partner, own)


def _check_offset(offset: int, side: int) -> None:
    if abs(offset) >= side:
        raise ValueError(f"an offset of {offset} leaves no knot of {side} a partner; give less than {side}")


def _stand_axis(indices: NDArray[Any], direction: Direction) -> NDArray[Any]:
    """Return the design turned so that its first dimension runs across the axis."""
    if direction not in DIRECTIONS:
        raise ValueError(f"no direction is called {direction!r}; give one of {', '.join(DIRECTIONS)}")
    if indices.ndim != 2 or not indices.size:
        raise ValueError(f"indices of shape {indices.shape}; give (h, w) with at least one knot")
    return np.ascontiguousarray(indices.T) if direction == "vertical" else indices


def _sample(lines: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return some of the columns, evenly spread: enough to tell good offsets from bad ones."""
    side, across = lines.shape
    count = min(across, max(SAMPLED_LINES, SAMPLED_KNOTS // side))
    # Centred, so that a design and its mirror image are read alike.
    return np.ascontiguousarray(lines[:, ((np.arange(count) + 0.5) * across / count).astype(int)])


def _pair_up(lines: NDArray[Any], offset: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return all lines that have a partner, and the partners."""
    first, last = max(offset, 0), len(lines) + min(offset, 0)
    return lines[first:last], lines[first:last][::-1]


def _count_agreement(lines: NDArray[Any], offset: int) -> float:
    own, partners = _pair_up(lines, offset)
    # Each pair of lines is met from both ends, so half of them is enough; a line on the axis agrees with itself.
    half, middle = divmod(len(own), 2)
    equal = 2 * int(np.count_nonzero(own[:half] == partners[:half])) + middle * own.shape[1]
    return equal / own.size


def _is_tied(lines: NDArray[np.uint8], nearer: int, best: int, exact: dict[int, float]) -> bool:
    """Return whether the better agreement of `best` could be chance (McNemar's test, knot by knot).

    Each knot that agrees under one offset alone is a vote; noise that spoils a knot under both drops out.
    """
    if exact[nearer] == exact[best]:
        return True
    # All votes for one and none for the other is certain, and a wide gap needs no votes counted.
    if exact[best] == 1 or exact[best] - exact[nearer] > CHANCE_WIDTH / math.sqrt(lines.size):
        return False
    first, last = max(nearer, best, 0), len(lines) + min(nearer, best, 0)
    own = lines[first:last]
    met = [own == lines[::-1][first - shift : last - shift] for shift in (nearer, best)]
    lost, won = int(np.count_nonzero(met[0] & ~met[1])), int(np.count_nonzero(met[1] & ~met[0]))
    return won - lost <= TIED_ERRORS * math.sqrt(2 * (won + lost))


def _correct_for_chance(indices: NDArray[np.uint8], agreement: float) -> float:
    shares = np.bincount(indices.ravel(), minlength=1) / indices.size
    by_chance = float((shares**2).sum())
    return (agreement - by_chance) / (1 - by_chance) if by_chance < 1 else 0.0
