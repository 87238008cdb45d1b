"""Mirror symmetry: find the axes of a design, measure how well it keeps them, and make it exactly symmetric."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from studio.designs.index_map import pack_colours

_Scalar = TypeVar("_Scalar", bound=np.generic)

Direction = Literal["vertical", "horizontal"]
DIRECTIONS: tuple[Direction, ...] = ("vertical", "horizontal")

LEAST_AGREEMENT = 0.98
LEAST_KAPPA = 0.9
NEAR_AGREEMENT = NEAR_KAPPA = 0.85
SEARCHED_SHARE = 0.05
SEARCHED_LEAST_PX = 8
SAMPLED_LINES = 320
SAMPLED_KNOTS = 600_000
"""The coarse search reads at least this many lines across the axis and about this many knots, if there are as many."""
CANDIDATES = 8
"""This many of the best offsets are measured exactly, and as many near the middle that differ only by chance."""
CHANCE_WIDTH = 5.0
"""Agreements of n knots that are farther apart than this divided by sqrt(n) differ by more than chance."""
TIED_ERRORS = 2.5
"""A smaller offset wins unless the other one is better by more than this many standard errors."""


@dataclass(frozen=True, slots=True)
class Axis:
    """A mirror axis of a design of w x h knots, and how well the design keeps it.

    A "vertical" axis is upright and mirrors left and right: the partner of the knot x is (w - 1 + offset) - x, so the
    axis lies offset / 2 knots right of the middle. A "horizontal" axis lies offset / 2 knots below the middle.
    `agreement` is the share, 0 to 1, of the knots with a partner that have its yarn; a knot on the axis is its own
    partner. `kappa` is the agreement corrected for chance: 1 is exact, about 0 unrelated halves. It is 0 for a plain
    design, where it is undefined.
    """

    direction: Direction
    offset: int
    agreement: float
    kappa: float


def find_axis(indices: NDArray[np.uint8], direction: Direction, most_offset: int | None = None) -> Axis:
    """Return the best mirror axis of indices (h, w) with an offset from -most_offset to most_offset, in knots.

    None searches 5 % of the side, at least 8 knots. At most half the side is searched, so that half of the knots have
    a partner. Among axes that differ by no more than chance, the one nearest the middle wins. Raises `ValueError` for
    another direction, indices that are not (h, w), or a negative `most_offset`.
    """
    lines = _orient(indices, direction)
    side = len(lines)
    if most_offset is None:
        most_offset = max(SEARCHED_LEAST_PX, round(SEARCHED_SHARE * side))
    if most_offset < 0:
        raise ValueError(f"most_offset is {most_offset}; give a number of knots, at least 0")
    most_offset = min(most_offset, side // 2)
    # 1. All offsets, on a sample of lines across the axis.
    offsets = np.array(sorted(range(-most_offset, most_offset + 1), key=abs))
    sample = _sample(lines)
    coarse = np.array([_share_equal(sample, offset) for offset in offsets])
    # 2. The promising offsets, on all lines.
    near_best = np.flatnonzero(coarse >= coarse.max() - CHANCE_WIDTH / math.sqrt(sample.size))
    promising = {*np.argsort(-coarse, kind="stable")[:CANDIDATES], *near_best[:CANDIDATES]}
    exact = {int(offsets[i]): _share_equal(lines, int(offsets[i])) for i in sorted(promising)}
    # 3. The best, or one nearer the middle that ties with it.
    best = max(exact, key=lambda offset: exact[offset])
    offset = next(nearer for nearer in exact if nearer == best or _is_tied(lines, nearer, best, exact))
    return Axis(direction, offset, exact[offset], _correct_for_chance(indices, exact[offset]))


def measure_agreement(knots: NDArray[np.uint8], direction: Direction, offset: int) -> float:
    """Return the share of knots (h, w), 0 to 1, that equal their partner about the axis with this offset (see `Axis`).

    Pixels (h, w, 3) are equal in all channels. Raises `ValueError` as `find_axis`, and for an offset as large as the
    side.
    """
    lines = _orient(pack_colours(knots) if knots.ndim == 3 else knots, direction)
    _check_offset(offset, len(lines))
    return _share_equal(lines, offset)


def is_symmetric(axis: Axis) -> bool:
    """Return whether a designer would call the axis a symmetry: agreement at least 0.98 and kappa at least 0.9.

    The first tolerates 2 % of deviating knots (worn, signed or dithered designs). The second excludes nearly plain
    fields, which agree about any axis.
    """
    return axis.agreement >= LEAST_AGREEMENT and axis.kappa >= LEAST_KAPPA


def find_symmetries(indices: NDArray[np.uint8]) -> dict[Direction, int]:
    """Return the offset of each axis that is a symmetry of indices (h, w) (`is_symmetric`)."""
    axes = (find_axis(indices, direction) for direction in DIRECTIONS)
    return {axis.direction: axis.offset for axis in axes if is_symmetric(axis)}


def is_nearly_symmetric(axis: Axis) -> bool:
    """Return whether an axis is no symmetry, but close to one: agreement and kappa from 0.85 on."""
    return not is_symmetric(axis) and axis.agreement >= NEAR_AGREEMENT and axis.kappa >= NEAR_KAPPA


def mirror(indices: NDArray[_Scalar], vertical: int | None, horizontal: int | None) -> NDArray[_Scalar]:
    """Return a copy of indices (h, w, ...) that is exactly symmetric about the axes with these offsets.

    None: not mirrored about that axis. See `source_of` for the half that is copied. Raises `ValueError` for fewer
    dimensions and for an offset as large as the side.
    """
    if indices.ndim < 2:
        raise ValueError(f"indices of shape {indices.shape}; give (h, w)")
    rows, columns = source_of(indices.shape[:2], vertical, horizontal)
    return indices[rows][:, columns]


def source_of(
    shape: tuple[int, int], vertical: int | None, horizontal: int | None
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the rows (h,) and columns (w,) that the rows and columns of a mirrored design (h, w) are copied from.

    `array[rows][:, columns]` mirrors any array (h, w, ...). The half with more knots is copied onto the other one, left
    or top where both are equal; knots without a partner stay. Rows and columns are independent, so the result is
    symmetric about both axes, whatever their offsets.
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


def _orient(indices: NDArray[_Scalar], direction: Direction) -> NDArray[_Scalar]:
    """Return the indices with the lines parallel to the axis as rows, (number of lines, length of a line)."""
    if direction not in DIRECTIONS:
        raise ValueError(f"no direction is called {direction!r}; give one of {', '.join(DIRECTIONS)}")
    if indices.ndim != 2 or not indices.size:
        raise ValueError(f"indices of shape {indices.shape}; give (h, w) with at least one knot")
    return np.ascontiguousarray(indices.T) if direction == "vertical" else indices


def _sample(lines: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return evenly spaced columns, enough to tell good offsets from bad ones."""
    side, across = lines.shape
    count = min(across, max(SAMPLED_LINES, SAMPLED_KNOTS // side))
    # Centred, so that a design and its mirror image give the same sample.
    return np.ascontiguousarray(lines[:, ((np.arange(count) + 0.5) * across / count).astype(int)])


def _pair_up(lines: NDArray[_Scalar], offset: int) -> tuple[NDArray[_Scalar], NDArray[_Scalar]]:
    """Return the lines that have a partner, and their partners."""
    first, last = max(offset, 0), len(lines) + min(offset, 0)
    return lines[first:last], lines[first:last][::-1]


def _share_equal(lines: NDArray[_Scalar], offset: int) -> float:
    """Return the share of knots with a partner that equal it."""
    own, partners = _pair_up(lines, offset)
    # Each pair occurs twice, so that half of the lines is enough; a line on the axis agrees with itself.
    half, middle = divmod(len(own), 2)
    equal: int = 2 * int(np.count_nonzero(own[:half] == partners[:half])) + middle * own.shape[1]
    return equal / own.size


def _is_tied(lines: NDArray[np.uint8], nearer: int, best: int, exact: dict[int, float]) -> bool:
    """Return whether the better agreement of `best` can be chance (McNemar's test over knots).

    Only knots that agree under exactly one of the offsets count; noise that spoils a knot under both cancels out.
    """
    if exact[nearer] == exact[best]:
        return True
    # An exact axis is certain, and a wide gap needs no test.
    if exact[best] == 1 or exact[best] - exact[nearer] > CHANCE_WIDTH / math.sqrt(lines.size):
        return False
    first, last = max(nearer, best, 0), len(lines) + min(nearer, best, 0)
    own = lines[first:last]
    under_nearer, under_best = (own == lines[::-1][first - shift : last - shift] for shift in (nearer, best))
    lost = int(np.count_nonzero(under_nearer & ~under_best))
    won = int(np.count_nonzero(under_best & ~under_nearer))
    return won - lost <= TIED_ERRORS * math.sqrt(2 * (won + lost))


def _correct_for_chance(indices: NDArray[np.uint8], agreement: float) -> float:
    shares = np.bincount(indices.ravel(), minlength=1) / indices.size
    by_chance = float((shares**2).sum())
    return (agreement - by_chance) / (1 - by_chance) if by_chance < 1 else 0.0
