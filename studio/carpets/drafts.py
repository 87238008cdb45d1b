"""The state of a design while it is drawn: size, random generator, inks and caption phrases.

An ink is an index of the index map before unused ones are removed; its role decides which yarn it gets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from studio.carpets.drawing import Sheet, half
from studio.carpets.layouts import Phrase, Role, Symmetry

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Draft:
    """The design in progress that drawing functions receive. The same seed needs the same order of random draws."""

    rng: np.random.Generator
    width_px: int
    height_px: int
    roles: list[Role] = field(default_factory=list)
    phrases: list[Phrase] = field(default_factory=list)

    @property
    def side_px(self) -> int:
        """The shorter side of the carpet."""
        return min(self.width_px, self.height_px)

    @property
    def unit_px(self) -> float:
        """The unit of ornament sizes: 1 px on a carpet 192 px wide, about 3 px on one of 900 px.

        It grows more slowly than the carpet, so that large carpets have finer ornament.
        """
        unit: float = (self.side_px / 192) ** 0.72
        return unit

    @property
    def pen_px(self) -> int:
        """The thickness of outlines."""
        return 1 if self.side_px < 560 else 2

    def ink(self, role: Role) -> int:
        """Return a new ink of this role."""
        self.roles.append(role)
        return len(self.roles) - 1

    def say(self, text: str, index: int | None = None) -> None:
        """Add a phrase that the caption may use; "{}" stands for the name of the colour at `index`."""
        self.phrases.append(Phrase(text, index))

    def chance(self, share: float) -> bool:
        """Return True with this probability."""
        return bool(self.rng.random() < share)

    def pick(self, things: Sequence[T]) -> T:
        """Return one of the things, each equally likely."""
        return things[int(self.rng.integers(len(things)))]

    def whole(self, low: int, high: int) -> int:
        """Return a uniform integer, both ends included."""
        return int(self.rng.integers(low, high + 1))

    def real(self, low: float, high: float) -> float:
        """Return a uniform float from low to high."""
        return float(self.rng.uniform(low, high))

    def sheet(self, symmetry: Symmetry, ground: int = 0) -> Sheet:
        """Return a sheet for the part to draw before mirroring: the top left quarter, a half, or all of the carpet."""
        wide = half(self.width_px) if symmetry in ("vertical", "quarter") else self.width_px
        high = half(self.height_px) if symmetry in ("horizontal", "quarter") else self.height_px
        return Sheet(wide, high, ground, self.pen_px)


@dataclass(frozen=True, slots=True)
class Inks:
    """The inks that most families use. `grounds` are further grounds, for corners, medallions and panels."""

    field: int
    outline: int
    light: int
    leaf: int
    border: int
    accents: tuple[int, ...]
    grounds: tuple[int, ...]


def take_inks(draft: Draft, accents: int, grounds: int = 1) -> Inks:
    """Return new `Inks` with this many accents and further grounds."""
    ink = draft.ink
    return Inks(
        field=ink("field"),
        outline=ink("outline"),
        light=ink("light"),
        leaf=ink("leaf"),
        border=ink("ground"),
        accents=tuple(ink("accent") for _ in range(accents)),
        grounds=tuple(ink("ground") for _ in range(grounds)),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """A finished index map, uint8 (h, w), its exact symmetry, and its motif in the plural."""

    indices: NDArray[np.uint8]
    symmetry: Symmetry
    motif: str
