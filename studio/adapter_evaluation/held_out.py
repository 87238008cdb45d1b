"""The held-out set: pictures that were not trained on, by design."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from studio.datasets import Example
from studio.designs import Design, open_design

Pixels = NDArray[np.uint8]
Knots = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Family:
    """The pictures of one design: itself first, then its variations, near-duplicates and recolourings.

    `number` is its place in the set; those of another set have numbers of their own.
    """

    number: int
    members: tuple[Example, ...]

    @property
    def design(self) -> Example:
        """The design itself."""
        return self.members[0]

    @property
    def pairs(self) -> tuple[int, ...]:
        """Places among the members of those that a designer drew from the design itself."""
        return tuple(place for place, one in enumerate(self.members) if place and one.source == self.design.id)


def group_families(examples: Iterable[Example], first: int = 0) -> tuple[Family, ...]:
    """Return the designs of a dataset, each with all its pictures, in the dataset's order, numbered from `first`."""
    grouped: dict[str, list[Example]] = {}
    for one in examples:
        grouped.setdefault(one.design, []).append(one)
    families = []
    for number, members in enumerate(grouped.values(), first):
        named = {one.source for one in members}
        # The source of pairs is the design; without pairs any picture is, so the first.
        members.sort(key=lambda one: one.id not in named)
        families.append(Family(number, tuple(members)))
    return tuple(families)


def open_pixels(pixels: Pixels) -> Design:
    """Return a picture, uint8 (h, w, 3), as a design."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    return open_design(buffer.getvalue(), to_vary=False)


def read_pixels(design: Design) -> Pixels:
    """Return a design's picture, uint8 (h, w, 3)."""
    return np.asarray(design.image)
