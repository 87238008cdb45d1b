"""Pictures and designs for tests, and their files."""

from __future__ import annotations

import hashlib
import io

import numpy as np
from PIL import Image

from studio.designs import Design, open_design


def draw_picture(width_px: int, height_px: int, seed: int = 0) -> Image.Image:
    """Draw an indexed picture of diamonds within a border, different for each seed."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height_px, 0:width_px]
    period = int(rng.integers(12, 24))
    indices = ((np.abs(x % period - period // 2) + np.abs(y % period - period // 2)) > period // 2).astype(np.uint8)
    border = np.minimum.reduce([x, y, width_px - 1 - x, height_px - 1 - y])
    indices[border < 10] = 2
    indices[border < 4] = 3
    picture = Image.fromarray(indices, "P")
    picture.putpalette(rng.integers(0, 256, 12, dtype=np.uint8).tobytes())
    return picture


def encode_picture(picture: Image.Image, form: str = "PNG", **options: object) -> bytes:
    """Return a picture as the bytes of a file of Pillow's format `form`."""
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()


def draw_design(width_px: int, height_px: int, seed: int = 0) -> Design:
    """Draw a picture and open it as the studio does."""
    return open_design(encode_picture(draw_picture(width_px, height_px, seed)))


def digest(picture: Image.Image) -> str:
    """Return the SHA-256 of the pixels."""
    return hashlib.sha256(picture.tobytes()).hexdigest()
