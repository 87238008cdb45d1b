"""Captions of generated carpets, in several phrasings, and the vocabulary that they use."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from studio.carpets.layouts import Phrase
from studio.designs.colours.colour_words import BASIC_OF, BASIC_WORDS
from studio.designs.colours.yarn_families import YARN_FAMILIES

TOKENS_MOST = 22
"""The most words and commas in a caption: the text encoders of the built-in model read 24 tokens."""


@dataclass(frozen=True, slots=True)
class Subject:
    """How captions name a family: "<modifier> carpet" or "carpet with <feature>"."""

    modifiers: tuple[str, ...]
    features: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CaptionColours:
    """The colours that a caption may name.

    `names` has one yarn name per palette entry, `ranked` has each name once by falling share, `colour` is the dominant
    basic colour word, `title` that of the yarn family.
    """

    names: tuple[str, ...]
    ranked: tuple[str, ...]
    colour: str
    title: str


def name_family(rng: np.random.Generator, subject: Subject) -> str:
    """Return a caption of the family alone, without a colour, such as "kilim rug"."""
    return " ".join(_name(rng, subject))


def write_caption(
    rng: np.random.Generator, subject: Subject, motif: str, phrases: Sequence[Phrase], colours: CaptionColours
) -> str:
    """Return a caption that names the family, and the dominant colour before any other; phrasing and details vary."""
    # 1. Words for the dominant colour and the next ones, as basic words or yarn names.
    finer = [name for name in colours.ranked if BASIC_OF[name] == colours.colour]
    first = colours.colour if rng.random() < 0.6 or not finer else finer[0]
    others = list(dict.fromkeys(name for name in colours.ranked if BASIC_OF[name] != colours.colour))
    if rng.random() < 0.4:
        others = list(dict.fromkeys(BASIC_OF[name] for name in others))
    modifier, noun = _name(rng, subject)
    # 2. The phrasing.
    pair = f"{first} and {others[0]}" if others else first
    triple = f"{first}, {others[0]} and {others[1]}" if len(others) > 1 else pair
    phrasing = rng.choice(6, p=(0.38, 0.2, 0.14, 0.1, 0.12, 0.06))
    if phrasing == 0:
        text = f"{first} {modifier} {noun}"
    elif phrasing == 1:
        text = f"{modifier} {noun}, {pair} {motif}"
    elif phrasing == 2:
        text = f"{first} {noun} with {subject.features[rng.integers(len(subject.features))]}"
    elif phrasing == 3:
        text = f"{modifier} {noun} in {triple}"
    elif phrasing == 4:
        text = f"{pair} {modifier} {noun}"
    else:
        text = f"{'an' if first[0] in 'aeiou' else 'a'} {first} {modifier} {noun}"
    # 3. Some of the details, in their order, within `TOKENS_MOST`.
    details = [_fill_in(phrase, colours.names) for phrase in phrases]
    if rng.random() < 0.5:
        details.append(colours.title)
    wanted = rng.choice(6, p=(0.2, 0.2, 0.2, 0.2, 0.12, 0.08))
    chosen = sorted(rng.permutation(len(details))[:wanted])
    for i in chosen:
        longer = f"{text}, {details[i]}"
        if count_tokens(longer) <= TOKENS_MOST:
            text = longer
    return text


def count_tokens(caption: str) -> int:
    """Return the number of words and commas in a caption."""
    return len(caption.replace(",", " ,").split())


def _name(rng: np.random.Generator, subject: Subject) -> tuple[str, str]:
    noun = "carpet" if rng.random() < 0.75 else "rug"
    return subject.modifiers[rng.integers(len(subject.modifiers))], noun


def _fill_in(phrase: Phrase, names: Sequence[str]) -> str:
    return phrase.text if phrase.index is None else phrase.text.format(names[phrase.index])


PHRASE_WORDS = """
a across along an and arch arched arcs band banded bands beaded between block blocks border borders boteh broad brush
brushed by carnations cartouches checked checks chevrons circles clouds colour colours columns corners crosses
crossing curling cut cypresses daisies dark diamond diamonds double down edges empty ends even fans few field fine
five flat flowered flowering flowers flowing four ground guards guls hanging hexagon hexagons hooks horns in inner key
lamp large lattice layered leafy leaves line lines lobed lotus lozenges many medallion medallions meshes motifs narrow
nested niche no octagon of on one ornament outlined outlines oval overlapping palmettes panels patches pebbles
pendants peonies places plain pointed pomegranates rays ringed rings rosettes round rows rubbed running scalloped
scattered scrolling scrolls seams seaweed serrated sewn shades shaggy shape shapes side slanting small soft square
squares star stars stepped steps streaks stripes tartan the thin three tiles toothed tree trefoil triangles tulips
twigs two upright vase vines waved waves wide worn zigzag zigzags
"""
"""Every word in the phrases and motifs of families and borders. A test draws each family and names missing words."""


def collect_words(subjects: Iterable[Subject]) -> tuple[str, ...]:
    """Return the sorted words of all phrases, subjects, colours and yarn families."""
    texts = [PHRASE_WORDS, *BASIC_OF, *BASIC_WORDS, "carpet rug with"]
    texts += [text for subject in subjects for text in (*subject.modifiers, *subject.features)]
    texts += [family.title for family in YARN_FAMILIES.values()]
    return tuple(sorted({word for text in texts for word in text.split()}))
