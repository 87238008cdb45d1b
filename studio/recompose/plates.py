"""What the compiled loops work on (see `kernels`): the plates that patches are taken from, a target, prices, a pass."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.int32]
"""(fh, fw): for each patch of a target the place of its source patch."""


class Plates(NamedTuple):
    """The pictures that patches are taken from, one below the other in one array.

    - `picture`: (rows, stride, 4) in colours or (rows, stride) in knots.
    - `labels` (rows, stride): the region of each patch, 0 where none begins.
    - `inside` (rows, stride): whether a knot belongs to a field.
    - `home_y` (rows,), `home_x` (plates, stride): the place in the target that a patch comes from.
    - `table` (plates, 9): first row, number of the design, whether upside down, whether left to right, rows of patches,
      columns of patches, place of the first patch, knots above the design and left of it.
    - `plate_of_row` (rows,): the number of the plate.
    """

    picture: NDArray[Any]
    labels: NDArray[np.uint8]
    inside: NDArray[np.bool_]
    home_y: NDArray[np.int32]
    home_x: NDArray[np.int32]
    table: NDArray[np.int64]
    plate_of_row: NDArray[np.uint8]


class Grid(NamedTuple):
    """Where the patches of a target of `size` (height, width) lie, and the plates that they come from.

    `origin` are the knots above the target and left of it. For `table` and `plate_of_row` see `Plates`; `stride` is
    the length of the plates' rows.
    """

    size: tuple[int, int]
    origin: tuple[int, int]
    stride: int
    table: NDArray[np.int64]
    plate_of_row: NDArray[np.uint8]


class Target(NamedTuple):
    """The picture in work (h, w, 4) or (h, w) with what lies beside it, and the region of each patch (fh, fw)."""

    picture: NDArray[Any]
    labels: NDArray[np.uint8]
    origin: tuple[int, int]


class Spot(NamedTuple):
    """One patch of the target: its region, its place in the target, and what would go on with its two neighbours."""

    label: int
    y: int
    x: int
    beside: int | np.signedinteger[Any]
    above: int | np.signedinteger[Any]


class Matches(NamedTuple):
    """The field in work, the cost of each of its patches, and the field before this pass, all (fh, fw)."""

    field: Field
    cost: NDArray[np.int32]
    before: Field


class Prices(NamedTuple):
    """What a patch costs beside its difference.

    `reach` (regions, 2) is how far from its home a patch may be used, down and across. `hold` (regions,) is the price
    of 1024 squared knots from home. `patches` (rows, stride) is the price of each source patch. `seam` is the price of
    not going on with what a neighbour shows.
    """

    reach: NDArray[np.int64]
    hold: NDArray[np.int64]
    patches: NDArray[np.int32]
    seam: int


class Walk(NamedTuple):
    """One pass of the search: first random radius, direction and seed. Patches that cost `done` or less stay."""

    radius: int
    forward: bool
    seed: int
    done: int
