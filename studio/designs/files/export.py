"""Export of index maps for loom software: indexed PNG and BMP with the palette in order and the density stored."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image

from studio.designs.files.density import DENSITY_LIMIT, Density
from studio.designs.index_map import IndexMap

__all__ = ["DENSITY_LIMIT", "EXPORTERS", "Density", "Exporter", "encode_bmp", "encode_png"]

BLACK_AND_WHITE = ((0, 0, 0), (255, 255, 255))


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
