"""Contacts: counts of adjacent yarns in a design, and a relabelling of knots that follows them.

A contact is a pair of 4-neighbours. A contact is unlikely where the design has few or none between its two yarns.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from studio.designs.colours.colour_spaces import spread_in_oklab

CONTACT_WEIGHT = 1.0
"""The weight of contacts against colours, in units of the picture's mean squared distance from its nearest yarns: a
picture in clean yarns is left unchanged, a blurred one follows the design."""
RARITY_CORRECTION = 0.4
"""A yarn's likelihood is divided by its share to this power: at 0 common yarns replace rare ones, at 1 rare yarns are
as likely as the ground. At this value rare yarns neither lose nor gain knots."""
SWEEPS = 4
KNOTS_AT_ONCE = 65_536


def count_contacts(indices: NDArray[np.uint8], count: int) -> NDArray[np.int64]:
    """Return the number of contacts between each pair of `count` yarns, (count, count).

    The table is symmetric; a contact of a yarn with itself counts twice, once for each knot.
    """
    wide = indices.astype(np.uint16)
    pairs = ((wide[:, 1:], wide[:, :-1]), (wide[1:], wide[:-1]))
    across, down = (
        np.bincount((one * np.uint16(count) + other).ravel(), minlength=count * count) for one, other in pairs
    )
    table: NDArray[np.int64] = (across + down).reshape(count, count)
    return table + table.T


def relabel_by_contacts(
    pixels: NDArray[np.uint8],
    knots: NDArray[np.uint8],
    palette: NDArray[np.uint8],
    contacts: NDArray[np.int64],
    own: tuple[NDArray[np.uint8], NDArray[np.float32]] | None = None,
) -> NDArray[np.uint8]:
    """Return knots (h, w) of a picture (h, w, 3), each relabelled by its colour and its contacts.

    A blurred edge between two yarns has the colours of neither, and the nearest yarn is often a third one that the
    design never has there. The sum over knots of the squared distance (ΔEOK2) from the yarn and the weighted
    unlikelihood of the contacts is minimised by iterated conditional modes (J. Besag, "On the statistical analysis of
    dirty pictures", J. R. Statist. Soc. B 48, 1986). One colour of a chequerboard is updated at a time, so that no step
    increases the sum. A knot whose four neighbours have its own yarn is not changed.

    `knots` (h, w) are the nearest yarns, `palette` is (k, 3), `contacts` (k, k) are the design's (`count_contacts`).
    `own` are the design's knots (h, w) and the squared distances (h, w) of the picture from the model's view of them
    (see `unchanged_parts`): the design's yarn gets the smaller of the two distances. Raises `ValueError` for shapes
    that do not fit.
    """
    if pixels.shape[:2] != knots.shape or contacts.shape != (len(palette), len(palette)):
        raise ValueError(f"pixels {pixels.shape}, knots {knots.shape}, contacts {contacts.shape} do not fit together")
    width = knots.shape[1] + 2
    # A frame that repeats the outermost knots makes edge tests unnecessary.
    framed = np.pad(knots, 1, mode="edge")
    inner, values = framed[1:-1, 1:-1], framed.ravel()
    plain = np.ones(knots.shape, dtype=bool)
    for beside in (framed[:-2, 1:-1], framed[2:, 1:-1], framed[1:-1, :-2], framed[1:-1, 2:]):
        plain &= inner == beside
    ys, xs = np.nonzero(~plain)
    if not len(ys):
        return knots.copy()
    distances = _measure_distances(pixels[ys, xs], palette)
    if own is not None:
        design, view_distances = own
        rows, yarns = np.arange(len(ys)), design[ys, xs]
        distances[rows, yarns] = np.minimum(distances[rows, yarns], view_distances[ys, xs])
    mean_distance = float(distances[np.arange(len(ys)), knots[ys, xs]].mean())
    unlikelihood = (CONTACT_WEIGHT * mean_distance * _measure_unlikelihood(contacts)).astype(np.float32)
    places, steps = (ys + 1) * width + xs + 1, np.array([-width, width, -1, 1])
    pending = np.zeros(values.size, dtype=bool)
    pending[places] = True
    for sweep in range(2 * SWEEPS):
        part = np.flatnonzero(((ys + xs) % 2 == sweep % 2) & pending[places])
        moved = []
        for start in range(0, len(part), KNOTS_AT_ONCE):
            some = part[start : start + KNOTS_AT_ONCE]
            at, cost = places[some], distances[some]
            for step in steps:
                cost += unlikelihood[values[at + step]]
            best = cost.argmin(axis=1).astype(np.uint8)
            moved.append(at[best != values[at]])
            values[at] = best
        changed = np.concatenate([*moved, places[:0]])
        # After its first update a knot can change only when a neighbour has changed.
        pending[places[part]] = False
        pending[(changed[:, None] + steps).ravel()] = True
        framed[0], framed[-1], framed[:, 0], framed[:, -1] = framed[1], framed[-2], framed[:, 1], framed[:, -2]
    return inner.copy()


def _measure_distances(colours: NDArray[np.uint8], palette: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the squared distances (ΔEOK2) of colours (n, 3) from each yarn of a palette (k, 3), (n, k)."""
    yarns = spread_in_oklab(palette).astype(np.float32)
    distances = np.empty((len(colours), len(palette)), dtype=np.float32)
    for start in range(0, len(colours), KNOTS_AT_ONCE):
        oklab = spread_in_oklab(colours[start : start + KNOTS_AT_ONCE]).astype(np.float32)
        for i, yarn in enumerate(yarns):
            apart = oklab - yarn
            distances[start : start + KNOTS_AT_ONCE, i] = np.einsum("na,na->n", apart, apart)
    return distances


def _measure_unlikelihood(contacts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the negative log-likelihood (k, k) of a yarn (second axis) beside another (first axis), in nats."""
    counted = contacts + 0.5
    beside = counted / counted.sum(axis=1, keepdims=True)
    share = counted.sum(axis=0) / counted.sum()
    unlikelihood: NDArray[np.float64] = RARITY_CORRECTION * np.log(share)[None] - np.log(beside)
    return unlikelihood
