"""Symmetry of repeats: the whole cloth is mirrored, so that knots with a partner in the next repeat are matched too."""

from __future__ import annotations

import functools
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from studio.designs.structure.repeat import lay
from studio.designs.structure.symmetry import mirror

Places = NDArray[np.int32]
"""Flat indices of knots, row by row."""

_Scalar = TypeVar("_Scalar", bound=np.generic)


def mirror_repeat(
    array: NDArray[_Scalar], repeat: str | None, vertical: int | None, horizontal: int | None
) -> NDArray[_Scalar]:
    """Return a tile (h, w, ...) whose cloth is symmetric about the axes with these offsets.

    Without a repeat, or where no cloth of this size and repeat has the axes, the array alone is mirrored
    (`symmetry.mirror`). None: not mirrored about that axis. Raises `ValueError` for an offset as large as the side or
    an unknown repeat.
    """
    if vertical is None and horizontal is None:
        return array
    shape = array.shape[:2]
    sources = None if repeat is None else find_sources(shape, repeat, vertical, horizontal)
    if sources is not None:
        return _take(array, sources)
    return np.ascontiguousarray(mirror(array, vertical, horizontal))


def join_edges(array: NDArray[_Scalar], repeat: str, vertical: int | None, horizontal: int | None) -> NDArray[_Scalar]:
    """Return a tile (h, w, ...) whose edge knots equal their neighbours across the seam, so that no seam has a step.

    All knots that have to be equal take the value of the first of them, row by row. The tile has to be symmetric about
    these axes (`mirror_repeat`), and the result is. Raises `ValueError` as `lay`.
    """
    shape = height, width = array.shape[:2]
    ys, xs = np.arange(height), np.arange(width)
    own = np.arange(height * width, dtype=np.int32).reshape(shape)
    places = mirror_repeat(own, repeat, vertical, horizontal)
    beside = places[lay(shape, repeat, ys, np.array([width]))].ravel()
    below = places[lay(shape, repeat, np.array([height]), xs)].ravel()
    one, other = np.concatenate([places[:, -1], places[-1]]), np.concatenate([beside, below])
    # Union-find by minimum: both ends of a pair take the lower place until every pair agrees.
    firsts = own.ravel().copy()
    while (firsts[one] != firsts[other]).any():
        least = np.minimum(firsts[one], firsts[other])
        np.minimum.at(firsts, one, least)
        np.minimum.at(firsts, other, least)
    return _take(array, firsts[places])


def _take(array: NDArray[_Scalar], places: Places) -> NDArray[_Scalar]:
    """Return the array (h, w, ...) with each knot copied from a flat place, `places` (h * w,) or (h, w)."""
    taken: NDArray[_Scalar] = array.reshape(-1, *array.shape[2:])[places].reshape(array.shape)
    return taken


@functools.lru_cache(maxsize=4)
def find_sources(shape: tuple[int, int], repeat: str, vertical: int | None, horizontal: int | None) -> Places | None:
    """Return the flat index (h * w,) that each knot of a tile (h, w) is copied from, so that the cloth is symmetric.

    `array.reshape(h * w, ...)[sources]` is the tile of a cloth symmetric about the axes with these offsets (see
    `symmetry.Axis`; None: not mirrored about that axis). The region between two neighbouring axes that lies inside the
    tile in one piece is copied to all others, so that the mirrored seams are places where the tile had none. None where
    no cloth of this repeat has these axes: a half-drop of odd height or a brick of odd width is one knot off two
    repeats on. Raises `ValueError` as `lay`.
    """
    height, width = shape
    if find_odd_side(shape, repeat) is not None:
        return None
    own = np.arange(height * width, dtype=np.int32).reshape(shape)
    ys, xs = np.arange(height), np.arange(width)
    partners = []
    if vertical is not None:
        partners.append(own[lay(shape, repeat, ys, width - 1 + vertical - xs)].ravel())
    if horizontal is not None:
        partners.append(own[lay(shape, repeat, height - 1 + horizontal - ys, xs)].ravel())
    if len(partners) == 2:
        partners.append(partners[1][partners[0]])
    # Knots outside the copied region cost more; ties go to the lowest place, so that all copies of a knot agree.
    cost = (_lie_outside(height, horizontal)[:, None] + _lie_outside(width, vertical)[None, :]).ravel()
    best = own.ravel()
    for partner in partners:
        nearer = (cost[partner] < cost[best]) | ((cost[partner] == cost[best]) & (partner < best))
        best = np.where(nearer, partner, best)
    best.flags.writeable = False  # the cache shares it
    return best


def find_odd_side(shape: tuple[int, int], repeat: str) -> tuple[str, int] | None:
    """Return the name and length of the side that this repeat halves where it is odd, else None; `shape` is (h, w)."""
    height, width = shape
    halved = {"half-drop": ("height", height), "brick": ("width", width)}.get(repeat)
    return None if halved is None or halved[1] % 2 == 0 else halved


def _lie_outside(side: int, offset: int | None) -> NDArray[np.int8]:
    """Return 1 for lines (side,) outside the copied region: from the axis half a repeat towards the wider side."""
    if offset is None:
        return np.zeros(side, dtype=np.int8)
    doubled, axis = 2 * np.arange(side), side - 1 + offset
    low, high = (axis - side, axis) if offset >= 0 else (axis, axis + side)
    return ((doubled < low) | (doubled > high)).astype(np.int8)
