"""Which designs are trained on, and which are held out to validate the training."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable

from studio.datasets.example import Example
from studio.errors import RequestError

LEAST_DESIGNS = 4
"""With fewer designs none is held out: each counts too much in training."""
LARGEST_SHARE = 0.5
"""A design with more than this share of all pictures is not held out."""


def split(examples: Iterable[Example], share: float, seed: int = 0) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    """Return the examples that are trained and those that are held out, both in their order.

    Whole designs are held out, `share` (0 to 0.5) of them and at least one: pairs, near-duplicates, mirror images and
    recolourings stay on one side. With a share of 0 or fewer than 4 designs none is. The designs' order depends on the
    seed and their ids alone, so that a picture more moves one other design at most. Raises `RequestError` for another
    share.
    """
    if not 0 <= share <= 0.5:
        raise RequestError(f"The share held out is {share}. Choose 0 to 0.5; 0.1 is usual.")
    listed = tuple(examples)
    designs = _list_designs(listed)
    if share == 0 or len(designs) < LEAST_DESIGNS:
        return listed, ()
    most = LARGEST_SHARE * len(listed)
    order = sorted(
        (design for design, members in designs.items() if len(members) <= most),
        key=lambda design: hashlib.sha256(f"{seed}\0{design}".encode()).digest(),
    )
    count = max(1, round(share * len(designs)))
    chosen = {example.id for design in order[:count] for example in designs[design]}
    trained = tuple(example for example in listed if example.id not in chosen)
    return trained, tuple(example for example in listed if example.id in chosen)


def count_designs(examples: Iterable[Example]) -> int:
    """Return the number of designs: pairs and pictures that are nearly one count once."""
    return len(_list_designs(tuple(examples)))


def _list_designs(examples: tuple[Example, ...]) -> dict[str, list[Example]]:
    """Return the examples of each design; a variation's design is that of its source."""
    known = {example.id: example.design or example.id for example in examples}
    designs: dict[str, list[Example]] = defaultdict(list)
    for example in examples:
        own = known.get(example.source or "", known[example.id]) if not example.design else example.design
        designs[own].append(example)
    return designs
