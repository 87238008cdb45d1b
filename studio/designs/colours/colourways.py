"""Colourways: the same index map with other palettes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from studio.designs.colours.colour_spaces import Floats, convert_to_lab, measure_difference
from studio.designs.colours.harmonies import (
    HARMONIES,
    Harmony,
    Tones,
    convert_from_oklch,
    convert_to_oklch,
    name_hue,
    tint,
)
from studio.designs.index_map import check_palette

LEAST_DELTA_E = 8.0
"""Two colourways look different at first sight if their mean CIEDE2000, weighted by share, is at least this."""
DRAWS = 4
"""Candidate palettes drawn from each harmony; as many again are drawn with tinted neutrals."""


@dataclass(frozen=True, slots=True, eq=False)
class Colourway:
    """A title and a palette uint8 (k, 3) that replaces the design's own, entry by entry."""

    title: str
    palette: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class _Draft:
    harmony: Harmony
    palette: NDArray[np.uint8]


def make_colourways(
    palette: NDArray[np.uint8],
    shares: Floats,
    count: int,
    seed: int,
    *,
    locked: Collection[int] = (),
    palettes: Sequence[NDArray[np.uint8]] = (),
) -> tuple[Colourway, ...]:
    """Return `count` colourways of a palette uint8 (k, 3) with yarn shares (k,); the same for the same seed.

    The first ones take their colours from `palettes`, one each (`match_palette`). The others follow HARMONIES, each
    used once before any is used again; they keep the order of lightness (OKLab) between yarns, so that an outline stays
    an outline. The colours at the `locked` indices stay exactly as they are. The results differ from the design and
    from one another by a mean CIEDE2000 of at least 8, weighted by share. Where too few candidates do, those that
    differ most are taken; with every yarn locked all of them equal the design.

    Raises `ValueError` for shares that do not fit, locked indices outside the palette, and negative counts or seeds.
    """
    colours = check_palette(palette)
    tones = Tones(convert_to_oklch(colours), _check_shares(shares, len(colours)), _check_locked(locked, len(colours)))
    if count < 0 or seed < 0:
        raise ValueError(f"{count} colourways with seed {seed}; give numbers of at least 0")
    made = [
        Colourway(f"After palette {number}", match_palette(colours, tones.shares, other, locked))
        for number, other in enumerate(palettes[:count], start=1)
    ]
    taken = [colours, *(colourway.palette for colourway in made)]
    chosen = _choose(list(_draw(colours, tones, count, seed)), taken, tones.shares, count - len(made))
    made += [Colourway(_describe(draft, tones), draft.palette) for draft in chosen]
    return tuple(_number_titles(made))


def match_palette(
    palette: NDArray[np.uint8], shares: Floats, other: NDArray[np.uint8], locked: Collection[int] = ()
) -> NDArray[np.uint8]:
    """Return a palette uint8 (k, 3) with each free yarn's colour replaced by one of another palette (m, 3).

    The lightness of each palette is scaled to 0 (its darkest colour) to 1 (its lightest). Among the assignments that
    keep the order of lightness, the one with the least sum of squared lightness differences, weighted by share, is
    taken. Each colour is used once, or, where there are fewer colours than yarns, as often as needed. Locked yarns keep
    their own colour. Raises `ValueError` as `make_colourways`.
    """
    colours, offered = check_palette(palette), check_palette(other)
    free = np.flatnonzero(~_check_locked(locked, len(colours)))
    matched = colours.copy()
    if not len(free):
        return matched
    weights = _check_shares(shares, len(colours))[free] + 1e-3
    own, theirs = convert_to_oklch(colours[free])[:, 0], convert_to_oklch(offered)[:, 0]
    yarns, supply = np.argsort(own, kind="stable"), np.argsort(theirs, kind="stable")
    supply = np.repeat(supply, math.ceil(len(yarns) / len(supply)))
    cost = weights[yarns, None] * (_scale_to_unit(own)[yarns, None] - _scale_to_unit(theirs)[supply]) ** 2
    matched[free[yarns]] = offered[supply[_assign_in_order(cost)]]
    return matched


def _assign_in_order(cost: Floats) -> NDArray[np.intp]:
    """Return strictly rising columns (n,), one per row of cost (n, m), n <= m, with the least sum of costs."""
    rows, columns = cost.shape
    best = np.full((rows + 1, columns + 1), np.inf)
    best[0] = 0
    for row in range(rows):
        best[row + 1, 1:] = np.minimum.accumulate(best[row, :-1] + cost[row])
    found = np.empty(rows, dtype=np.intp)
    column = columns
    for row in range(rows, 0, -1):
        # The first column with the best sum of this row; the rows above use the columns before it.
        column = int(np.argmax(best[row, : column + 1] == best[row, column]))
        found[row - 1] = column - 1
        column -= 1
    return found


def _draw(colours: NDArray[np.uint8], tones: Tones, count: int, seed: int) -> Iterator[_Draft]:
    """Yield drafts in the order of trial: each round draws once from every harmony, in an order set by the seed."""
    draws = max(DRAWS, math.ceil(count / len(HARMONIES)))
    order = np.random.default_rng(seed).permutation(len(HARMONIES))
    harmonies = list(HARMONIES.values())
    for draw in range(2 * draws):
        for number in order:
            rng = np.random.default_rng([seed, draw, number])
            start = tint(tones, rng) if draw >= draws else tones
            drafted = convert_from_oklch(harmonies[number].vary(start, rng))
            yield _Draft(harmonies[number], np.where(tones.locked[:, None], colours, drafted))


def _choose(drafts: list[_Draft], taken: list[NDArray[np.uint8]], shares: Floats, count: int) -> Iterator[_Draft]:
    """Yield `count` drafts: the first of the least used harmony that differs enough, else the most different one."""
    labs = convert_to_lab(np.stack([draft.palette for draft in drafts]))
    distance = np.full(len(drafts), np.inf)
    used: Counter[str] = Counter()
    left = set(range(len(drafts)))
    latest = list(taken)
    for _ in range(count):
        for palette in latest:
            distance = np.minimum(distance, measure_difference(labs, convert_to_lab(palette)) @ shares)
        enough = [place for place in sorted(left) if distance[place] >= LEAST_DELTA_E]
        if enough:
            place = min(enough, key=lambda one: used[drafts[one].harmony.id])
        else:
            place = max(sorted(left), key=lambda one: distance[one])
        left.remove(place)
        used[drafts[place].harmony.id] += 1
        latest = [drafts[place].palette]
        yield drafts[place]


def _describe(draft: _Draft, tones: Tones) -> str:
    if not draft.harmony.new_hues:
        return draft.harmony.title
    return f"{draft.harmony.title}, mostly {name_hue(convert_to_oklch(draft.palette), tones.shares)}"


def _number_titles(colourways: list[Colourway]) -> Iterator[Colourway]:
    """Yield the colourways with unique titles: a repeated title is numbered, starting at 2."""
    seen: Counter[str] = Counter()
    for colourway in colourways:
        seen[colourway.title] += 1
        number = seen[colourway.title]
        yield colourway if number == 1 else Colourway(f"{colourway.title} {number}", colourway.palette)


def _scale_to_unit(lightness: Floats) -> Floats:
    low, high = float(lightness.min()), float(lightness.max())
    return (lightness - low) / (high - low) if high > low else np.full(lightness.shape, 0.5)


def _check_shares(shares: Floats, colours: int) -> Floats:
    weights = np.asarray(shares, dtype=np.float64)
    if weights.shape != (colours,) or not np.isfinite(weights).all() or (weights < 0).any() or not weights.sum() > 0:
        raise ValueError(f"shares of shape {weights.shape} for {colours} yarns; give each one of at least 0, not all 0")
    normalised: NDArray[np.float64] = weights / weights.sum()
    return normalised


def _check_locked(locked: Collection[int], colours: int) -> NDArray[np.bool_]:
    mask = np.zeros(colours, dtype=bool)
    for yarn in locked:
        if not 0 <= yarn < colours:
            raise ValueError(f"yarn {yarn} is locked, but there are {colours}; give numbers from 0 to {colours - 1}")
        mask[yarn] = True
    return mask
