"""Orphans, or stray knots: knots without an equal 8-neighbour, mostly left by colour quantisation."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

MOST_SHARE = 0.002
"""Up to this share nothing is cleaned: real designs have 0.1 to 1.1 % of orphans, many of them intended."""
KNOTS_AT_ONCE = 65_536


def measure_orphan_share(indices: NDArray[np.uint8]) -> float:
    """Return the share of orphans, 0 to 1, among indices (height, width).

    A knot at the edge has fewer neighbours. Raises `ValueError` for another shape or no knots.
    """
    return float(find_orphans(indices).mean())


def find_orphans(indices: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return a mask (height, width) of the orphans. Raises `ValueError` as `measure_orphan_share`."""
    knots = np.asarray(indices)
    if knots.ndim != 2 or not knots.size:
        raise ValueError(f"knots of shape {knots.shape}; give (height, width) of at least 1 x 1")
    has_equal = np.zeros(knots.shape, dtype=bool)
    for here, there in (
        (np.s_[:, :-1], np.s_[:, 1:]),
        (np.s_[:-1], np.s_[1:]),
        (np.s_[:-1, :-1], np.s_[1:, 1:]),
        (np.s_[:-1, 1:], np.s_[1:, :-1]),
    ):
        equal = knots[here] == knots[there]
        has_equal[here] |= equal
        has_equal[there] |= equal
    return ~has_equal


def clean_orphans(
    indices: NDArray[np.uint8], most_share: float = MOST_SHARE, protected: NDArray[np.bool_] | None = None
) -> tuple[NDArray[np.uint8], int]:
    """Return indices (height, width) with fewer orphans, as a new array, and the number of changed knots.

    An orphan takes the most frequent index among its stable neighbours, of equally frequent ones the lowest. Stable
    knots are those with an equal neighbour and protected ones, so that no orphan copies another, the share falls with
    each pass, and mirrored indices are cleaned to the mirrored result. Passes end when at most `most_share` of all
    knots are orphans, or when no orphan that may change has a stable neighbour: a pattern made of orphans alone is
    intended and stays. Knots of the mask `protected` (height, width) never change. Raises `ValueError` for a mask of
    another shape or no knots.
    """
    orphans = find_orphans(indices)
    knots = np.asarray(indices, dtype=np.uint8)
    if protected is not None and np.shape(protected) != knots.shape:
        raise ValueError(f"a mask of {np.shape(protected)} for knots of {knots.shape}; give one value for each knot")
    # A frame of knots that are never stable makes edge tests unnecessary.
    framed, width = np.pad(knots, 1), knots.shape[1] + 2
    free = orphans if protected is None else orphans & ~np.asarray(protected, dtype=bool)
    values, stable = framed.ravel(), np.pad(~free, 1).ravel()
    places, held = np.flatnonzero(np.pad(free, 1)), np.flatnonzero(np.pad(orphans & ~free, 1))
    steps = np.array([y * width + x for y in (-1, 0, 1) for x in (-1, 0, 1) if x or y])
    changed = 0
    # The slack makes a measured share give back its exact count of knots in spite of rounding.
    most = math.floor(most_share * knots.size + 1e-6)
    while len(places) and len(places) + len(held) > most:
        chosen = _choose(values, stable, places, steps)
        joining = chosen >= 0
        if not joining.any():
            break
        values[places[joining]] = chosen[joining]
        stable[places[joining]] = True
        changed += int(joining.sum())
        # Unchanged orphans beside changed knots may now have an equal neighbour.
        places, joined = _split(values, stable, places[~joining], steps)
        stable[joined] = True
        held, _ = _split(values, stable, held, steps)
    return framed[1:-1, 1:-1].copy(), changed


def _choose(
    values: NDArray[np.uint8], stable: NDArray[np.bool_], places: NDArray[np.intp], steps: NDArray[np.intp]
) -> NDArray[np.int16]:
    """Return the most frequent index among the stable neighbours of each place (n,), -1 where it has none."""
    chosen = np.full(len(places), -1, dtype=np.int16)
    for start in range(0, len(places), KNOTS_AT_ONCE):
        near = places[start : start + KNOTS_AT_ONCE] + steps[:, None]
        number, valid = values[near].astype(np.int16), stable[near]
        best = np.full(near.shape[1], -1, dtype=np.int16)
        for i in range(len(steps)):
            votes = ((number == number[i]) & valid).sum(axis=0, dtype=np.int16)
            # Votes in the high byte, 255 - index in the low one; at most 8 votes, so that both fit into 16 bits.
            np.maximum(best, np.where(valid[i], votes * 256 + (255 - number[i]), -1), out=best)
        chosen[start : start + KNOTS_AT_ONCE] = np.where(best < 0, -1, 255 - best % 256)
    return chosen


def _split(
    values: NDArray[np.uint8], stable: NDArray[np.bool_], places: NDArray[np.intp], steps: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the places that are still orphans, and those that now have an equal stable neighbour."""
    joined = np.zeros(len(places), dtype=bool)
    for step in steps:
        joined |= (values[places + step] == values[places]) & stable[places + step]
    return places[~joined], places[joined]
