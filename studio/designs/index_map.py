"""Designs as index maps: one palette index per knot, one colour per index."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

EXACT_LIMIT = 64
"""A picture of at most this many colours counts as a drawn design: each of its colours is a yarn."""
PALETTE_LIMIT = 256
COUNTED_SHARE = 0.005
"""Shares of yarns are compared where they are at least this large: a few knots more double a smaller one."""
ROWS_AT_ONCE = 256
"""Rows converted to indices at once, so that the working memory beside the picture stays at a few megabytes."""


@dataclass(frozen=True, slots=True, eq=False)
class IndexMap:
    """A design as a loom reads it: one palette index per knot, one colour per index.

    `indices` is uint8 (height, width), one pixel per knot, each below the number of colours k. `palette` is uint8
    (k, 3) in sRGB with k from 1 to 256, in the file's order; entries may be equal or unused. Both arrays are
    read-only; one that the caller could still write to is copied. Raises `ValueError` for other shapes, dtypes or
    indices.
    """

    indices: NDArray[np.uint8]
    palette: NDArray[np.uint8]

    def __post_init__(self) -> None:
        indices, palette = np.asarray(self.indices), check_palette(self.palette)
        if indices.ndim != 2 or indices.dtype != np.uint8 or not indices.size:
            raise ValueError(f"an index map of {indices.dtype} {indices.shape}; give uint8 of (height, width)")
        if (highest := int(indices.max())) >= len(palette):
            raise ValueError(f"index {highest} in a palette of {len(palette)}; the highest would be {len(palette) - 1}")
        object.__setattr__(self, "indices", _freeze(indices))
        object.__setattr__(self, "palette", _freeze(palette))

    @property
    def width_px(self) -> int:
        """Knots across."""
        return int(self.indices.shape[1])

    @property
    def height_px(self) -> int:
        """Knots down."""
        return int(self.indices.shape[0])

    def shares(self) -> NDArray[np.float64]:
        """Return each palette entry's share of the knots, shape (k,); sums to 1."""
        return self._count() / self.indices.size

    def used(self) -> NDArray[np.intp]:
        """Return the indices that occur, in ascending order."""
        return np.flatnonzero(self._count())

    def pixels(self) -> NDArray[np.uint8]:
        """Return the design in RGB, uint8 (height, width, 3)."""
        return np.asarray(self.image().convert("RGB"))

    def image(self) -> Image.Image:
        """Return the design as a picture of mode "P" with exactly this palette."""
        image = Image.fromarray(self.indices)
        image.putpalette(self.palette.tobytes())
        return image

    def with_indices(self, indices: NDArray[np.uint8]) -> IndexMap:
        """Return other indices, of any size, with the same palette."""
        return replace(self, indices=indices)

    def with_palette(self, palette: NDArray[np.uint8]) -> IndexMap:
        """Return the same indices with another palette: a colourway."""
        return replace(self, palette=palette)

    def _count(self) -> NDArray[np.int64]:
        # Pillow counts bytes ten times as fast as np.bincount, and without widening them.
        return np.array(Image.fromarray(self.indices).histogram()[: len(self.palette)], dtype=np.int64)


def index_colours(image: Image.Image, most: int = EXACT_LIMIT) -> IndexMap | None:
    """Return the index map of an RGB picture's exact colours, or None for more than `most` colours (1 to 256).

    The palette is in order of falling share; equal shares are ordered by red, green and blue. Counting stops at the
    first colour too many, so that a photo takes little time. Raises `ValueError` for other modes and limits.
    """
    if image.mode != "RGB" or not 1 <= most <= PALETTE_LIMIT:
        raise ValueError(f"{most} colours of a picture of mode {image.mode}; give 1 to 256 and mode RGB")
    counts = image.getcolors(most)
    if counts is None:
        return None
    palette = np.array([colour for _, colour in sorted(counts, key=lambda entry: (-entry[0], entry[1]))], np.uint8)
    table = np.zeros(1 << 24, dtype=np.uint8)
    table[pack_colours(palette)] = np.arange(len(palette))
    return IndexMap(look_up(np.asarray(image), table), palette)


def find_counted(shares: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which shares (k,), 0 to 1, are large enough to be compared with those of a variation."""
    counted: NDArray[np.bool_] = shares >= COUNTED_SHARE
    return counted


def pack_colours(pixels: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Return colours uint8 (..., 3) as numbers 0xRRGGBB, shape (...)."""
    red, green, blue = np.moveaxis(np.asarray(pixels, dtype=np.uint8), -1, 0)
    packed: NDArray[np.uint32] = (
        np.left_shift(red, 16, dtype=np.uint32) | np.left_shift(green, 8, dtype=np.uint32) | blue
    )
    return packed


def unpack_colours(packed: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Return numbers 0xRRGGBB as colours uint8 (..., 3)."""
    return np.stack([packed >> 16, packed >> 8 & 255, packed & 255], axis=-1).astype(np.uint8)


def list_colours(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the different colours of pixels (height, width, 3) in ascending order, shape (n, 3)."""
    # A table of all 2^24 colours is faster than sorting, and smaller for a large picture.
    seen = np.zeros(1 << 24, dtype=bool)
    for start in range(0, len(pixels), ROWS_AT_ONCE):
        seen[pack_colours(pixels[start : start + ROWS_AT_ONCE])] = True
    return unpack_colours(np.flatnonzero(seen))


def look_up(pixels: NDArray[np.uint8], table: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return `table[packed colour]` of pixels (height, width, 3) for a table (2^24,), shape (height, width)."""
    found = np.empty(pixels.shape[:2], dtype=np.uint8)
    for start in range(0, len(pixels), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        # No packed colour is out of bounds; with "clip" np.take need not buffer `out`.
        np.take(table, pack_colours(pixels[rows]), out=found[rows], mode="clip")
    return found


def check_palette(palette: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the palette unchanged. Raises `ValueError` unless it is uint8 (k, 3) with k from 1 to 256."""
    colours = np.asarray(palette)
    if colours.ndim != 2 or colours.shape[-1] != 3 or colours.dtype != np.uint8:
        raise ValueError(f"a palette of {colours.dtype} {colours.shape}; give uint8 of (k, 3)")
    if not 1 <= len(colours) <= PALETTE_LIMIT:
        raise ValueError(f"a palette of {len(colours)} colours; give 1 to {PALETTE_LIMIT}")
    return colours


def _freeze(array: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if not array.flags.writeable and array.flags.c_contiguous:
        return array
    frozen = array.copy()
    frozen.flags.writeable = False
    return frozen
