"""The colourway that a prompt asks for: its colour words on the yarns of a design, shade by shade."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from studio.designs.colours.colour_spaces import Floats, convert_to_oklab
from studio.designs.colours.colour_words import BASIC_COLOURS, BASIC_OF, find_colour_words, find_missing_words
from studio.designs.colours.colourways import Colourway
from studio.designs.colours.harmonies import convert_from_oklch, convert_to_oklch


def make_named_colourway(
    palette: NDArray[np.uint8], shares: Floats, text: str, locked: Collection[int] = ()
) -> Colourway | None:
    """Return a palette uint8 (k, 3) with yarns in the colours that a text names and no yarn has, None where none lacks.

    `shares` (k,) are the yarns' shares of the knots; entries that no knot uses stay and count as no yarn. Yarns fall
    into families by the basic colour that they are nearest to. Each missing colour, in the order of the text, replaces
    the family with the greatest share that the text does not name: its largest yarn takes an example of the colour, the
    others keep their difference in lightness from it. Families with a yarn at a `locked` index stay.
    """
    used = np.flatnonzero(shares)
    missing = find_missing_words(text, palette[used]) if used.size else ()
    if not missing:
        return None
    families = np.array(_name_yarns(palette[used]))
    named = {BASIC_OF[word] for word in find_colour_words(text)}
    fixed = named | set(families[np.isin(used, list(locked))].tolist())
    weights = {name: float(shares[used[families == name]].sum()) for name in set(families.tolist()) - fixed}
    free = sorted(weights, key=lambda name: (-weights[name], name))
    colours = palette.copy()
    taken = []
    for word, family in zip(dict.fromkeys(BASIC_OF[word] for word in missing), free, strict=False):
        members = used[families == family]
        colours[members] = _recolour(palette[members], shares[members], word)
        taken.append(word)
    return Colourway(f"With {' and '.join(taken)}", colours) if taken else None


def _name_yarns(palette: NDArray[np.uint8]) -> list[str]:
    """Return the basic colour that each yarn is nearest to."""
    names = [name for name, examples in BASIC_COLOURS.items() for _ in examples]
    examples = convert_to_oklab(np.array([one for colours in BASIC_COLOURS.values() for one in colours], np.uint8))
    distances = np.linalg.norm(convert_to_oklab(palette)[:, None] - examples, axis=-1)
    return [names[index] for index in distances.argmin(axis=1)]


def _recolour(members: NDArray[np.uint8], shares: Floats, word: str) -> NDArray[np.uint8]:
    """Return the yarns of a family (n, 3) in a basic colour."""
    own = convert_to_oklch(members)
    examples = np.array(BASIC_COLOURS[word], np.uint8)
    main = int(np.argmax(shares))
    tones = convert_to_oklch(examples)
    chosen = int(np.abs(tones[:, 0] - own[main, 0]).argmin())
    recoloured = np.repeat(tones[chosen][None], len(members), axis=0)
    recoloured[:, 0] = np.clip(tones[chosen, 0] + own[:, 0] - own[main, 0], 0.05, 0.98)
    colours = convert_from_oklch(recoloured)
    colours[main] = examples[chosen]
    return colours
