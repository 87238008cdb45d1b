"""BMP files of 8 bits per knot with a black and white colour table, whose bytes Pillow misreads as bits."""

from __future__ import annotations

import struct

import numpy as np
from PIL import Image

UNCOMPRESSED = 0
_HEADER = struct.Struct("<10xI4xiiHHI")
"""Offset of the pixels, width, height (negative: top row first), planes, bits per pixel, compression."""


def read_two_tone(picture: Image.Image, data: bytes) -> Image.Image:
    """Return the picture, decoded from the file's bytes if they are such a BMP, otherwise unchanged.

    Layout: BITMAPFILEHEADER and BITMAPINFOHEADER (Microsoft). Raises `ValueError` for a file that is too short.
    """
    if picture.format != "BMP" or picture.mode != "1":
        return picture
    start, width, height, _, bits, compression = _HEADER.unpack_from(data)
    if bits != 8 or compression != UNCOMPRESSED:
        return picture
    stride = -(-width // 4) * 4
    rows = np.frombuffer(data, np.uint8, stride * abs(height), start).reshape(abs(height), stride)[:, :width]
    decoded = Image.fromarray((rows if height < 0 else rows[::-1]) != 0)
    decoded.format = picture.format
    return decoded
