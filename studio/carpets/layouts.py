"""The generated design: an index map with a role for each colour (`Layout`), and the same with yarns (`Carpet`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from studio.designs.weaving.contacts import count_contacts

Symmetry = Literal["none", "vertical", "horizontal", "quarter"]
"""Mirror symmetry: "vertical" about a vertical axis (left mirrors right), "horizontal" about a horizontal axis (top
mirrors bottom), "quarter" about both. "none" claims no symmetry."""

Role = Literal["field", "ground", "outline", "accent", "light", "leaf", "shade", "tone"]
"""What a colour is used for. `field`: the ground of the middle. `ground`: the ground of a border, corner or medallion.
`outline`: thin lines round motifs. `accent`: fills of motifs. `light`: prefers pale yarns. `leaf`: prefers greens.
`shade`: a colour close to the one that it touches most. `tone`: one step of a colour ramp, in order."""

COLOURS_FEWEST, COLOURS_MOST = 4, 16
SIDE_SHORTEST_PX, SIDE_LONGEST_PX = 128, 1280


@dataclass(frozen=True, slots=True)
class Phrase:
    """A detail of a caption. "{}" in `text` stands for the name of the colour at `index`."""

    text: str
    index: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """A design without yarns.

    `indices` is uint8 (h, w); `roles` has one entry per colour; `shares` (k,) are areas and sum to 1; `contacts` is
    the adjacency of `measure_contacts`, (k, k). `motif` is a plural such as "diamonds"; `phrases` are the details that
    a caption may add, those of borders last.
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
        """The number of colours."""
        return len(self.roles)


@dataclass(frozen=True, slots=True, eq=False)
class Carpet:
    """A design in yarns: uint8 (h, w) indices into a uint8 (k, 3) RGB palette, with its caption.

    `colour_names` has one yarn name per palette entry. `colour` is the dominant basic colour word: "blue" where navy
    and sky blue together cover most. The caption names it, or a yarn of it ("navy"), before any other colour.
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
    """Return the adjacency of the colours: each pair's share of all edges between unlike pixels.

    (count, count), symmetric, zero on the diagonal, sums to 1.
    """
    table = count_contacts(indices, count).astype(np.float64)
    np.fill_diagonal(table, 0)
    contacts: NDArray[np.float64] = table / max(table.sum(), 1)
    return contacts
