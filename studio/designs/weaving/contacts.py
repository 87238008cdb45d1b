"""Contacts: which yarns lie beside which in a design, and knots chosen so that a picture of it keeps to them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from studio.designs.colours.colour_spaces import spread_in_oklab

HABIT = 1.0
"""What the design's habits weigh against the drawn colours, in mean squared distances of the picture from its yarns:
a picture drawn in clean yarns is left as it is, a blurred one leans on the design."""
RARITY = 0.4
"""How far a yarn's share is taken out of its habits: at 0 a rare yarn gives way to any common one, at 1 it is drawn
as gladly as the ground. Between both, rare yarns neither lose knots nor gain them."""
SWEEPS = 4
KNOTS_AT_ONCE = 65_536


def count_contacts(indices: NDArray[np.uint8], count: int) -> NDArray[np.int64]:
    """Return how often each pair of `count` yarns lies side by side or one above the other, (count, count).

    Symmetric; a yarn beside itself counts twice, as both knots see it.
    """
    wide = indices.astype(np.uint16)
    table = sum(
        np.bincount((one * np.uint16(count) + other).ravel(), minlength=count * count)
        for one, other in ((wide[:, 1:], wide[:, :-1]), (wide[1:], wide[:-1]))
    ).reshape(count, count)
    return table + table.T


def settle_contacts(
    pixels: NDArray[np.uint8],
    knots: NDArray[np.uint8],
    palette: NDArray[np.uint8],
    contacts: NDArray[np.int64],
    own: tuple[NDArray[np.uint8], NDArray[np.float32]] | None = None,
) -> NDArray[np.uint8]:
    """Return knots (h, w) of a picture (h, w, 3), each in the yarn that suits its colour and its four neighbours.

    Between two yarns a blurred edge has colours of neither, and the nearest yarn is a third one that the design never
    puts there. `knots` are the nearest yarns, `palette` (k, 3) the yarns, `contacts` those of the design
    (`count_contacts`). Minimised is, over knots, the squared distance (ΔEOK2) and the unlikelihood of their contacts,
    by iterated conditional modes (J. Besag, "On the statistical analysis of dirty pictures", J. R. Statist. Soc. B 48,
    1986) on one colour of a chequerboard at a time, so that no step makes it worse. A knot among four of its own yarn
    is left alone. `own` are the design's knots (h, w) and how far the picture is from the model's view of them (h, w,
    squared distances, see `recognition`): a knot is as near to its own yarn as the nearer of both says. Raises
    `ValueError` for shapes that do not fit.
    """
    if pixels.shape[:2] != knots.shape or contacts.shape != (len(palette), len(palette)):
        raise ValueError(f"pixels {pixels.shape}, knots {knots.shape}, contacts {contacts.shape} do not fit together")
    width = knots.shape[1] + 2
    # A frame that repeats the outermost knots spares every test for the edge.
    framed = np.pad(knots, 1, mode="edge")
    inner, values = framed[1:-1, 1:-1], framed.ravel()
    level = np.ones(knots.shape, dtype=bool)
    for beside in (framed[:-2, 1:-1], framed[2:, 1:-1], framed[1:-1, :-2], framed[1:-1, 2:]):
        level &= inner == beside
    ys, xs = np.nonzero(~level)
    if not len(ys):
        return knots.copy()
    distances = _measure_distances(pixels[ys, xs], palette)
    if own is not None:
        design, likeness = own
        rows, there = np.arange(len(ys)), design[ys, xs]
        distances[rows, there] = np.minimum(distances[rows, there], likeness[ys, xs])
    drawn_off = float(distances[np.arange(len(ys)), knots[ys, xs]].mean())
    unlikely = (HABIT * drawn_off * _weigh_contacts(contacts)).astype(np.float32)
    places, steps = (ys + 1) * width + xs + 1, np.array([-width, width, -1, 1])
    asked = np.zeros(values.size, dtype=bool)
    asked[places] = True
    for sweep in range(2 * SWEEPS):
        part = np.flatnonzero(((ys + xs) % 2 == sweep % 2) & asked[places])
        moved = []
        for start in range(0, len(part), KNOTS_AT_ONCE):
            some = part[start : start + KNOTS_AT_ONCE]
            at, cost = places[some], distances[some]
            for step in steps:
                cost += unlikely[values[at + step]]
            best = cost.argmin(axis=1).astype(np.uint8)
            moved.append(at[best != values[at]])
            values[at] = best
        changed = np.concatenate([*moved, places[:0]])
        # From the second sweep on only a knot beside one that was changed can change.
        asked[places[part]] = False
        asked[(changed[:, None] + steps).ravel()] = True
        framed[0], framed[-1], framed[:, 0], framed[:, -1] = framed[1], framed[-2], framed[:, 1], framed[:, -2]
    return inner.copy()


def _measure_distances(colours: NDArray[np.uint8], palette: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the squared distance (ΔEOK2) of colours (n, 3) from each yarn, (n, k)."""
    yarns = spread_in_oklab(palette).astype(np.float32)
    distances = np.empty((len(colours), len(palette)), dtype=np.float32)
    for start in range(0, len(colours), KNOTS_AT_ONCE):
        oklab = spread_in_oklab(colours[start : start + KNOTS_AT_ONCE]).astype(np.float32)
        for i, yarn in enumerate(yarns):
            apart = oklab - yarn
            distances[start : start + KNOTS_AT_ONCE, i] = np.einsum("na,na->n", apart, apart)
    return distances


def _weigh_contacts(contacts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return how unlikely a yarn (second) is beside another (first), in natural logarithms, (k, k)."""
    counted = contacts + 0.5
    beside = counted / counted.sum(axis=1, keepdims=True)
    share = counted.sum(axis=0) / counted.sum()
    return RARITY * np.log(share)[None] - np.log(beside)
