"""The drawing as TGA, PCX and JPEG files. TGA and PCX are written byte by byte (Truevision TGA 2.0; ZSoft PCX 5)."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from studio.commands.file_forms.drawing import CLEAR, HEIGHT, WIDTH, YARNS, Form, colour, draw_knots

TOP_FIRST = 0x20
SCANS = 300


def write_targa(alpha: int | NDArray[np.uint8], attribute_bits: int) -> bytes:
    """Return a TGA of 32 bits with this fourth channel."""
    fourth = np.broadcast_to(np.asarray(alpha, np.uint8), (HEIGHT, WIDTH))[..., None]
    pixels = np.concatenate([colour()[..., ::-1], fourth], -1)
    header = struct.pack("<3B5xHHHHBB", 0, 0, 2, 0, 0, WIDTH, HEIGHT, 32, TOP_FIRST | attribute_bits)
    return header + pixels.tobytes()


def write_pcx() -> bytes:
    """Return a PCX of 8 bits: rows of bytes, those above 191 behind a count, and 256 colours at the end."""
    header = struct.pack("<4B6H48xBBHH58x", 10, 5, 1, 8, 0, 0, WIDTH - 1, HEIGHT - 1, 72, 72, 0, 1, WIDTH, 1)
    table = np.zeros((256, 3), np.uint8)
    table[: len(YARNS)] = YARNS
    return header + draw_knots().tobytes() + b"\x0c" + table.tobytes()


def write_jpeg(pixels: NDArray[np.uint8], **options: bool) -> bytes:
    """Return a JPEG without subsampling, by libjpeg."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=95, subsampling=0, **options)
    return buffer.getvalue()


def repeat_scan(data: bytes, times: int) -> bytes:
    """Return a progressive JPEG whose last scan stands there many times over."""
    start = data.rindex(b"\xff\xda")
    return data[:start] + data[start:-2] * times + data[-2:]


def list_other_forms() -> Iterator[Form]:
    """Yield the forms, format by format."""
    yield Form("TGA", "32 bits, alpha zero everywhere", write_targa(0, 8), colour())
    yield Form("TGA", "32 bits, alpha zero, no attribute bits", write_targa(0, 0), colour())
    yield Form("TGA", "32 bits, alpha without attribute bits", write_targa(7, 0), colour())
    alpha = np.where(draw_knots() == CLEAR, 0, 255)
    yield Form("TGA", "32 bits, one yarn transparent", write_targa(alpha, 8), colour(clear=CLEAR))
    pcx = write_pcx()
    yield Form("PCX", "256 colours", pcx, colour(), numbers=True)
    yield Form("PCX", "cut within its colours", pcx[:-9], None)
    yield Form("PCX", "cut within its pixels", pcx[:-1500], None)
    jpeg = write_jpeg(colour())
    yield Form("JPEG", "baseline", jpeg, colour(), media_type="image/jpeg", tolerance=40)
    yield Form("JPEG", "without its end marker", jpeg[:-2], colour(), tolerance=40)
    yield Form("JPEG", "cut within its pixels", jpeg[:-200], None)
    progressive = write_jpeg(colour(), progressive=True)
    yield Form("JPEG", "progressive", progressive, colour(), media_type="image/jpeg", tolerance=40)
    yield Form("JPEG", f"{SCANS} scans", repeat_scan(progressive, SCANS), None)
