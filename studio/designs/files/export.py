"""A design written as a loom's software reads it: one number a knot, its yarns in order, its density in the header."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image

from studio.designs.index_map import IndexMap

METRES_PER_INCH = 0.0254
DENSITY_LIMIT = 100_000
"""Knots per metre: ten times finer than any cloth; beyond it somebody has mixed up the unit."""
BLACK_AND_WHITE = ((0, 0, 0), (255, 255, 255))


@dataclass(frozen=True, slots=True)
class Density:
    """How close the knots lie, in knots per metre: reeds across the width, picks along the length.

    Whole numbers are kept exactly by PNG and BMP, whose headers hold whole pixels per metre; others are rounded
    there. Raises `ValueError` for what is not from 1 to 100 000.
    """

    reeds_per_metre: float
    picks_per_metre: float

    def __post_init__(self) -> None:
        for name, value in (("reeds", self.reeds_per_metre), ("picks", self.picks_per_metre)):
            if not math.isfinite(value) or not 1 <= value <= DENSITY_LIMIT:
                raise ValueError(f"{value:g} {name} per metre; give 1 to {DENSITY_LIMIT}, such as 700")

    @property
    def dpi(self) -> tuple[float, float]:
        """Knots per inch, across and along."""
        return self.reeds_per_metre * METRES_PER_INCH, self.picks_per_metre * METRES_PER_INCH

    @property
    def whole(self) -> bool:
        """Whether both are whole numbers, so that a file keeps them exactly."""
        return self.reeds_per_metre == round(self.reeds_per_metre) and self.picks_per_metre == round(
            self.picks_per_metre
        )


@dataclass(frozen=True, slots=True)
class Exporter:
    """A kind of file. `suffix` begins with a dot; `encode` returns the file's bytes, the density left out for None."""

    id: str
    title: str
    suffix: str
    media_type: str
    encode: Callable[[IndexMap, Density | None], bytes]


def encode_png(index_map: IndexMap, density: Density | None = None) -> bytes:
    """Return an indexed PNG: exactly the palette's entries in their order, as few bits a knot as they need.

    The density stands in pHYs, in pixels per metre across and down (PNG specification, 11.3.4.3).
    """
    buffer = io.BytesIO()
    said = {} if density is None else {"dpi": density.dpi}
    index_map.image().save(buffer, "PNG", **said)
    return buffer.getvalue()


def encode_bmp(index_map: IndexMap, density: Density | None = None) -> bytes:
    """Return an indexed BMP of 8 bits a knot, not packed, its colour table exactly the palette in its order.

    Black and white, in this order, take 1 bit a knot: that is how programs, Pillow among them, read such a table.
    The density stands in the header as pixels per metre (BITMAPINFOHEADER); 0, which means “not said”, for None.
    """
    buffer = io.BytesIO()
    image = index_map.image()
    if np.array_equal(index_map.palette, BLACK_AND_WHITE):
        image = Image.fromarray(index_map.indices.astype(bool))
    image.save(buffer, "BMP", dpi=(0, 0) if density is None else density.dpi)
    return buffer.getvalue()


EXPORTERS: Mapping[str, Exporter] = {
    exporter.id: exporter
    for exporter in (
        Exporter("png-indexed", "PNG, one number a yarn", ".png", "image/png", encode_png),
        Exporter("bmp-indexed", "BMP, one number a yarn", ".bmp", "image/bmp", encode_bmp),
    )
}
"""By id. A new kind of file is a function here and one entry."""
