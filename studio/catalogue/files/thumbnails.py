"""Thumbnails for the gallery, as WebP because a page of them is small."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from studio.catalogue.files.paths import write_atomically
from studio.errors import StorageError

LONG_SIDE_PX = 480
"""A card is about 320 CSS pixels wide. Screens with high pixel density need more, but 640 doubles the bytes."""
QUALITY = 82


def write_thumbnail(image: Image.Image, path: Path) -> None:
    """Write a thumbnail of an image of any mode, at most `LONG_SIDE_PX` a side. Raises `StorageError`."""
    small = image.convert("RGB")
    small.thumbnail((LONG_SIDE_PX, LONG_SIDE_PX), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.save(buffer, "WEBP", quality=QUALITY, method=4)
    write_atomically(path, buffer.getvalue())


def write_thumbnail_of(original: Path, path: Path) -> None:
    """Write a thumbnail of a picture file. Raises `StorageError` if the file cannot be read as one."""
    try:
        with Image.open(original) as image:
            write_thumbnail(image, path)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise StorageError(f"{original.name} is damaged: no small copy can be made of it.") from error
