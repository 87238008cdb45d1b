"""Orphans: knots that no neighbour shares its yarn with, mostly left over from colour reduction."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

MOST_SHARE = 0.002
"""Real designs have 0.1 to 1.1 % of orphans, many of them meant; below this nothing is touched."""
KNOTS_AT_ONCE = 65_536


def measure_orphan_share(indices: NDArray[np.uint8]) -> float:
    """Return the share of knots (height, width), 0 to 1, none of whose up to 8 neighbours has the same number.

    A knot at the edge is compared with the neighbours that it has. Raises `ValueError` for no knots.
    """
    return float(find_orphans(indices).mean())


def find_orphans(indices: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return which knots (height, width) have no equal 8-neighbour. Raises `ValueError` as `measure_orphan_share`."""
    knots = np.asarray(indices)
    if knots.ndim != 2 or not knots.size:
        raise ValueError(f"knots of shape {knots.shape}; give (height, width) of at least 1 x 1")
    accompanied = np.zeros(knots.shape, dtype=bool)
    for here, there in (
        (np.s_[:, :-1], np.s_[:, 1:]),
        (np.s_[:-1], np.s_[1:]),
        (np.s_[:-1, :-1], np.s_[1:, 1:]),
        (np.s_[:-1, 1:], np.s_[1:, :-1]),
    ):
        equal = knots[here] == knots[there]
        accompanied[here] |= equal
        accompanied[there] |= equal
    return ~accompanied


def clean_orphans(
    indices: NDArray[np.uint8], most_share: float = MOST_SHARE, protected: NDArray[np.bool_] | None = None
) -> tuple[NDArray[np.uint8], int]:
    """Return the knots (height, width) with fewer orphans, as a new array, and how many knots were changed.

    An orphan takes the number that most of its settled neighbours have, the lower one where they are even; settled
    are those that stay as they are: knots with company and protected ones. So no orphan ever follows another, the
    share falls with each pass, and a mirror image is cleaned to the mirror image. Passes are repeated until at most
    `most_share` of all knots are orphans or none is left that may change and has a settled neighbour: a pattern in
    which every knot is an orphan is meant, and stays. `protected` (height, width) knots never change. Raises
    `ValueError` for a mask of another shape or no knots.
    """
    orphans = find_orphans(indices)
    knots = np.asarray(indices, dtype=np.uint8)
    if protected is not None and np.shape(protected) != knots.shape:
        raise ValueError(f"a mask of {np.shape(protected)} for knots of {knots.shape}; give one value for each knot")
    # A frame of knots that are never settled spares every test for the edge.
    framed, width = np.pad(knots, 1), knots.shape[1] + 2
    free = orphans if protected is None else orphans & ~np.asarray(protected, dtype=bool)
    values, settled = framed.ravel(), np.pad(~free, 1).ravel()
    places, held = np.flatnonzero(np.pad(free, 1)), np.flatnonzero(np.pad(orphans & ~free, 1))
    steps = np.array([y * width + x for y in (-1, 0, 1) for x in (-1, 0, 1) if x or y])
    changed = 0
    # A share that was measured comes back as its count of knots, whatever dividing and multiplying left of it.
    most = math.floor(most_share * knots.size + 1e-6)
    while len(places) and len(places) + len(held) > most:
        chosen = _choose(values, settled, places, steps)
        settling = chosen >= 0
        if not settling.any():
            break
        values[places[settling]] = chosen[settling]
        settled[places[settling]] = True
        changed += int(settling.sum())
        # A knot beside those changed may have found company without being changed itself.
        places, joined = _part(values, settled, places[~settling], steps)
        settled[joined] = True
        held, _ = _part(values, settled, held, steps)
    return framed[1:-1, 1:-1].copy(), changed


def _choose(
    values: NDArray[np.uint8], settled: NDArray[np.bool_], places: NDArray[np.intp], steps: NDArray[np.intp]
) -> NDArray[np.int16]:
    """Return for each place the number that most of its settled neighbours have, -1 where it has none."""
    chosen = np.full(len(places), -1, dtype=np.int16)
    for start in range(0, len(places), KNOTS_AT_ONCE):
        near = places[start : start + KNOTS_AT_ONCE] + steps[:, None]
        number, valid = values[near].astype(np.int16), settled[near]
        best = np.full(near.shape[1], -1, dtype=np.int16)
        for i in range(len(steps)):
            votes = ((number == number[i]) & valid).sum(axis=0, dtype=np.int16)
            # Votes count first, the lower number second; 8 votes at most, so that both fit into 16 bits.
            np.maximum(best, np.where(valid[i], votes * 256 + (255 - number[i]), -1), out=best)
        chosen[start : start + KNOTS_AT_ONCE] = np.where(best < 0, -1, 255 - best % 256)
    return chosen


def _part(
    values: NDArray[np.uint8], settled: NDArray[np.bool_], places: NDArray[np.intp], steps: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the places that are still orphans, and those that have an equal settled neighbour by now."""
    joined = np.zeros(len(places), dtype=bool)
    for step in steps:
        joined |= (values[places + step] == values[places]) & settled[places + step]
    return places[~joined], places[joined]
