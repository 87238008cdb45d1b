"""Colour words of prompts and captions, and whether a palette has the colours that they name."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from studio.designs.colours.colour_spaces import convert_to_oklab

BASIC_WORDS: dict[str, tuple[str, ...]] = {
    "red": ("red", "crimson", "brick", "burgundy", "wine", "scarlet", "ruby", "madder"),
    "pink": ("pink", "rose", "blush", "fuchsia"),
    "orange": ("orange", "rust", "terracotta", "apricot", "coral", "peach"),
    "gold": ("gold", "ochre", "saffron", "honey", "mustard", "yellow", "straw"),
    "green": ("green", "olive", "sage", "emerald", "moss", "forest", "mint", "pistachio"),
    "teal": ("teal", "turquoise", "petrol", "aqua"),
    "blue": ("blue", "navy", "sky blue", "indigo", "cobalt", "denim", "sapphire", "powder blue"),
    "purple": ("purple", "plum", "lilac", "lavender", "violet", "aubergine", "mauve"),
    "brown": ("brown", "chocolate", "walnut", "camel", "cinnamon", "tobacco"),
    "beige": ("beige", "sand", "linen", "oat", "taupe"),
    "ivory": ("ivory", "cream", "white"),
    "grey": ("grey", "silver", "slate", "stone"),
    "black": ("black", "charcoal", "ebony"),
}
"""Each basic word and the finer names that count as it."""

BASIC_OF = {name: basic for basic, names in BASIC_WORDS.items() for name in names}

BASIC_COLOURS: dict[str, tuple[tuple[int, int, int], ...]] = {
    "red": ((170, 35, 40), (120, 20, 30)),
    "pink": ((225, 140, 150), (200, 90, 120)),
    "orange": ((215, 110, 40), (185, 85, 50)),
    "gold": ((205, 160, 60), (230, 205, 110)),
    "green": ((60, 120, 60), (110, 130, 70), (35, 70, 50), (150, 180, 140)),
    "teal": ((40, 125, 125), (90, 170, 170)),
    "blue": ((60, 100, 170), (30, 50, 110), (20, 30, 70), (120, 160, 205)),
    "purple": ((95, 50, 110), (150, 120, 170)),
    "brown": ((100, 65, 40), (60, 40, 30), (150, 110, 75)),
    "beige": ((200, 180, 145), (175, 155, 130)),
    "ivory": ((240, 230, 205), (255, 255, 255)),
    "grey": ((130, 130, 130), (80, 85, 90), (185, 185, 185)),
    "black": ((20, 20, 22),),
}
"""Examples of the colours that each basic word names, in sRGB."""
MEANT_OKLAB = 0.12
"""A word names a yarn within this OKLab distance of one of its examples; a dark and a light shade of a hue lie farther
apart."""
ALSO_THINGS = {"rose", "brick", "straw", "stone", "wine", "honey", "sand", "linen", "oat", "moss", "forest", "sage"}
"""Words that mean a flower, a material or another thing as often as a colour."""
_PATTERN = r"\b(?:" + "|".join(sorted(BASIC_OF.keys() - ALSO_THINGS, key=len, reverse=True)) + r")\b"


def find_colour_words(text: str) -> tuple[str, ...]:
    """Return the colour words of a text in its order, each once, without those that may mean a thing."""
    return tuple(dict.fromkeys(re.findall(_PATTERN, text.lower())))


def find_missing_words(text: str, palette: NDArray[np.uint8]) -> tuple[str, ...]:
    """Return the colour words of a text that name no yarn of a palette uint8 (k, 3)."""
    yarns = convert_to_oklab(palette)
    missing = []
    for word in find_colour_words(text):
        examples = convert_to_oklab(np.array(BASIC_COLOURS[BASIC_OF[word]], np.uint8))
        if np.linalg.norm(yarns[:, None] - examples, axis=-1).min() > MEANT_OKLAB:
            missing.append(word)
    return tuple(missing)
