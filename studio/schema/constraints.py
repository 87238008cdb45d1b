"""What variations must keep of their design: its yarns, symmetry, repeat, and parts of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from studio.errors import RequestError
from studio.schema.fields import check_choice, check_whole

SIDE_LIMIT_PX = 16_384
COLOURS_LIMIT = 64
"""Yarns that a palette may have at most; looms take fewer."""
YARNS_LIMIT = 256
"""Numbers of yarns are 0 <= number < 256: one byte a knot."""

PaletteChoice = Literal["auto", "free", "source", "new"]
SymmetryChoice = Literal["auto", "none", "vertical", "horizontal", "quarter"]
RepeatChoice = Literal["none", "straight", "half-drop", "brick", "mirror"]
KeepChoice = Literal["none", "border", "field", "rectangle"]


@dataclass(frozen=True, slots=True)
class Constraints:
    """What the variations must keep of their design, so that they can be woven.

    `palette`: "free" leaves the model's picture as it is; "source" brings it into the design's yarns, in their order;
    "new" into `colours` yarns of its own, among them, first and in this order, the design's yarns whose numbers are
    `locked`; "auto" is "source" where the design has yarns, else "free". `symmetry`: "auto" keeps what the design has;
    "vertical" mirrors left and right about an upright axis, "horizontal" above and below, "quarter" both. `repeat`:
    how the design is laid beside itself on the loom. `keep`: the part that stays as it is, bit for bit; for
    "rectangle" (left, top, right, bottom) in pixels of the design, right and bottom not included. Raises
    `RequestError` on what cannot be.
    """

    palette: PaletteChoice = "free"
    colours: int | None = None
    locked: tuple[int, ...] = ()
    symmetry: SymmetryChoice = "none"
    repeat: RepeatChoice = "none"
    keep: KeepChoice = "none"
    rectangle: tuple[int, int, int, int] | None = None

    def __post_init__(self) -> None:
        check_choice("Palette", self.palette, PaletteChoice)
        check_choice("Symmetry", self.symmetry, SymmetryChoice)
        check_choice("Repeat", self.repeat, RepeatChoice)
        check_choice("Keep", self.keep, KeepChoice)
        if self.palette == "new":
            check_whole("Colours", self.colours, 1, COLOURS_LIMIT, "8 to 10 suit most machine-made carpets")
            object.__setattr__(self, "locked", _check_locked(self.locked, self.colours))
        else:
            object.__setattr__(self, "colours", None)
            object.__setattr__(self, "locked", ())
        if self.keep == "rectangle":
            object.__setattr__(self, "rectangle", _check_rectangle(self.rectangle))
        elif self.rectangle is not None:
            object.__setattr__(self, "rectangle", None)

    @property
    def none(self) -> bool:
        """Whether the model's picture is left as it is."""
        return self == Constraints()


def _check_locked(numbers: object, colours: int) -> tuple[int, ...]:
    """Return the numbers rising and each once."""
    good = "such as 0, 3"
    if not isinstance(numbers, (tuple, list)):
        raise RequestError(f"The yarns to lock are numbers, {good}, not “{numbers}”.")
    for number in numbers:
        check_whole("The number of a locked yarn", number, 0, YARNS_LIMIT - 1, good)
    locked = tuple(sorted(set(numbers)))
    if len(locked) >= colours:
        raise RequestError(
            f"{len(locked)} yarns are locked, which leaves none of {colours} to be new. Choose more than "
            f"{len(locked)} colours, or lock fewer yarns."
        )
    return locked


def _check_rectangle(sides: object) -> tuple[int, int, int, int]:
    good = "such as 100, 100, 400, 300"
    if not isinstance(sides, (tuple, list)) or len(sides) != 4:
        raise RequestError(f"The rectangle to keep needs left, top, right and bottom in pixels, {good}.")
    for side in sides:
        check_whole("A side of the rectangle to keep", side, 0, SIDE_LIMIT_PX, good)
    left, top, right, bottom = sides
    if left >= right or top >= bottom:
        raise RequestError(f"The rectangle to keep, {left}, {top}, {right}, {bottom}, holds no pixel. Choose {good}.")
    return left, top, right, bottom
