"""Pictures beside the finished ones, as WebP: thumbnails for the gallery, and what the model drew before weaving."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from studio.catalogue.files.paths import read_bytes, write_atomically
from studio.errors import StorageError

LONG_SIDE_PX = 480
"""A card is about 320 CSS pixels wide. Screens with high pixel density need more, but 640 doubles the bytes."""
QUALITY = 82
WEBP_SIDE_LIMIT_PX = 16_383
LOSSLESS_EFFORT, LOSSLESS_METHOD = 20, 2
"""A picture of 512 x 682 px that the built-in model drew: 438 kB in 66 ms, as PNG 469 kB in 94 ms."""


class DamagedPictureError(StorageError):
    """A file of the outputs folder is no picture."""


def write_thumbnail(image: Image.Image, path: Path) -> None:
    """Write a thumbnail of an image of any mode, at most `LONG_SIDE_PX` a side. Raises `StorageError`."""
    small = image.convert("RGB")
    small.thumbnail((LONG_SIDE_PX, LONG_SIDE_PX), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.save(buffer, "WEBP", quality=QUALITY, method=4)
    write_atomically(path, buffer.getvalue())


def encode_untouched(image: Image.Image) -> tuple[bytes, str]:
    """Return a lossless picture (RGB) and the suffix of its format: WebP, or PNG for sides beyond WebP's limit."""
    buffer = io.BytesIO()
    if max(image.size) > WEBP_SIDE_LIMIT_PX:
        image.convert("RGB").save(buffer, "PNG")
        return buffer.getvalue(), ".png"
    image.convert("RGB").save(buffer, "WEBP", lossless=True, quality=LOSSLESS_EFFORT, method=LOSSLESS_METHOD)
    return buffer.getvalue(), ".webp"


def shrink_untouched(path: Path) -> bytes | None:
    """Return the file of a lossless picture (PNG) as a smaller WebP of the same pixels; None where there is none.

    Raises `StorageError` if the file cannot be read, `DamagedPictureError` if it is no picture.
    """
    data = read_bytes(path)
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            if image.mode != "RGB":
                return None
            smaller, suffix = encode_untouched(image)
            with Image.open(io.BytesIO(smaller)) as again:  # before the original goes
                same = again.convert("RGB").tobytes() == image.tobytes()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DamagedPictureError(f"{path.name} is damaged.") from error
    return smaller if same and suffix == ".webp" and len(smaller) < len(data) else None


def write_thumbnail_of(original: Path, path: Path) -> None:
    """Write a thumbnail of a picture file. Raises `StorageError` if the file cannot be read as one."""
    try:
        with Image.open(original) as image:
            write_thumbnail(image, path)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DamagedPictureError(f"{original.name} is damaged: no small copy can be made of it.") from error
