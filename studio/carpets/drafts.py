"""A design while it is being drawn: its size, its chance, its inks and what the caption may say of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from studio.carpets.captions import Subject
from studio.carpets.drawing import Sheet, half
from studio.carpets.layouts import Phrase, Role, Symmetry

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Draft:
    """What every family draws with. `unit_px` grows with the carpet, more slowly than its sides do."""

    rng: np.random.Generator
    width_px: int
    height_px: int
    roles: list[Role] = field(default_factory=list)
    phrases: list[Phrase] = field(default_factory=list)

    @property
    def side_px(self) -> int:
        """The shorter side."""
        return min(self.width_px, self.height_px)

    @property
    def unit_px(self) -> float:
        """One unit of ornament: 1 px on a carpet 192 px wide, about 3 px on one of 900."""
        return (self.side_px / 192) ** 0.72

    @property
    def pen_px(self) -> int:
        """How thick outlines are."""
        return 1 if self.side_px < 560 else 2

    def ink(self, role: Role) -> int:
        """Take one more colour."""
        self.roles.append(role)
        return len(self.roles) - 1

    def say(self, text: str, index: int | None = None) -> None:
        """Let the caption say this; "{}" stands for the name of the colour at `index`."""
        self.phrases.append(Phrase(text, index))

    def chance(self, share: float) -> bool:
        """Return True in this share of cases."""
        return bool(self.rng.random() < share)

    def pick(self, things: Sequence[T]) -> T:
        """Return one of the things."""
        return things[int(self.rng.integers(len(things)))]

    def whole(self, low: int, high: int) -> int:
        """Return a whole number, both ends included."""
        return int(self.rng.integers(low, high + 1))

    def real(self, low: float, high: float) -> float:
        """Return a number between the two."""
        return float(self.rng.uniform(low, high))

    def sheet(self, symmetry: Symmetry, ground: int = 0) -> Sheet:
        """Return a sheet for the part that must be drawn: a quarter, a half or all of the carpet."""
        wide = half(self.width_px) if symmetry in ("vertical", "quarter") else self.width_px
        high = half(self.height_px) if symmetry in ("horizontal", "quarter") else self.height_px
        return Sheet(wide, high, ground, self.pen_px)


@dataclass(frozen=True, slots=True)
class Inks:
    """The inks that most families share. `accents` fill motifs; `grounds` lie under borders, corners, medallions."""

    field: int
    outline: int
    light: int
    leaf: int
    border: int
    accents: tuple[int, ...]
    grounds: tuple[int, ...]


def take_inks(draft: Draft, accents: int, grounds: int = 1) -> Inks:
    """Take the shared inks, with so many accents and further grounds."""
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
    """A finished index map, uint8 (h, w); what it keeps as symmetry, and its motif in the plural."""

    indices: NDArray[np.uint8]
    symmetry: Symmetry
    motif: str


@dataclass(frozen=True, slots=True)
class Family:
    """How a family is drawn, what it is called, and how often it is met among the others."""

    draw: Callable[[Draft], Drawing]
    subject: Subject
    weight: float = 1.0
