"""BMP files: colour tables, bit depths, colour space and density, by the headers of Windows (Microsoft, wingdi.h)."""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from studio.designs.files.calibration import SRGB_PRIMARIES, near_srgb
from studio.designs.files.density import read_density
from studio.designs.files.stated import Stated

FILE_HEADER = 14
CORE_HEADER = 12
INFO_HEADER = 40
V3_HEADER, V4_HEADER, V5_HEADER = 56, 108, 124
UNCOMPRESSED, RLE8, RLE4, MASKED, MASKED_ALPHA = 0, 1, 2, 3, 6
USUAL_MASKS = {16: (0x7C00, 0x3E0, 0x1F, 0), 32: (0xFF0000, 0xFF00, 0xFF, 0)}
"""Red, green, blue and alpha of files that state no masks."""
CALIBRATED, EMBEDDED, LINKED = 0, int.from_bytes(b"MBED"), int.from_bytes(b"LINK")
TABLE = 256
LINKED_IGNORED = "Its colour profile is another file, which it only names, and was ignored."
CALIBRATION_IGNORED = "Its calibration (gamma and primaries) was ignored, as browsers do: its colours were not changed."


def read_bmp(data: bytes) -> Stated:
    """Return what a BMP states, indexed pixels as bytes with a whole colour table.

    Pillow reads a table of black and white as bits whatever the depth, no 2-bit pixels at all, and few of the masks of
    16 and 32 bits. Raises `ValueError` or `struct.error` for a file that is too short.
    """
    (size,) = struct.unpack_from("<I", data, FILE_HEADER)
    if size < INFO_HEADER:
        bits, compression, across, down = struct.unpack_from("<H", data, 24)[0], UNCOMPRESSED, 0, 0
    else:
        bits, compression, _, across, down = struct.unpack_from("<HIIii", data, 28)
    density = read_density(across, down)
    profile, notes = _read_profile(data, size) if size >= V4_HEADER else (None, ())
    if bits in (16, 32) and compression in (UNCOMPRESSED, MASKED, MASKED_ALPHA):
        return Stated(_restate_masked(data, size, bits, compression), profile, density, notes=notes)
    if bits not in (1, 2, 4, 8) or compression not in (UNCOMPRESSED, RLE8, RLE4):
        return Stated(data, profile, density, notes=notes)
    restated, entries = _restate_indexed(data, size, bits, compression)
    return Stated(restated, profile, density, entries, notes=notes)


def _restate_indexed(data: bytes, size: int, bits: int, compression: int) -> tuple[bytes, int]:
    """Return the file with 256 colours, and 8 bits per pixel where it is not compressed; and its own colours."""
    (start,) = struct.unpack_from("<I", data, 10)
    if size == CORE_HEADER:
        width, height = struct.unpack_from("<HH", data, 18)
        stated, wide = 0, 3
    else:
        width, height = struct.unpack_from("<ii", data, 18)
        (stated,) = struct.unpack_from("<I", data, 46)
        wide = 4
    table_start = FILE_HEADER + size
    entries = min(stated or 1 << bits, 1 << bits, max(start - table_start, 0) // wide)
    table = np.zeros((TABLE, 4), np.uint8)
    table[:entries, :3] = np.frombuffer(data, np.uint8, entries * wide, table_start).reshape(-1, wide)[:, :3]
    pixels = data[start:] if compression else _unpack(data, start, width, abs(height), bits).tobytes()
    depth = bits if compression == RLE4 else 8
    return _write((width, height), depth, compression, pixels, table=table.tobytes()), entries


def _restate_masked(data: bytes, size: int, bits: int, compression: int) -> bytes:
    """Return a file of 16 or 32 bits per pixel as one of 32, in the order blue, green, red and, if it has it, alpha."""
    (start,) = struct.unpack_from("<I", data, 10)
    masks = USUAL_MASKS[bits]
    width, height = struct.unpack_from("<HH" if size == CORE_HEADER else "<ii", data, 18)
    if compression != UNCOMPRESSED:
        masks = struct.unpack_from("<4I", data, FILE_HEADER + INFO_HEADER)
        if compression == MASKED and size < V3_HEADER:  # three masks stand behind the header, and no fourth
            masks = (*masks[:3], 0)
        masks = masks if any(masks) else USUAL_MASKS[bits]
    packed = _read_rows(data, start, width, abs(height), bits).view(f"<u{bits // 8}")[:, :width]
    pixels = np.zeros((abs(height), width, 4), np.uint8)
    for channel, mask in zip((2, 1, 0, 3), masks, strict=True):
        if mask:
            low = (mask & -mask).bit_length() - 1
            most = mask >> low
            values = (packed & packed.dtype.type(mask)) >> packed.dtype.type(low)
            pixels[..., channel] = values if most == 255 else np.rint(values * (255 / most))
    alpha = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000) if masks[3] else b""
    return _write((width, height), 32, MASKED if alpha else UNCOMPRESSED, pixels.tobytes(), masks=alpha)


def _write(
    size: tuple[int, int], bits: int, compression: int, pixels: bytes, *, masks: bytes = b"", table: bytes = b""
) -> bytes:
    """Return a BMP file of width and height (negative: from the top down); masks are a part of its header."""
    header = INFO_HEADER + len(masks)
    begin = FILE_HEADER + header + len(table)
    fields = struct.pack(
        "<2sIIIIiiHHIIiiII",
        *(b"BM", begin + len(pixels), 0, begin, header, *size, 1),
        *(bits, compression, len(pixels), 0, 0, len(table) // 4, 0),
    )
    return fields + masks + table + pixels


def _read_rows(data: bytes, start: int, width: int, height: int, bits: int) -> NDArray[np.uint8]:
    """Return the bytes of each row (height, stride), padded to four. Raises `ValueError` where some are missing."""
    stride = (width * bits + 31) // 32 * 4
    if width < 1 or start + stride * height > len(data):
        raise ValueError(f"{len(data)} bytes for {width} x {height} pixels")
    return np.frombuffer(data, np.uint8, stride * height, start).reshape(height, stride)


def _unpack(data: bytes, start: int, width: int, height: int, bits: int) -> NDArray[np.uint8]:
    """Return rows of one byte per pixel, each padded to four bytes."""
    packed = _read_rows(data, start, width, height, bits)
    rows = np.zeros((height, -(-width // 4) * 4), np.uint8)
    per_byte = 8 // bits
    for place in range(per_byte):
        part = packed >> np.uint8(8 - bits * (place + 1)) & np.uint8((1 << bits) - 1)
        target = rows[:, place:width:per_byte]
        target[:] = part[:, : target.shape[1]]
    return rows


def _read_profile(data: bytes, size: int) -> tuple[bytes | None, tuple[str, ...]]:
    """Return the profile of a V4 or V5 header, and notes."""
    (space,) = struct.unpack_from("<I", data, FILE_HEADER + 56)
    if space == LINKED:
        return None, (LINKED_IGNORED,)
    if space == EMBEDDED and size >= V5_HEADER:
        start, length = struct.unpack_from("<II", data, FILE_HEADER + 112)
        return data[FILE_HEADER + start : FILE_HEADER + start + length] or b"none", ()
    if space == CALIBRATED and not _shows_srgb(data):
        return None, (CALIBRATION_IGNORED,)
    return None, ()


def _shows_srgb(data: bytes) -> bool:
    """Return whether a header's endpoints and gammas are near sRGB's, or left empty, as many programs do."""
    ends = np.array(struct.unpack_from("<9i", data, FILE_HEADER + 60), dtype=float).reshape(3, 3)
    exponents = [value / 65536 for value in struct.unpack_from("<3I", data, FILE_HEADER + 96)]
    sums = ends.sum(axis=1, keepdims=True)
    if not any(exponents) or not sums.all():
        return True
    primaries = (*SRGB_PRIMARIES[:2], *(ends[:, :2] / sums).ravel().tolist())
    return all(abs(exponent / 2.2 - 1) <= 0.05 for exponent in exponents) and near_srgb(primaries)
