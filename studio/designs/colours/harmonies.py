"""Colour harmonies: palette variations that change hue and chroma and keep the order of lightness between yarns.

All colours are in OKLCh: lightness 0 to 1, chroma 0 to about 0.3, hue in degrees.
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
"""Below this chroma a yarn is neutral: it has no nameable hue."""
GAMUT_SLACK = 1e-4
"""In gamut, linear light may lie this far outside 0 to 1: less than one rounding step of 8-bit sRGB."""
BISECTIONS = 20
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
"""The upper end of each hue range and its name."""


@dataclass(frozen=True, slots=True, eq=False)
class Tones:
    """A palette to vary: `oklch` (k, 3), the `shares` (k,) of its yarns, and the mask `locked` (k,)."""

    oklch: Floats
    shares: Floats
    locked: NDArray[np.bool_]

    @property
    def moving(self) -> NDArray[np.bool_]:
        """Mask (k,) of the yarns whose hue may change: not locked and not neutral."""
        return ~self.locked & (self.oklch[:, 1] >= NEUTRAL_CHROMA)


@dataclass(frozen=True, slots=True)
class Harmony:
    """A way to vary a palette. `vary` returns a random result, OKLCh (k, 3), whose locked rows the caller ignores.

    `new_hues`: results differ mainly in hue, so a title names the hue.
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
    """Return sRGB uint8 of OKLCh colours (k, 3); out of gamut, chroma is reduced at constant lightness and hue."""
    colours = oklch.copy()
    colours[:, 0] = colours[:, 0].clip(0, 1)
    low, high = np.zeros(len(colours)), colours[:, 1].copy()
    outside = ~_is_in_gamut(colours)
    for _ in range(BISECTIONS if outside.any() else 0):
        colours[:, 1] = np.where(outside, (low + high) / 2, high)
        inside = _is_in_gamut(colours)
        low, high = np.where(inside, colours[:, 1], low), np.where(inside, high, colours[:, 1])
    colours[:, 1] = np.where(outside, low, oklch[:, 1])
    return np.rint(convert_from_linear(_convert_to_light(colours)) * 255).astype(np.uint8)


def name_hue(oklch: Floats, weights: Floats) -> str:
    """Return the name of the main hue of OKLCh colours (k, 3), by weight times chroma; "neutral" without hues."""
    sums = dict.fromkeys([name for _, name in HUE_NAMES], 0.0)
    for (_, chroma, hue), weight in zip(oklch.tolist(), weights.tolist(), strict=True):
        if chroma >= NEUTRAL_CHROMA:
            sums[next(name for end, name in HUE_NAMES if hue <= end)] += weight * chroma
    return max(sums, key=lambda name: sums[name]) if any(sums.values()) else "neutral"


def tint(tones: Tones, rng: np.random.Generator) -> Tones:
    """Return the palette with a slight colour in its free neutral yarns, so that a white ground can change too.

    Black and white have no chroma in gamut, so the lightness range is narrowed at both ends.
    """
    neutral = ~tones.locked & ~tones.moving
    oklch = tones.oklch.copy()
    chroma = rng.uniform(0.05, 0.09)
    # The hue rises with lightness, so that harmonies of several hues can separate greys.
    oklch[neutral, 2] = (rng.uniform(0, 360) + 90 * oklch[neutral, 0]) % 360
    oklch[neutral, 1] = chroma
    if neutral.any():
        oklch[:, 0] = _remap_lightness(tones, lambda lightness: 0.18 + 0.74 * lightness)
    return replace(tones, oklch=oklch)


def _arrange(tones: Tones, rng: np.random.Generator, *, anchors: Sequence[float], spread: float) -> Floats:
    """Move groups of hues to `anchors`, given in degrees from a random base; a group spans up to `spread` to each side.

    The hue circle is divided at its widest gaps into as many groups as there are anchors. The heaviest group takes the
    first anchor, the others take the rest in random order. With locked yarns of a hue, the base is chosen so that the
    hue of the heaviest of them lies on an anchor.
    """
    oklch, moving = tones.oklch.copy(), tones.moving
    if not moving.any():
        return oklch
    weights = (tones.shares + 1e-6) * oklch[:, 1]
    base = rng.uniform(0, 360)
    held = tones.locked & (oklch[:, 1] >= NEUTRAL_CHROMA)
    if held.any():
        base = oklch[np.argmax(weights * held), 2] - anchors[int(rng.integers(len(anchors)))]
    hues, mass = oklch[moving, 2], weights[moving]
    groups = _group_hues(hues, len(anchors))
    heaviest_first = np.argsort(-np.bincount(groups, weights=mass), kind="stable")
    places = [anchors[0], *rng.permutation(anchors[1:])]
    for group, anchor in zip(heaviest_first, places, strict=False):
        inside = groups == group
        unit_vectors = np.exp(1j * np.radians(hues[inside]))
        mean = np.degrees(np.angle((unit_vectors * mass[inside]).sum()))
        deviation = (hues[inside] - mean + 180) % 360 - 180
        hues[inside] = base + anchor + deviation * min(1.0, spread / max(float(np.abs(deviation).max()), 1e-9))
    oklch[moving, 2] = hues % 360
    return oklch


def _group_hues(hues: Floats, most: int) -> NDArray[np.intp]:
    """Return the group of each hue (n,), from 0: at most `most` groups, divided at the widest gaps of the circle."""
    order = np.argsort(hues, kind="stable")
    rising = hues[order]
    gaps = np.append(rising[1:], rising[0] + 360) - rising
    cuts = [place for place in np.argsort(-gaps, kind="stable")[:most] if gaps[place] > 1e-6]
    starts = np.zeros(len(hues), dtype=np.intp)
    starts[[(place + 1) % len(hues) for place in cuts]] = 1
    groups = np.empty(len(hues), dtype=np.intp)
    # Hues before the first start belong to the last group, which continues past 360 degrees.
    groups[order] = (np.cumsum(starts) - 1) % max(len(cuts), 1)
    return groups


def _rotate(tones: Tones, rng: np.random.Generator) -> Floats:
    oklch = tones.oklch.copy()
    oklch[tones.moving, 2] = (oklch[tones.moving, 2] + rng.uniform(40, 320)) % 360
    return oklch


def _scale_chroma(tones: Tones, rng: np.random.Generator, *, low: float, high: float) -> Floats:
    oklch = tones.oklch.copy()
    oklch[tones.moving, 1] *= rng.uniform(low, high)
    return oklch


def _shift_lightness(tones: Tones, rng: np.random.Generator, *, low: float, high: float) -> Floats:
    oklch, power = tones.oklch.copy(), rng.uniform(low, high)
    oklch[:, 0] = _remap_lightness(tones, lambda lightness: lightness**power)
    return oklch


def _tint_towards(tones: Tones, rng: np.random.Generator, *, hue: float) -> Floats:
    """Mix every free yarn, neutral ones included, with a hue."""
    oklch, free = tones.oklch.copy(), ~tones.locked
    chroma, unit_vectors = oklch[free, 1], np.exp(1j * np.radians(oklch[free, 2]))
    mixed = chroma * unit_vectors * rng.uniform(0.3, 0.7) + rng.uniform(0.05, 0.1) * np.exp(1j * np.radians(hue))
    oklch[free, 1], oklch[free, 2] = np.abs(mixed), np.degrees(np.angle(mixed)) % 360
    return oklch


def _remap_lightness(tones: Tones, curve: Callable[[Floats], Floats]) -> Floats:
    """Return the lightnesses (k,) mapped by a rising curve from [0, 1] into [0, 1].

    Locked yarns keep their lightness. Between two neighbouring ones the curve is scaled to their interval, so that the
    order of lightness stays.
    """
    lightness = tones.oklch[:, 0].clip(0, 1)
    bounds = np.unique(np.concatenate([[0.0, 1.0], lightness[tones.locked]]))
    below = np.clip(np.searchsorted(bounds, lightness, side="right") - 1, 0, len(bounds) - 2)
    start, length = bounds[below], bounds[below + 1] - bounds[below]
    mapped = start + length * curve((lightness - start) / length)
    return np.where(tones.locked, lightness, mapped)


def _is_in_gamut(oklch: Floats) -> NDArray[np.bool_]:
    light = _convert_to_light(oklch)
    inside: NDArray[np.bool_] = np.all((light >= -GAMUT_SLACK) & (light <= 1 + GAMUT_SLACK), axis=-1)
    return inside


def _convert_to_light(oklch: Floats) -> Floats:
    """Return unclipped linear sRGB of OKLCh."""
    lightness, chroma, hue = np.moveaxis(oklch, -1, 0)
    angle = np.radians(hue)
    oklab = np.stack([lightness, chroma * np.cos(angle), chroma * np.sin(angle)], axis=-1)
    light: Floats = (oklab @ CONES_FROM_OKLAB.T) ** 3 @ SRGB_FROM_CONES.T
    return light


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
        Harmony("turned", "Rotated", "All hues rotated by the same angle.", _rotate, new_hues=True),
        Harmony("lighter", "Lighter", "The same hues, lighter.", partial(_shift_lightness, low=0.55, high=0.75)),
        Harmony("darker", "Darker", "The same hues, darker.", partial(_shift_lightness, low=1.4, high=1.9)),
        Harmony("muted", "Muted", "The same hues, greyer.", partial(_scale_chroma, low=0.2, high=0.5)),
        Harmony("vivid", "Vivid", "The same hues, stronger.", partial(_scale_chroma, low=1.5, high=2.2)),
        Harmony("warmer", "Warmer", "Everything a step towards orange.", partial(_tint_towards, hue=WARM_HUE)),
        Harmony("cooler", "Cooler", "Everything a step towards blue.", partial(_tint_towards, hue=COOL_HUE)),
    )
}
"""By id. To add a harmony, write its function and an entry here."""
