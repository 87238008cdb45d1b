"""Yarn families: sets of dyed yarns that occur together, each yarn with an everyday colour name."""

from __future__ import annotations

from dataclasses import dataclass

from studio.designs.colours.colour_words import BASIC_OF


@dataclass(frozen=True, slots=True)
class Yarn:
    """A dyed yarn: its everyday colour name and its sRGB colour, 0..255."""

    name: str
    rgb: tuple[int, int, int]

    @property
    def basic(self) -> str:
        """The basic colour word of the name: "blue" for "navy"."""
        return BASIC_OF[self.name]


@dataclass(frozen=True, slots=True)
class YarnFamily:
    """Yarns that occur together, and the name of the set in captions, such as "earth tones"."""

    title: str
    yarns: tuple[Yarn, ...]


def _family(title: str, text: str) -> YarnFamily:
    yarns = []
    for entry in text.split(","):
        name, value = entry.strip().rsplit(maxsplit=1)
        yarns.append(Yarn(name, (int(value[0:2], 16), int(value[2:4], 16), int(value[4:6], 16))))
    return YarnFamily(title, tuple(yarns))


YARN_FAMILIES: dict[str, YarnFamily] = {
    "persian": _family(
        "persian colours",
        "red 9c1f26, navy 16223f, ivory eee3c8, gold c79a3b, blue 2f5d8c, green 4d6b3c, rose c9757a, camel b08a5a,"
        "sky blue 8fb0c4, brick 7c2f26, black 1a1718, turquoise 3f8f96, brown 5a3a26, orange c8702f",
    ),
    "earth": _family(
        "earth tones",
        "rust a4502a, terracotta b9643f, ochre c08a37, brown 5e4030, sand cdb48c, ivory eee4cf, olive 6e6b3a,"
        "charcoal 37312e, beige c9b79a, chocolate 3f2a20, brick 8c3b2c, camel b08d62, moss 57603a, stone a39d92",
    ),
    "indigo": _family(
        "indigo tones",
        "indigo 232f5c, navy 141c38, blue 3b5f99, denim 5e7ea6, sky blue 9dbdd6, ivory f0ebdd, white f8f6f0,"
        "grey 9aa3ad, powder blue c3d4e2, cobalt 2450a0, slate 5f6b78, sand d3c6ab",
    ),
    "pastel": _family(
        "pastel colours",
        "blush ecc9c4, mint bfdccb, lavender cbc2e0, sky blue bcd6e8, cream f6eedb, peach f3c7a5, straw eedd9f,"
        "sage b5c4a5, pink eab0bd, lilac d3b6d6, grey b4b5b8, white fbf9f4, aqua a8d8d8, rose d58f98,"
        "slate 66707f, plum 6d4a66",
    ),
    "jewel": _family(
        "jewel colours",
        "ruby 9b1339, emerald 0f6b4c, sapphire 1c3f94, violet 56267f, teal 0f6f77, gold d3a12d, plum 5b1f4c,"
        "black 15121a, ivory f2e9d6, fuchsia b5246f, turquoise 1f9ea3, orange d9642a, pink d8799c, navy 151b45",
    ),
    "scandinavian": _family(
        "scandinavian colours",
        "white f5f3ee, grey a9aaab, charcoal 3b3d40, mustard cf9f37, denim 55738f, blush e2b9ad, sage 9aab93,"
        "powder blue bfd0da, black 1e1f21, brick a9513f, petrol 2b5763, oat ddd2bf, silver cfd0cf, forest 3f5a49",
    ),
    "monochrome": _family(
        "black and white",
        "black 161616, charcoal 3a3a3b, slate 5c5e61, grey 858789, silver b5b6b7, white f4f3f0, stone a09c96,"
        "ivory ebe6da",
    ),
    "natural": _family(
        "natural wool",
        "ivory efe7d6, cream f5efe0, beige cdbda3, oat dacdb5, taupe a3927e, brown 6d5340, chocolate 453226,"
        "grey 8f8a83, charcoal 383432, camel b5946a, sand d6c29c, walnut 5a4230",
    ),
    "turkmen": _family(
        "turkmen reds",
        "madder 8a2a22, wine 5a161d, brick a5402c, navy 1a2138, ivory e9dcc0, orange c2622d, black 1c1514,"
        "brown 55301f, gold bf8f3e, green 3a5140, rose b5665c, blue 35557d",
    ),
    "anatolian": _family(
        "warm village colours",
        "red b02a24, orange d0702b, gold d9a63c, green 5a7a3f, blue 2b5a8a, ivory f0e4c6, brown 5c3521, black 1d191a,"
        "purple 643058, turquoise 3d9a98, pink cd7d86, navy 1d2a4d, sand cfb78b",
    ),
    "garden": _family(
        "garden colours",
        "green 4e7d3a, forest 24452f, sage a3b58a, olive 7f8446, rose d67484, crimson a32236, cream f4ecd4,"
        "beige ada088, gold d8ab5c, slate 4a5a70, pink e9a3ae, sky blue 9cc0d0, navy 18204a, peach e0ae80",
    ),
    "sea": _family(
        "sea colours",
        "teal 1d6b75, turquoise 37a3a6, aqua 9ad6d2, navy 12274a, blue 2a6db0, sky blue 9ecbe5, sand dccaa2,"
        "white f6f6f1, coral e2765d, petrol 0f4450, mint b7e0cc, grey 8d9ba3",
    ),
    "sunset": _family(
        "sunset colours",
        "orange e0702a, scarlet cc3524, saffron e8a92e, plum 57244f, fuchsia b23472, coral e98168, wine 6a1832,"
        "peach f4c49a, yellow f2d04a, chocolate 3a2420, violet 5f3a8a, cream f8ebd2, navy 26234f",
    ),
    "forest": _family(
        "forest colours",
        "forest 203c2c, green 3d6b45, moss 66733b, sage 9fb191, olive 85813f, walnut 57412f, ochre bd8b35,"
        "cream f1e9d4, rust a1512c, charcoal 2a2e2b, pistachio c3cf9b, oat d7cbb0, petrol 23525a",
    ),
    "berry": _family(
        "berry colours",
        "plum 5a2150, purple 7a3f8f, lilac b99acb, burgundy 6b1630, crimson a11f45, rose d27d93, aubergine 301533,"
        "blush efcbd0, mauve 9c7690, grey aaa4ad, ivory f3ecdf, gold cba04f, lavender d5c9e6",
    ),
    "desert": _family(
        "desert colours",
        "terracotta bd6a47, sand d9bd8e, coral df8a6c, honey d9a14a, cinnamon 8d4f2f, cream f3e8d1, sage a5ad8c,"
        "taupe 9b8770, turquoise 4f9d9b, brown 63432f, rust a04a2a, peach eec2a0, charcoal 3d3531",
    ),
    "bold": _family(
        "bold colours",
        "red d8262c, blue 1f57b8, yellow f3c61f, black 141414, white f7f5ef, green 1f8a4d, orange f07f1e,"
        "pink ee7fa5, turquoise 19aab3, purple 6a2f96, grey 9b9b9b, navy 17235c, mint a6dcc0",
    ),
    "antique": _family(
        "faded antique colours",
        "rose b98078, powder blue 9fb2bb, sage a3a98a, camel b49a73, ivory e6dcc6, brick 94574a, slate 65717b,"
        "gold c2a467, taupe 93836f, brown 69513f, denim 6b819a, beige cbbda2, charcoal 3d3a3a, mauve 927a83",
    ),
    "midnight": _family(
        "dark night colours",
        "black 131417, navy 141c3a, charcoal 2f3238, indigo 2b2f66, petrol 12424e, plum 431b40, gold c59a46,"
        "silver b9bec6, wine 5a1428, emerald 14543f, rust b06a3c, cream efe6d2, blue 3a5da0".replace("copper", "rust"),
    ),
    "spice": _family(
        "spice colours",
        "saffron e3a02c, cinnamon 8f4b28, red ad2b20, mustard c99a2e, olive 757135, tobacco 6f4a2a, orange d4722c,"
        "cream f4e8cc, burgundy 6b1a22, teal 2f7276, chocolate 3c261c, pink d78f86, straw e6cf93",
    ),
}
"""Yarn families by key. To add one, add an entry with dark, middle and light yarns, named by words of `BASIC_OF`."""
