"""The words of generated carpets: what each family is called, and captions in many phrasings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from studio.carpets.layouts import Phrase
from studio.carpets.palettes import YARN_FAMILIES
from studio.designs.colours.colour_words import BASIC_OF, BASIC_WORDS

TOKENS_MOST = 22
"""Words and commas of the longest caption: the text encoders of the built-in model read 24 tokens."""


@dataclass(frozen=True, slots=True)
class Subject:
    """How a family is named: words before "carpet", and what a "carpet with ..." has. Each names the family."""

    heads: tuple[str, ...]
    withs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Yarns:
    """The colours a caption may speak of: names by falling share, the dominant basic word, the set's title."""

    names: tuple[str, ...]
    ranked: tuple[str, ...]
    colour: str
    title: str


def name_family(rng: np.random.Generator, subject: Subject) -> str:
    """Return a caption that says what kind of carpet it is, without a colour: "kilim rug"."""
    return " ".join(_name(rng, subject))


def write_caption(
    rng: np.random.Generator, subject: Subject, motif: str, phrases: Sequence[Phrase], yarns: Yarns
) -> str:
    """Return a caption that names the dominant colour before any other, and the family; the rest as chance has it."""
    # 1. Words for the dominant colour and the next ones.
    finer = [name for name in yarns.ranked if BASIC_OF[name] == yarns.colour]
    first = yarns.colour if rng.random() < 0.6 or not finer else finer[0]
    others = list(dict.fromkeys(name for name in yarns.ranked if BASIC_OF[name] != yarns.colour))
    if rng.random() < 0.4:
        others = list(dict.fromkeys(BASIC_OF[name] for name in others))
    head, noun = _name(rng, subject)
    # 2. One of the phrasings.
    pair = f"{first} and {others[0]}" if others else first
    triple = f"{first}, {others[0]} and {others[1]}" if len(others) > 1 else pair
    phrasing = rng.choice(6, p=(0.38, 0.2, 0.14, 0.1, 0.12, 0.06))
    if phrasing == 0:
        text = f"{first} {head} {noun}"
    elif phrasing == 1:
        text = f"{head} {noun}, {pair} {motif}"
    elif phrasing == 2:
        text = f"{first} {noun} with {subject.withs[rng.integers(len(subject.withs))]}"
    elif phrasing == 3:
        text = f"{head} {noun} in {triple}"
    elif phrasing == 4:
        text = f"{pair} {head} {noun}"
    else:
        text = f"{'an' if first[0] in 'aeiou' else 'a'} {first} {head} {noun}"
    # 3. Some of the details, in their order, as far as the text encoders read.
    details = [_say(phrase, yarns.names) for phrase in phrases]
    if rng.random() < 0.5:
        details.append(yarns.title)
    wanted = rng.choice(6, p=(0.2, 0.2, 0.2, 0.2, 0.12, 0.08))
    chosen = sorted(rng.permutation(len(details))[:wanted])
    for i in chosen:
        longer = f"{text}, {details[i]}"
        if count_tokens(longer) <= TOKENS_MOST:
            text = longer
    return text


def count_tokens(caption: str) -> int:
    """Return the number of words and commas."""
    return len(caption.replace(",", " ,").split())


def _name(rng: np.random.Generator, subject: Subject) -> tuple[str, str]:
    noun = "carpet" if rng.random() < 0.75 else "rug"
    return subject.heads[rng.integers(len(subject.heads))], noun


def _say(phrase: Phrase, names: Sequence[str]) -> str:
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
"""Every word that families, borders and motifs put into a caption. A test draws them all and looks for others."""


def collect_words(subjects: Iterable[Subject]) -> tuple[str, ...]:
    """Return every word that a caption may hold: of the phrases, the subjects and the colours; sorted, each once."""
    texts = [PHRASE_WORDS, *BASIC_OF, *BASIC_WORDS, "carpet rug with"]
    texts += [text for subject in subjects for text in (*subject.heads, *subject.withs)]
    texts += [family.title for family in YARN_FAMILIES.values()]
    return tuple(sorted({word for text in texts for word in text.split()}))
