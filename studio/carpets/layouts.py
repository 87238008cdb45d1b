"""What a generated carpet is: an index map with roles (`Layout`), and the same in yarn (`Carpet`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from studio.designs.weaving.contacts import count_contacts

Symmetry = Literal["none", "vertical", "horizontal", "quarter"]
"""How a design repeats itself: "vertical" has a vertical axis (left equals right mirrored), "horizontal" a
horizontal one (top equals bottom), "quarter" has both, "none" promises nothing."""

Role = Literal["field", "ground", "outline", "accent", "light", "leaf", "shade", "tone"]
"""What a colour is for. `field` covers the middle; `ground` lies under a border, corner or medallion; `outline` is
drawn thin round motifs; `accent` fills motifs; `light` wants the palest yarn and `leaf` a green where there is one;
a `shade` is close to the field; `tone` is one step of a ramp, in order."""

COLOURS_FEWEST, COLOURS_MOST = 4, 16
SIDE_SHORTEST_PX, SIDE_LONGEST_PX = 128, 1280


@dataclass(frozen=True, slots=True)
class Phrase:
    """A few words of a caption. "{}" in `text` stands for the name of the colour at `index`."""

    text: str
    index: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """A design before it has colours.

    `indices` is uint8 (h, w); `roles` has one entry a colour; `shares` (k,) sums to 1; `contacts` (k, k) says which
    part of the borderline between two colours each pair has (symmetric, zero on the diagonal, sums to 1).
    `motif` is a plural such as "diamonds"; `phrases` are what a caption may add, most telling first.
    """

    indices: NDArray[np.uint8]
    roles: tuple[Role, ...]
    shares: NDArray[np.float64]
    contacts: NDArray[np.float64]
    symmetry: Symmetry
    family: str
    motif: str
    phrases: tuple[Phrase, ...]
    seed: int

    @property
    def colour_count(self) -> int:
        """How many colours the design needs."""
        return len(self.roles)


@dataclass(frozen=True, slots=True, eq=False)
class Carpet:
    """A design in yarn: uint8 (h, w) indices into uint8 (k, 3) RGB, with its caption.

    `colour_names` has one plain word for each palette entry; `colour` is the basic word of the largest share
    ("blue" where navy and sky together cover most), which the caption names first, itself or by a finer word.
    """

    indices: NDArray[np.uint8]
    palette: NDArray[np.uint8]
    caption: str
    symmetry: Symmetry
    family: str
    seed: int
    colour_names: tuple[str, ...] = ()
    colour: str = ""

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """The carpet as RGB, uint8 (h, w, 3)."""
        return self.palette[self.indices]


def measure_contacts(indices: NDArray[np.uint8], count: int) -> NDArray[np.float64]:
    """Return which share of the borderline each pair of colours has: (count, count), symmetric, sums to 1."""
    table = count_contacts(indices, count).astype(np.float64)
    np.fill_diagonal(table, 0)
    return table / max(table.sum(), 1)
