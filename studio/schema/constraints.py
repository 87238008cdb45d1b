"""What variations must keep of their design: yarns, symmetry, repeat, and a part of it.

A design is an index map: one pixel is one knot, its value is the number of a yarn in the palette.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from studio.errors import RequestError
from studio.schema.fields import check_choice, check_whole

SIDE_LIMIT_PX = 16_384
"""Largest width or height of a design."""
COLOURS_LIMIT = 64
"""Largest number of yarns in a new palette. Looms take fewer."""
YARNS_LIMIT = 256
"""Number of indices in an index map (uint8): yarn numbers are 0 to 255."""

PaletteChoice = Literal["auto", "free", "source", "new"]
SymmetryChoice = Literal["auto", "none", "vertical", "horizontal", "quarter"]
RepeatChoice = Literal["none", "straight", "half-drop", "brick", "mirror"]
KeepChoice = Literal["none", "border", "field", "rectangle"]


@dataclass(frozen=True, slots=True)
class Constraints:
    """What the variations of a run must keep of their design so that they can be woven.

    - `palette`: "free" keeps the model's colours. "source" maps them to the design's yarns, in the design's order.
      "new" maps them to a palette of `colours` yarns. "auto" is "source" if the design has an index map of at most
      `COLOURS_LIMIT` yarns, else "free".
    - `colours`: size of the new palette, 1 to `COLOURS_LIMIT`. None unless `palette` is "new".
    - `locked`: numbers (0 to 255) of the design's yarns that come first in the new palette, ascending, fewer than
      `colours`. Empty unless `palette` is "new".
    - `symmetry`: "vertical" mirrors left and right about a vertical axis, "horizontal" top and bottom, "quarter" both.
      "auto" keeps the symmetry that the design has.
    - `repeat`: how copies of the design are laid side by side.
    - `keep`: the part of the design that stays bit for bit.
    - `rectangle`: (left, top, right, bottom) in pixels of the design, 0 to `SIDE_LIMIT_PX`, right and bottom
      exclusive. None unless `keep` is "rectangle".

    Raises `RequestError` on values outside these ranges.
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
            advice = "8 to 10 suit most machine-made carpets"
            colours = check_whole("Colours", self.colours, 1, COLOURS_LIMIT, advice)
            object.__setattr__(self, "locked", _check_locked(self.locked, colours))
        else:
            object.__setattr__(self, "colours", None)
            object.__setattr__(self, "locked", ())
        rectangle = check_rectangle(self.rectangle) if self.keep == "rectangle" else None
        object.__setattr__(self, "rectangle", rectangle)

    @property
    def none(self) -> bool:
        """Whether there are no constraints, so that the model's picture stays unchanged."""
        return self == Constraints()


def check_rectangle(sides: object) -> tuple[int, int, int, int]:
    """Return (left, top, right, bottom) in pixels. Raises `RequestError` unless it holds at least one pixel."""
    advice = "such as 100, 100, 400, 300"
    if not isinstance(sides, (tuple, list)) or len(sides) != 4:
        raise RequestError(f"The rectangle to keep needs left, top, right and bottom in pixels, {advice}.")
    left, top, right, bottom = (
        check_whole("A side of the rectangle to keep", side, 0, SIDE_LIMIT_PX, advice) for side in sides
    )
    if left >= right or top >= bottom:
        raise RequestError(f"The rectangle to keep, {left}, {top}, {right}, {bottom}, holds no pixel. Choose {advice}.")
    return left, top, right, bottom


def _check_locked(numbers: object, colours: int) -> tuple[int, ...]:
    """Return the yarn numbers sorted and without duplicates."""
    advice = "such as 0, 3"
    if not isinstance(numbers, (tuple, list)):
        raise RequestError(f"The yarns to lock are numbers, {advice}, not “{numbers}”.")
    checked = {check_whole("The number of a locked yarn", number, 0, YARNS_LIMIT - 1, advice) for number in numbers}
    if len(checked) >= colours:
        raise RequestError(
            f"{len(checked)} yarns are locked, which leaves none of {colours} to be new. Choose more than "
            f"{len(checked)} colours, or lock fewer yarns."
        )
    return tuple(sorted(checked))
