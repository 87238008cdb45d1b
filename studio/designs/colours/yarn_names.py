"""Names of yarns: each colour takes the name of the nearest dyed yarn, so that a caption says navy, ivory or madder."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from studio.designs.colours.colour_spaces import Floats, convert_to_lab
from studio.designs.colours.colour_words import BASIC_OF, BASIC_WORDS
from studio.designs.colours.yarn_families import YARN_FAMILIES


def name_colours(palette: NDArray[np.uint8]) -> tuple[str, ...]:
    """Return the name of each colour of a palette uint8 (k, 3)."""
    return tuple(name_colour(lab) for lab in convert_to_lab(palette / 255))


def name_colour(lab: Floats) -> str:
    """Return the name of the yarn nearest to a colour (3,) in CIE Lab, of all families."""
    names, known = _list_yarns()
    return names[int(np.argmin(((known - lab) ** 2).sum(-1)))]


def rank_colours(names: tuple[str, ...], shares: NDArray[np.float64]) -> tuple[str, tuple[str, ...]]:
    """Return the basic colour word with the largest share, and the yarn names by falling share, each once."""
    basics = dict.fromkeys(BASIC_WORDS, 0.0)
    for name, share in zip(names, shares, strict=True):
        basics[BASIC_OF[name]] += float(share)
    ranked = dict.fromkeys(names[i] for i in np.argsort(-shares, kind="stable"))
    return max(basics, key=lambda word: basics[word]), tuple(ranked)


@cache
def _list_yarns() -> tuple[tuple[str, ...], Floats]:
    yarns = [yarn for family in YARN_FAMILIES.values() for yarn in family.yarns]
    return tuple(yarn.name for yarn in yarns), convert_to_lab(np.array([yarn.rgb for yarn in yarns], np.uint8) / 255)
