"""A BMP of 8 bits a knot whose colour table is black and white: Pillow reads its bytes as if they were bits."""

from __future__ import annotations

import struct

import numpy as np
from PIL import Image

UNCOMPRESSED = 0
_HEADER = struct.Struct("<10xI4xiiHHI")
"""Place of the pixels, width, height (below zero: top row first), planes, bits a knot, compression."""


def read_two_tone(picture: Image.Image, data: bytes) -> Image.Image:
    """Return the picture that a file's bytes hold, read anew where it is such a BMP; any other as it was.

    Source: BITMAPFILEHEADER and BITMAPINFOHEADER (Microsoft). Raises `ValueError` where the file ends too soon.
    """
    if picture.format != "BMP" or picture.mode != "1":
        return picture
    start, width, height, _, bits, compression = _HEADER.unpack_from(data)
    if bits != 8 or compression != UNCOMPRESSED:
        return picture
    stride = -(-width // 4) * 4
    rows = np.frombuffer(data, np.uint8, stride * abs(height), start).reshape(abs(height), stride)[:, :width]
    read = Image.fromarray((rows if height < 0 else rows[::-1]) != 0)
    read.format = picture.format
    return read
