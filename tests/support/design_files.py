"""Pictures and parts of files for tests of opening designs."""

import struct
import zlib

import numpy as np
from PIL import Image, ImageCms

EXIF_ORIENTATION = 0x0112


def draw_noise(width=48, height=64, seed=0) -> Image.Image:
    """Draw noise, which has no symmetry, so that every rotation changes it."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def write_png_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def write_profile() -> bytes:
    """Return an ICC profile: sRGB with red and green exchanged, so that its effect is obvious."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile.replace(b"rXYZ", b"????").replace(b"gXYZ", b"rXYZ").replace(b"????", b"gXYZ")
