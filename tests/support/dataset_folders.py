"""Folders and archives of drawn carpets with captions, for tests of datasets."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from studio.carpets.generator import draw_layout, dress
from tests.support.pictures import encode_picture

FAMILIES = ("medallion", "kilim", "floral", "lattice", "gul", "garden", "boteh", "caucasian")


def draw_carpet_picture(seed: int, width_px: int = 96, height_px: int = 128, colours: int | None = None) -> Image.Image:
    """Draw an indexed carpet; pictures of one seed and other `colours` are recolourings of one another."""
    layout = draw_layout(seed, max(width_px, 128), max(height_px, 128), FAMILIES[seed % len(FAMILIES)])
    carpet = dress(layout, seed if colours is None else colours)
    image = Image.fromarray(carpet.indices)
    image.putpalette(carpet.palette.tobytes())
    return image.resize((width_px, height_px), Image.Resampling.NEAREST)


def encode_carpet(seed: int, width_px: int = 96, height_px: int = 128) -> bytes:
    """Return a drawn carpet as the bytes of a PNG file."""
    return encode_picture(draw_carpet_picture(seed, width_px, height_px))


def write_files(root: Path, files: dict[str, bytes | str]) -> Path:
    """Write files below a folder by their names and return the folder."""
    root.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def write_zip(path: Path, files: dict[str, bytes | str]) -> Path:
    """Write files into a ZIP by their names and return its path."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def draw_photo(width_px: int = 96, height_px: int = 128, seed: int = 0) -> bytes:
    """Return a smooth picture of many colours as the bytes of a JPEG file."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8))
    buffer = io.BytesIO()
    coarse.resize((width_px, height_px), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=92)
    return buffer.getvalue()
