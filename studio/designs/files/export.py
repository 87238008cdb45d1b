"""Export of index maps for loom software: indexed PNG and BMP with the palette in order and the density stored."""

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
"""Knots per metre, ten times finer than any cloth: a greater value is in a wrong unit."""
BLACK_AND_WHITE = ((0, 0, 0), (255, 255, 255))


@dataclass(frozen=True, slots=True)
class Density:
    """Knots per metre: reeds across the width, picks along the length.

    PNG and BMP store whole pixels per metre, so that other values are rounded there. Raises `ValueError` outside 1 to
    100 000.
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
        """Whether both are whole numbers, which files store exactly."""
        return self.reeds_per_metre == round(self.reeds_per_metre) and self.picks_per_metre == round(
            self.picks_per_metre
        )


@dataclass(frozen=True, slots=True)
class Exporter:
    """A file format. `suffix` begins with a dot; `encode` returns the file's bytes, without a density for None."""

    id: str
    title: str
    suffix: str
    media_type: str
    encode: Callable[[IndexMap, Density | None], bytes]


def encode_png(index_map: IndexMap, density: Density | None = None) -> bytes:
    """Return an indexed PNG with exactly the palette in its order, at the fewest bits per knot that hold it.

    The density is stored in pHYs as pixels per metre, across and down (PNG specification, 11.3.4.3).
    """
    buffer = io.BytesIO()
    options = {} if density is None else {"dpi": density.dpi}
    index_map.image().save(buffer, "PNG", **options)
    return buffer.getvalue()


def encode_bmp(index_map: IndexMap, density: Density | None = None) -> bytes:
    """Return an uncompressed indexed BMP of 8 bits per knot with exactly the palette in its order as colour table.

    A palette of black and white, in this order, is written at 1 bit per knot, since programs, Pillow among them, read
    such a table as 1-bit. The density is stored in BITMAPINFOHEADER as pixels per metre; None is stored as 0, which
    means unspecified.
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
        Exporter("png-indexed", "PNG, one number per yarn", ".png", "image/png", encode_png),
        Exporter("bmp-indexed", "BMP, one number per yarn", ".bmp", "image/bmp", encode_bmp),
    )
}
"""By id. To add a format, write its function and an entry here."""
