"""Ways to vary a palette that keep its drawing readable: hues and chroma move, the order of lightness stays.

Everything here works in OKLCh: lightness 0 to 1, chroma from 0 to about 0.3, hue in degrees.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from studio.designs.colours.colour_spaces import (
    CONES_FROM_OKLAB,
    SRGB_FROM_CONES,
    Floats,
    convert_from_linear,
    convert_to_oklab,
)

NEUTRAL_CHROMA = 0.02
"""Below this a yarn has no hue that anybody would name."""
GAMUT_SLACK = 1e-4
"""Linear light may lie this far outside 0 to 1: less than a rounded step of sRGB."""
HALVINGS = 20
WARM_HUE, COOL_HUE = 55.0, 250.0
HUE_NAMES = (
    (18, "rose"),
    (42, "red"),
    (75, "orange"),
    (118, "yellow"),
    (165, "green"),
    (215, "teal"),
    (280, "blue"),
    (312, "violet"),
    (345, "purple"),
    (360, "rose"),
)
"""Upper end of each name's range of hues."""


@dataclass(frozen=True, slots=True, eq=False)
class Tones:
    """A palette on its way: `oklch` (k, 3), the `shares` (k,) of the yarns, and which are `locked` (k,)."""

    oklch: Floats
    shares: Floats
    locked: NDArray[np.bool_]

    @property
    def moving(self) -> NDArray[np.bool_]:
        """The yarns that have a hue and are free to change it."""
        return ~self.locked & (self.oklch[:, 1] >= NEUTRAL_CHROMA)


@dataclass(frozen=True, slots=True)
class Harmony:
    """A way to vary a palette. `vary` draws one of its many results, OKLCh (k, 3); locked rows mean nothing.

    `new_hues` says that results are best told apart by their hue.
    """

    id: str
    title: str
    meaning: str
    vary: Callable[[Tones, np.random.Generator], Floats]
    new_hues: bool = False


def convert_to_oklch(palette: NDArray[np.uint8]) -> Floats:
    """Return OKLCh, float64, of sRGB colours uint8 (k, 3)."""
    lightness, a, b = np.moveaxis(convert_to_oklab(palette.astype(np.float64) / 255), -1, 0)
    return np.stack([lightness, np.hypot(a, b), np.degrees(np.arctan2(b, a)) % 360], axis=-1)


def convert_from_oklch(oklch: Floats) -> NDArray[np.uint8]:
    """Return sRGB uint8 of OKLCh colours (k, 3); chroma that no screen shows is reduced at equal lightness and hue."""
    colours = oklch.copy()
    colours[:, 0] = colours[:, 0].clip(0, 1)
    low, high = np.zeros(len(colours)), colours[:, 1].copy()
    outside = ~_is_visible(colours)
    for _ in range(HALVINGS if outside.any() else 0):
        colours[:, 1] = np.where(outside, (low + high) / 2, high)
        visible = _is_visible(colours)
        low, high = np.where(visible, colours[:, 1], low), np.where(visible, high, colours[:, 1])
    colours[:, 1] = np.where(outside, low, oklch[:, 1])
    return np.rint(convert_from_linear(_convert_to_light(colours)) * 255).astype(np.uint8)


def name_hue(oklch: Floats, weights: Floats) -> str:
    """Return the plain name that most of OKLCh colours (k, 3) have, by weight and chroma; "neutral" without hues."""
    sums = dict.fromkeys([name for _, name in HUE_NAMES], 0.0)
    for (_, chroma, hue), weight in zip(oklch.tolist(), weights.tolist(), strict=True):
        if chroma >= NEUTRAL_CHROMA:
            sums[next(name for end, name in HUE_NAMES if hue <= end)] += weight * chroma
    return max(sums, key=lambda name: sums[name]) if any(sums.values()) else "neutral"


def tint(tones: Tones, rng: np.random.Generator) -> Tones:
    """Return the palette with a little colour in its free neutral yarns, so that a white ground can change too.

    Black and white have no room for colour: lightness is drawn in from both ends as far as that needs.
    """
    neutral = ~tones.locked & ~tones.moving
    oklch = tones.oklch.copy()
    chroma = rng.uniform(0.05, 0.09)
    # Hues that rise with lightness, so that harmonies of several hues can tell greys apart.
    oklch[neutral, 2] = (rng.uniform(0, 360) + 90 * oklch[neutral, 0]) % 360
    oklch[neutral, 1] = chroma
    if neutral.any():
        oklch[:, 0] = _bend(tones, lambda inside: 0.18 + 0.74 * inside)
    return replace(tones, oklch=oklch)


def _arrange(tones: Tones, rng: np.random.Generator, *, anchors: Sequence[float], spread: float) -> Floats:
    """Move the hues to anchors, in degrees from one another; shades of a hue stay together, within `spread` degrees.

    The hues are parted at the widest gaps of their circle into as many groups as there are anchors; the group that
    weighs most takes the first anchor. Where a locked yarn has a hue, that hue is one of the anchors.
    """
    oklch, moving = tones.oklch.copy(), tones.moving
    if not moving.any():
        return oklch
    weights = (tones.shares + 1e-6) * oklch[:, 1]
    base = rng.uniform(0, 360)
    held = tones.locked & (oklch[:, 1] >= NEUTRAL_CHROMA)
    if held.any():
        base = oklch[np.argmax(weights * held), 2] - anchors[rng.integers(len(anchors))]
    hues, mass = oklch[moving, 2], weights[moving]
    groups = _part_hues(hues, len(anchors))
    heaviest_first = np.argsort(-np.bincount(groups, weights=mass), kind="stable")
    places = [anchors[0], *rng.permutation(anchors[1:])]
    for group, anchor in zip(heaviest_first, places, strict=False):
        inside = groups == group
        turn = np.exp(1j * np.radians(hues[inside]))
        middle = np.degrees(np.angle((turn * mass[inside]).sum()))
        aside = (hues[inside] - middle + 180) % 360 - 180
        hues[inside] = base + anchor + aside * min(1.0, spread / max(float(np.abs(aside).max()), 1e-9))
    oklch[moving, 2] = hues % 360
    return oklch


def _part_hues(hues: Floats, most: int) -> NDArray[np.intp]:
    """Return a group number from 0 for each hue (n,): at most `most` groups, parted at the widest gaps."""
    order = np.argsort(hues, kind="stable")
    rising = hues[order]
    gaps = np.append(rising[1:], rising[0] + 360) - rising
    cuts = [place for place in np.argsort(-gaps, kind="stable")[:most] if gaps[place] > 1e-6]
    starts = np.zeros(len(hues), dtype=np.intp)
    starts[[(place + 1) % len(hues) for place in cuts]] = 1
    groups = np.empty(len(hues), dtype=np.intp)
    # What lies before the first start belongs to the group that goes on past 360 degrees.
    groups[order] = (np.cumsum(starts) - 1) % max(len(cuts), 1)
    return groups


def _turn(tones: Tones, rng: np.random.Generator) -> Floats:
    oklch = tones.oklch.copy()
    oklch[tones.moving, 2] = (oklch[tones.moving, 2] + rng.uniform(40, 320)) % 360
    return oklch


def _scale_chroma(tones: Tones, rng: np.random.Generator, *, low: float, high: float) -> Floats:
    oklch = tones.oklch.copy()
    oklch[tones.moving, 1] *= rng.uniform(low, high)
    return oklch


def _shift_lightness(tones: Tones, rng: np.random.Generator, *, low: float, high: float) -> Floats:
    oklch, power = tones.oklch.copy(), rng.uniform(low, high)
    oklch[:, 0] = _bend(tones, lambda inside: inside**power)
    return oklch


def _pull(tones: Tones, rng: np.random.Generator, *, hue: float) -> Floats:
    """Mix every free yarn with a hue, neutral ones too."""
    oklch, free = tones.oklch.copy(), ~tones.locked
    chroma, turn = oklch[free, 1], np.exp(1j * np.radians(oklch[free, 2]))
    mixed = chroma * turn * rng.uniform(0.3, 0.7) + rng.uniform(0.05, 0.1) * np.exp(1j * np.radians(hue))
    oklch[free, 1], oklch[free, 2] = np.abs(mixed), np.degrees(np.angle(mixed)) % 360
    return oklch


def _bend(tones: Tones, rise: Callable[[Floats], Floats]) -> Floats:
    """Return the lightnesses moved by a function that rises from 0 to 1 on 0 to 1.

    Locked yarns stand fast, and the function is stretched between each two of them, so that nothing overtakes them.
    """
    lightness = tones.oklch[:, 0].clip(0, 1)
    posts = np.unique(np.concatenate([[0.0, 1.0], lightness[tones.locked]]))
    below = np.clip(np.searchsorted(posts, lightness, side="right") - 1, 0, len(posts) - 2)
    start, length = posts[below], posts[below + 1] - posts[below]
    bent = start + length * rise((lightness - start) / length)
    return np.where(tones.locked, lightness, bent)


def _is_visible(oklch: Floats) -> NDArray[np.bool_]:
    light = _convert_to_light(oklch)
    return ((light >= -GAMUT_SLACK) & (light <= 1 + GAMUT_SLACK)).all(axis=-1)


def _convert_to_light(oklch: Floats) -> Floats:
    """Return linear sRGB of OKLCh, not clipped."""
    lightness, chroma, hue = np.moveaxis(oklch, -1, 0)
    turn = np.radians(hue)
    oklab = np.stack([lightness, chroma * np.cos(turn), chroma * np.sin(turn)], axis=-1)
    return (oklab @ CONES_FROM_OKLAB.T) ** 3 @ SRGB_FROM_CONES.T


HARMONIES: Mapping[str, Harmony] = {
    harmony.id: harmony
    for harmony in (
        Harmony(
            "analogous",
            "Analogous",
            "Neighbouring hues: calm, one mood.",
            partial(_arrange, anchors=(0, 32, -32), spread=10),
            new_hues=True,
        ),
        Harmony(
            "complementary",
            "Complementary",
            "Two opposite hues: the strongest contrast.",
            partial(_arrange, anchors=(0, 180), spread=15),
            new_hues=True,
        ),
        Harmony(
            "split-complementary",
            "Split complementary",
            "A hue and both neighbours of its opposite: contrast, but softer.",
            partial(_arrange, anchors=(0, 150, 210), spread=12),
            new_hues=True,
        ),
        Harmony(
            "triadic",
            "Triadic",
            "Three hues evenly round the circle: lively.",
            partial(_arrange, anchors=(0, 120, 240), spread=12),
            new_hues=True,
        ),
        Harmony(
            "tetradic",
            "Tetradic",
            "Two pairs of opposite hues: rich.",
            partial(_arrange, anchors=(0, 90, 180, 270), spread=10),
            new_hues=True,
        ),
        Harmony(
            "monochrome", "Monochrome", "Shades of one hue.", partial(_arrange, anchors=(0,), spread=5), new_hues=True
        ),
        Harmony("turned", "Turned", "All hues turned together: they keep their distances.", _turn, new_hues=True),
        Harmony("lighter", "Lighter", "The same hues, lighter.", partial(_shift_lightness, low=0.55, high=0.75)),
        Harmony("darker", "Darker", "The same hues, darker.", partial(_shift_lightness, low=1.4, high=1.9)),
        Harmony("muted", "Muted", "The same hues, greyer.", partial(_scale_chroma, low=0.2, high=0.5)),
        Harmony("vivid", "Vivid", "The same hues, stronger.", partial(_scale_chroma, low=1.5, high=2.2)),
        Harmony("warmer", "Warmer", "Everything a step towards orange.", partial(_pull, hue=WARM_HUE)),
        Harmony("cooler", "Cooler", "Everything a step towards blue.", partial(_pull, hue=COOL_HUE)),
    )
}
"""By id. A new way is a function here and one entry."""
