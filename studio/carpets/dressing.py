"""Putting a layout into yarn: a believable palette in which neighbours can be told apart."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from studio.carpets.layouts import Layout
from studio.carpets.palettes import YARN_FAMILIES, Yarn
from studio.designs.colours.colour_words import BASIC_OF, BASIC_WORDS

LEAD_WEIGHTS = {
    "red": 14, "blue": 14, "green": 9, "gold": 7, "orange": 7, "teal": 7, "pink": 6, "purple": 6,
    "brown": 6, "beige": 7, "ivory": 7, "grey": 6, "black": 5,
}  # fmt: skip
"""How often each basic colour leads: red and blue most, so that prompts learn to steer between them."""

_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.072175], [0.0193339, 0.119192, 0.9503041]]
)
_WHITE = np.array([0.95047, 1.0, 1.08883])


def rgb_to_lab(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return CIE L*a*b* (D65) of sRGB values 0..255, (..., 3)."""
    unit = np.asarray(rgb, np.float64) / 255
    linear = np.where(unit <= 0.04045, unit / 12.92, ((unit + 0.055) / 1.055) ** 2.4)
    t = linear @ _TO_XYZ.T / _WHITE
    f = np.where(t > 216 / 24389, np.cbrt(t), (24389 / 27 * t + 16) / 116)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)


def lab_to_rgb(lab: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return sRGB uint8 of CIE L*a*b* (D65), (..., 3); colours out of reach are clipped."""
    fy = (lab[..., 0] + 16) / 116
    f = np.stack([fy + lab[..., 1] / 500, fy, fy - lab[..., 2] / 200], axis=-1)
    t = np.where(f**3 > 216 / 24389, f**3, (116 * f - 16) * 27 / 24389)
    linear = np.clip((t * _WHITE) @ np.linalg.inv(_TO_XYZ).T, 0, 1)
    unit = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.round(unit * 255).astype(np.uint8)


@cache
def _yarns(family: str) -> tuple[tuple[Yarn, ...], NDArray[np.float64]]:
    yarns = YARN_FAMILIES[family].yarns
    return yarns, rgb_to_lab(np.array([yarn.rgb for yarn in yarns]))


@cache
def _leads(colour: str) -> tuple[tuple[str, int], ...]:
    return tuple(
        (family, i)
        for family, group in YARN_FAMILIES.items()
        for i, yarn in enumerate(group.yarns)
        if yarn.basic == colour
    )


@dataclass(slots=True, eq=False)
class _Vat:
    """A palette while it is being dyed: CIE Lab (k, 3), the plain names, which colours are done, uses of each yarn."""

    layout: Layout
    rng: np.random.Generator
    yarns: tuple[Yarn, ...]
    pool: NDArray[np.float64]
    lead: int
    lab: NDArray[np.float64]
    names: list[str]
    done: NDArray[np.bool_]
    uses: NDArray[np.int_]

    def dye(self, i: int, lab: NDArray[np.float64], name: str) -> None:
        """Set colour i."""
        self.lab[i], self.names[i], self.done[i] = lab, name, True


def choose_yarns(layout: Layout, rng: np.random.Generator) -> tuple[str, NDArray[np.uint8], tuple[str, ...]]:
    """Return the yarn family's key, a palette uint8 (k, 3) and the plain name of each colour."""
    # 1. The lead: a basic colour, then a yarn of it, for the largest share.
    weights = np.array(list(LEAD_WEIGHTS.values()), np.float64)
    colour = list(LEAD_WEIGHTS)[rng.choice(len(weights), p=weights / weights.sum())]
    leads = _leads(colour)
    family, lead = leads[rng.integers(len(leads))]
    yarns, pool = _yarns(family)
    count = layout.colour_count
    vat = _Vat(
        layout, rng, yarns, pool, lead, np.zeros((count, 3)), [""] * count,
        np.zeros(count, bool), np.zeros(len(yarns), int),
    )  # fmt: skip
    # 2. Tones are a ramp; the others go by falling share, each against the neighbours that are dyed already.
    _dye_tones(vat, [i for i in range(count) if layout.roles[i] == "tone"])
    shades = np.array([role == "shade" for role in layout.roles])
    for i in np.lexsort((-layout.shares, shades)):  # shades last: they follow what they lie on
        if vat.done[i]:
            continue
        if shades[i] and vat.done.any():
            _dye_shade(vat, i)
        else:
            _dye_yarn(vat, i, pick_yarn(vat, i) if vat.done.any() else lead)
    # 3. No two dye lots are equal.
    lab = vat.lab * (1, *([rng.uniform(0.86, 1.1)] * 2)) + (rng.normal(0, 1.5), 0, 0) + rng.normal(0, 0.9, (count, 3))
    lab[:, 0] = np.clip(lab[:, 0], 4, 98)
    rgb = lab_to_rgb(lab)
    for i in range(1, count):  # a step of a flat ramp may have rounded to its neighbour
        step = 1 if rgb[i, i % 3] < 128 else -1
        while (rgb[:i] == rgb[i]).all(axis=1).any():
            rgb[i, i % 3] = int(rgb[i, i % 3]) + step
    return family, rgb, tuple(vat.names)


def pick_yarn(vat: _Vat, i: int) -> int:
    """Return the yarn for colour i: far from its dyed neighbours, fit for its role, and a good part chance."""
    touch = vat.layout.contacts[i] * vat.done
    touch = touch / touch.sum() if touch.sum() > 0 else vat.done / vat.done.sum()
    apart = np.sqrt((((vat.pool[:, None] - vat.lab[None]) * (1.3, 0.8, 0.8)) ** 2).sum(-1))  # (yarns, k)
    light = vat.pool[:, 0] / 100
    role = vat.layout.roles[i]
    if role == "outline":
        score = (np.minimum(apart, 70) / 70) @ touch * 4 + np.abs(light - 0.55)
    else:
        score = (np.minimum(apart, 45) / 45) @ touch * 2.2 - ((apart < 16) @ touch) * 2
    if role == "light":
        score = score + light * 2.5
    elif role == "leaf":
        score = score + np.array([yarn.basic in ("green", "teal") for yarn in vat.yarns]) * 1.2
    score = score + vat.rng.gumbel(0, 0.22, len(vat.pool)) - vat.uses * 3.0 - _crowding(vat, i) * 0.9
    return int(np.argmax(score))


def _crowding(vat: _Vat, i: int) -> NDArray[np.bool_]:
    """Return for each yarn whether colour i in it would let another basic colour rival the leading one."""
    covered = dict.fromkeys(BASIC_WORDS, 0.0)
    for name, share in zip(vat.names, vat.layout.shares, strict=True):
        if name:
            covered[BASIC_OF[name]] += float(share)
    colour = vat.yarns[vat.lead].basic
    room = 0.7 * covered[colour] - float(vat.layout.shares[i])
    return np.array([yarn.basic != colour and covered[yarn.basic] > room for yarn in vat.yarns])


def _dye_yarn(vat: _Vat, i: int, pick: int) -> None:
    """Dye colour i in a yarn; in a lighter or darker bath when the yarn is in use already."""
    lab = vat.pool[pick].copy()
    lab[0] += (10 if lab[0] < 50 else -10) * vat.uses[pick]
    vat.uses[pick] += 1
    vat.dye(i, lab, vat.yarns[pick].name)


def _dye_shade(vat: _Vat, i: int) -> None:
    """Dye colour i close to the dyed neighbour that it touches most."""
    base = int(np.argmax((vat.layout.contacts[i] + 1e-9 * vat.layout.shares) * vat.done))
    before = sum(1 for j, role in enumerate(vat.layout.roles) if role == "shade" and vat.done[j])
    sign = 1 if (before + int(vat.lab[base, 0] < 50)) % 2 else -1
    step = (sign * vat.rng.uniform(6, 11), vat.rng.normal(0, 2), vat.rng.normal(0, 2))
    vat.dye(i, vat.lab[base] + step, vat.names[base])


def _dye_tones(vat: _Vat, tones: list[int]) -> None:
    """Dye a ramp through the lead and one to four other yarns, dark to light or light to dark."""
    if not tones:
        return
    others = [int(j) for j in vat.rng.permutation(len(vat.yarns)) if j != vat.lead][: int(vat.rng.integers(1, 5))]
    stops = sorted([vat.lead, *others], key=lambda j: vat.pool[j, 0])
    if vat.rng.random() < 0.5:
        stops.reverse()
    for n, i in enumerate(tones):
        at = n * (len(stops) - 1) / max(1, len(tones) - 1)
        low = min(int(at), len(stops) - 2)
        lab = vat.pool[stops[low]] + (at - low) * (vat.pool[stops[low + 1]] - vat.pool[stops[low]])
        pure = at == int(at)
        vat.dye(i, lab, vat.yarns[stops[int(at)]].name if pure else name_colour(lab))


@cache
def _all_yarns() -> tuple[tuple[str, ...], NDArray[np.float64]]:
    yarns = [yarn for family in YARN_FAMILIES.values() for yarn in family.yarns]
    return tuple(yarn.name for yarn in yarns), rgb_to_lab(np.array([yarn.rgb for yarn in yarns]))


def name_colour(lab: NDArray[np.float64]) -> str:
    """Return the plain name of the nearest known yarn."""
    names, known = _all_yarns()
    return names[int(np.argmin(((known - lab) ** 2).sum(-1)))]


def rank_colours(names: tuple[str, ...], shares: NDArray[np.float64]) -> tuple[str, tuple[str, ...]]:
    """Return the basic word that covers most, and the names by falling share, each once."""
    basics = dict.fromkeys(BASIC_WORDS, 0.0)
    for name, share in zip(names, shares, strict=True):
        basics[BASIC_OF[name]] += float(share)
    ranked = dict.fromkeys(names[i] for i in np.argsort(-shares, kind="stable"))
    return max(basics, key=lambda word: basics[word]), tuple(ranked)
