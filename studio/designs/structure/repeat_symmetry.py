"""Symmetry of a repeat: the whole cloth is mirrored, so a knot whose partner lies in the next repeat has one too."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from studio.designs.structure.repeat import lay
from studio.designs.structure.symmetry import mirror

Places = NDArray[np.int32]


def mirror_repeat(
    array: NDArray[Any], repeat: str | None, vertical: int | None, horizontal: int | None
) -> NDArray[Any]:
    """Return an array (h, w, ...) symmetric about the axes with these offsets, as the cloth of this repeat is.

    Without a repeat, and in one that has no symmetric cloth of this size, the sheet is mirrored by itself (see
    `symmetry.mirror`). Raises `ValueError` for an offset as large as the side, or an unknown repeat.
    """
    if vertical is None and horizontal is None:
        return array
    shape = array.shape[:2]
    sources = None if repeat is None else find_sources(shape, repeat, vertical, horizontal)
    if sources is not None:
        return array.reshape(-1, *array.shape[2:])[sources].reshape(array.shape)
    return np.ascontiguousarray(mirror(array, vertical, horizontal))


def join_edges(array: NDArray[Any], repeat: str, vertical: int | None, horizontal: int | None) -> NDArray[Any]:
    """Return a tile (h, w, ...), symmetric about these axes, whose edges are equal to what meets them: no seam steps.

    Where several knots have to be equal for that, all take the value of the first, row by row. The tile is to be
    symmetric before (see `mirror_repeat`), and is so after. Raises `ValueError` as `lay`.
    """
    shape = height, width = array.shape[:2]
    ys, xs = np.arange(height), np.arange(width)
    own = np.arange(height * width, dtype=np.int32).reshape(shape)
    places = mirror_repeat(own, repeat, vertical, horizontal)
    beside = places[lay(shape, repeat, ys, np.array([width]))].ravel()
    below = places[lay(shape, repeat, np.array([height]), xs)].ravel()
    one, other = np.concatenate([places[:, -1], places[-1]]), np.concatenate([beside, below])
    # Both ends of a pair take the lesser place, until no pair has two.
    firsts = own.ravel().copy()
    while (firsts[one] != firsts[other]).any():
        least = np.minimum(firsts[one], firsts[other])
        np.minimum.at(firsts, one, least)
        np.minimum.at(firsts, other, least)
    return array.reshape(-1, *array.shape[2:])[firsts[places]].reshape(array.shape)


@functools.lru_cache(maxsize=4)
def find_sources(shape: tuple[int, int], repeat: str, vertical: int | None, horizontal: int | None) -> Places | None:
    """Return where each knot of a tile of shape (h, w) is copied from so that the cloth is symmetric, flat (h * w,).

    `array.reshape(h * w, ...)[sources]` is the mirrored tile, symmetric about the axes with these offsets (see
    `symmetry.Axis`; None: not about it). All knots are copied from the part of the cloth between two neighbouring axes
    that lies inside the tile in one piece, so that seams are mirrored where the tile was drawn without one. None where
    no cloth of this repeat has these axes: a half-drop of odd height or a brick of odd width is one knot askew two
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
    # Far knots cost more than any order of places, so that all copies of a knot agree on the one to take.
    cost = (_lie_outside(height, horizontal)[:, None] + _lie_outside(width, vertical)[None, :]).ravel()
    best = own.ravel()
    for partner in partners:
        nearer = (cost[partner] < cost[best]) | ((cost[partner] == cost[best]) & (partner < best))
        best = np.where(nearer, partner, best)
    best.flags.writeable = False  # it is remembered
    return best


def find_odd_side(shape: tuple[int, int], repeat: str) -> tuple[str, int] | None:
    """Return name and length of the side of a tile (h, w) that this repeat moves by half and that has none; or None."""
    height, width = shape
    halved = {"half-drop": ("height", height), "brick": ("width", width)}.get(repeat)
    return None if halved is None or halved[1] % 2 == 0 else halved


def _lie_outside(side: int, offset: int | None) -> NDArray[np.int8]:
    """Return which lines (side,) lie outside the part between two axes: from the middle one half a repeat on."""
    if offset is None:
        return np.zeros(side, dtype=np.int8)
    doubled, axis = 2 * np.arange(side), side - 1 + offset
    low, high = (axis - side, axis) if offset >= 0 else (axis, axis + side)
    return ((doubled < low) | (doubled > high)).astype(np.int8)
