"""Choose yarns for the colours of a layout so that adjacent colours contrast.

The lead is the yarn of the largest share. The others come from the lead's yarn family, so that the palette is one that
real carpets have.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from studio.carpets.layouts import Layout
from studio.designs.colours.colour_words import BASIC_OF, BASIC_WORDS
from studio.designs.colours.yarn_families import YARN_FAMILIES, Yarn
from studio.designs.colours.yarn_names import name_colour

LEAD_WEIGHTS = {
    "red": 14, "blue": 14, "green": 9, "gold": 7, "orange": 7, "teal": 7, "pink": 6, "purple": 6,
    "brown": 6, "beige": 7, "ivory": 7, "grey": 6, "black": 5,
}  # fmt: skip
"""How often each basic colour is the lead. Red and blue lead most often, so that a model learns to distinguish prompts
for them."""

_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.072175], [0.0193339, 0.119192, 0.9503041]]
)
_WHITE = np.array([0.95047, 1.0, 1.08883])


def rgb_to_lab(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert sRGB, 0..255, (..., 3), to CIE L*a*b* (D65)."""
    unit = np.asarray(rgb, np.float64) / 255
    linear = np.where(unit <= 0.04045, unit / 12.92, ((unit + 0.055) / 1.055) ** 2.4)
    t = linear @ _TO_XYZ.T / _WHITE
    f = np.where(t > 216 / 24389, np.cbrt(t), (24389 / 27 * t + 16) / 116)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)


def lab_to_rgb(lab: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Convert CIE L*a*b* (D65), (..., 3), to sRGB uint8; colours out of gamut are clipped."""
    fy = (lab[..., 0] + 16) / 116
    f = np.stack([fy + lab[..., 1] / 500, fy, fy - lab[..., 2] / 200], axis=-1)
    t = np.where(f**3 > 216 / 24389, f**3, (116 * f - 16) * 27 / 24389)
    linear = np.clip((t * _WHITE) @ np.linalg.inv(_TO_XYZ).T, 0, 1)
    unit = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    rgb: NDArray[np.uint8] = np.round(unit * 255).astype(np.uint8)
    return rgb


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
class _DraftPalette:
    """A palette in progress.

    `yarns` are those of the chosen family, `pool` (n, 3) their CIE Lab, `lead` the index of the lead, `uses` (n,) how
    many colours have each yarn. `lab` (k, 3), `names` and `done` describe the colours of the layout.
    """

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
    """Return the yarn family's key, a palette uint8 (k, 3) and the yarn name of each colour."""
    # 1. The lead: a basic colour, then a yarn of it in any family.
    weights = np.array(list(LEAD_WEIGHTS.values()), np.float64)
    colour = list(LEAD_WEIGHTS)[rng.choice(len(weights), p=weights / weights.sum())]
    leads = _leads(colour)
    family, lead = leads[rng.integers(len(leads))]
    yarns, pool = _yarns(family)
    count = layout.colour_count
    palette = _DraftPalette(
        layout, rng, yarns, pool, lead, np.zeros((count, 3)), [""] * count,
        np.zeros(count, bool), np.zeros(len(yarns), int),
    )  # fmt: skip
    # 2. Tones form a ramp. The others follow by falling share, each in contrast to its neighbours dyed so far.
    _dye_tones(palette, [i for i in range(count) if layout.roles[i] == "tone"])
    shades = np.array([role == "shade" for role in layout.roles])
    for i in np.lexsort((-layout.shares, shades)):  # shades last, since they take the colour they lie on
        if palette.done[i]:
            continue
        if shades[i] and palette.done.any():
            _dye_shade(palette, i)
        else:
            _dye_yarn(palette, i, _pick_yarn(palette, i) if palette.done.any() else lead)
    # 3. Vary chroma and lightness, as dye lots do.
    chroma = rng.uniform(0.86, 1.1)
    lab = palette.lab * (1, chroma, chroma) + (rng.normal(0, 1.5), 0, 0) + rng.normal(0, 0.9, (count, 3))
    lab[:, 0] = np.clip(lab[:, 0], 4, 98)
    rgb = lab_to_rgb(lab)
    for i in range(1, count):  # neighbouring steps of a flat ramp can round to the same colour
        step = 1 if rgb[i, i % 3] < 128 else -1
        while (rgb[:i] == rgb[i]).all(axis=1).any():
            rgb[i, i % 3] = int(rgb[i, i % 3]) + step
    return family, rgb, tuple(palette.names)


def _pick_yarn(palette: _DraftPalette, i: int) -> int:
    """Return a yarn for colour i: unlike its dyed neighbours, suited to its role, with a random part in the score."""
    touch = palette.layout.contacts[i] * palette.done
    touch = touch / touch.sum() if touch.sum() > 0 else palette.done / palette.done.sum()
    apart = np.sqrt((((palette.pool[:, None] - palette.lab[None]) * (1.3, 0.8, 0.8)) ** 2).sum(-1))  # (yarns, k)
    light = palette.pool[:, 0] / 100
    role = palette.layout.roles[i]
    if role == "outline":
        score = (np.minimum(apart, 70) / 70) @ touch * 4 + np.abs(light - 0.55)
    else:
        score = (np.minimum(apart, 45) / 45) @ touch * 2.2 - ((apart < 16) @ touch) * 2
    if role == "light":
        score = score + light * 2.5
    elif role == "leaf":
        score = score + np.array([yarn.basic in ("green", "teal") for yarn in palette.yarns]) * 1.2
    score = score + palette.rng.gumbel(0, 0.22, len(palette.pool)) - palette.uses * 3.0 - _crowding(palette, i) * 0.9
    return int(np.argmax(score))


def _crowding(palette: _DraftPalette, i: int) -> NDArray[np.bool_]:
    """Return whether each yarn, used for colour i, would bring another basic colour to 70 % of the lead's share."""
    covered = dict.fromkeys(BASIC_WORDS, 0.0)
    for name, share in zip(palette.names, palette.layout.shares, strict=True):
        if name:
            covered[BASIC_OF[name]] += float(share)
    colour = palette.yarns[palette.lead].basic
    room = 0.7 * covered[colour] - float(palette.layout.shares[i])
    return np.array([yarn.basic != colour and covered[yarn.basic] > room for yarn in palette.yarns])


def _dye_yarn(palette: _DraftPalette, i: int, pick: int) -> None:
    """Dye colour i in a yarn; for each earlier use 10 L* lighter, or 10 L* darker if its L* is 50 or more."""
    lab = palette.pool[pick].copy()
    lab[0] += (10 if lab[0] < 50 else -10) * palette.uses[pick]
    palette.uses[pick] += 1
    palette.dye(i, lab, palette.yarns[pick].name)


def _dye_shade(palette: _DraftPalette, i: int) -> None:
    """Dye colour i close to the dyed neighbour with which it shares most edges."""
    base = int(np.argmax((palette.layout.contacts[i] + 1e-9 * palette.layout.shares) * palette.done))
    before = sum(1 for j, role in enumerate(palette.layout.roles) if role == "shade" and palette.done[j])
    sign = 1 if (before + int(palette.lab[base, 0] < 50)) % 2 else -1
    step = (sign * palette.rng.uniform(6, 11), palette.rng.normal(0, 2), palette.rng.normal(0, 2))
    palette.dye(i, palette.lab[base] + step, palette.names[base])


def _dye_tones(palette: _DraftPalette, tones: list[int]) -> None:
    """Dye a ramp through the lead and one to four other yarns, by rising or falling lightness."""
    if not tones:
        return
    others = [int(j) for j in palette.rng.permutation(len(palette.yarns)) if j != palette.lead]
    stops = sorted([palette.lead, *others[: int(palette.rng.integers(1, 5))]], key=lambda j: palette.pool[j, 0])
    if palette.rng.random() < 0.5:
        stops.reverse()
    for n, i in enumerate(tones):
        at = n * (len(stops) - 1) / max(1, len(tones) - 1)
        low = min(int(at), len(stops) - 2)
        lab = palette.pool[stops[low]] + (at - low) * (palette.pool[stops[low + 1]] - palette.pool[stops[low]])
        palette.dye(i, lab, palette.yarns[stops[int(at)]].name if at == int(at) else name_colour(lab))
