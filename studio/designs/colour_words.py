"""The words for colours that designers use and captions are written in."""

from __future__ import annotations

import re

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
"""A basic word, and the finer names that count as it."""

BASIC_OF = {name: basic for basic, names in BASIC_WORDS.items() for name in names}

ALSO_THINGS = {"rose", "brick", "straw", "stone", "wine", "honey", "sand", "linen", "oat", "moss", "forest", "sage"}
"""Words that mean a flower or a thing as often as a colour."""
_PATTERN = r"\b(?:" + "|".join(sorted(BASIC_OF.keys() - ALSO_THINGS, key=len, reverse=True)) + r"|gray|golden)\b"


def find_colour_words(text: str) -> tuple[str, ...]:
    """Return the words for colours in a text, in its order, each once; those that may mean a thing are left out."""
    return tuple(dict.fromkeys(re.findall(_PATTERN, text.lower())))
