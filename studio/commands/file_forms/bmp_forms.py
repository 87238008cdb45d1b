"""The drawing as BMP files, written by the headers of Windows (Microsoft, wingdi.h)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from studio.commands.file_forms.drawing import CLEAR, HEIGHT, WIDTH, YARNS, Form, apply_gamma, colour, draw_knots
from studio.designs.files.calibration import write_gamma_profile

BLACK_AND_WHITE = np.array([[0] * 3, [255] * 3], np.uint8)
INFO, V3, V4, V5 = 40, 56, 108, 124
MASKS = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
ENDS = ((0.64, 0.33, 0.03), (0.30, 0.60, 0.10), (0.15, 0.06, 0.79))


def write_bmp(
    rows: NDArray[np.uint8],
    bits: int,
    *,
    table: NDArray[np.uint8] | None = None,
    compression: int = 0,
    rest: bytes = b"",
    density: int = 0,
    trailer: bytes = b"",
) -> bytes:
    """Return a BMP of rows of bytes, the top row first; `rest` is what a header of V3 to V5 adds."""
    padded = np.zeros((HEIGHT, -(-rows.shape[1] // 4) * 4), np.uint8)
    padded[:, : rows.shape[1]] = rows[::-1]
    colours = b"" if table is None else np.pad(table[:, ::-1], ((0, 0), (0, 1))).tobytes()
    size = INFO + len(rest)
    start = 14 + size + len(colours)
    entries = 0 if table is None else len(table)
    header = struct.pack(
        "<IiiHHIIiiII", size, WIDTH, HEIGHT, 1, bits, compression, padded.size, density, density, entries, 0
    )
    end = start + padded.size
    return (
        struct.pack("<2sIII", b"BM", end + len(trailer), 0, start)
        + header
        + rest
        + colours
        + padded.tobytes()
        + trailer
    )


def pack(knots: NDArray[np.uint8], bits: int) -> NDArray[np.uint8]:
    """Return rows with several knots a byte, the first in the highest bits."""
    spread = (knots[..., None] >> np.arange(bits - 1, -1, -1) & 1).reshape(len(knots), -1)
    return np.packbits(spread, axis=1)


def list_bmp_forms() -> Iterator[Form]:
    """Yield the forms, the usual ones first."""
    web = "image/bmp"
    for bits in (1, 2, 4, 8):
        yarns = min(5, 1 << bits)
        rows = pack(draw_knots(yarns), bits)
        data = write_bmp(rows, bits, table=YARNS[:yarns], density=700)
        yield Form(
            "BMP",
            f"indexed, {bits} {'bit' if bits == 1 else 'bits'}, density",
            data,
            colour(yarns=yarns),
            numbers=True,
            entries=yarns,
            density=(700, 700),
            media_type=web,
        )
    for bits in (1, 2, 4, 8):
        data = write_bmp(pack(draw_knots(2), bits), bits, table=BLACK_AND_WHITE)
        title = f"black and white, {bits} {'bit' if bits == 1 else 'bits'}"
        yield Form("BMP", title, data, colour(BLACK_AND_WHITE, yarns=2), numbers=True, entries=2, media_type=web)
    bgr = colour()[..., ::-1]
    yield Form("BMP", "24 bits", write_bmp(bgr.reshape(HEIGHT, -1), 24), colour(), media_type=web)
    filled = np.concatenate([bgr, np.zeros((HEIGHT, WIDTH, 1), np.uint8)], -1).reshape(HEIGHT, -1)
    yield Form("BMP", "32 bits, no masks", write_bmp(filled, 32), colour(), media_type=web)
    data = write_bmp(filled, 32, compression=3, rest=MASKS)
    yield Form("BMP", "32 bits, alpha zero everywhere", data, colour())
    clear = np.where(draw_knots() == CLEAR, 0, 255).astype(np.uint8)
    data = write_bmp(np.dstack([bgr, clear]).reshape(HEIGHT, -1), 32, compression=3, rest=MASKS)
    yield Form("BMP", "32 bits, one yarn transparent", data, colour(clear=CLEAR), media_type=web)
    masks = struct.pack("<4I", 0xFF, 0xFF00, 0xFF0000, 0)
    data = write_bmp(np.dstack([colour(), clear]).reshape(HEIGHT, -1), 32, compression=3, rest=masks)
    yield Form("BMP", "32 bits, red first", data, colour(), media_type=web)
    for depths in ((5, 5, 5), (5, 6, 5), (4, 4, 4)):
        yield _write_short(depths, web)
    yield from _list_colour_spaces(bgr.reshape(HEIGHT, -1), web)


def _write_short(depths: tuple[int, int, int], web: str) -> Form:
    """Return a form of 16 bits per pixel, with these bits of red, green and blue."""
    packed, masks = np.zeros((HEIGHT, WIDTH), int), []
    shows = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    for channel, bits in enumerate(depths):
        shift = sum(depths[channel + 1 :])
        values = colour()[..., channel].astype(int) >> (8 - bits)
        packed |= values << shift
        masks.append(((1 << bits) - 1) << shift)
        shows[..., channel] = np.rint(values * (255 / ((1 << bits) - 1)))
    rest = struct.pack("<4I", *masks, 0)
    data = write_bmp(packed.astype("<u2").view(np.uint8), 16, compression=3, rest=rest)
    return Form("BMP", f"16 bits, {'-'.join(map(str, depths))}", data, shows, media_type=web)


def _list_colour_spaces(rows: NDArray[np.uint8], web: str) -> Iterator[Form]:
    fixed = [round(value * 2**30) for end in ENDS for value in end]
    for gamma in (1.0, 2.2):
        rest = MASKS + struct.pack("<I9i3I", 0, *fixed, *[round(gamma * 65536)] * 3)
        title = f"V4, calibrated, gamma {gamma:g}"
        yield Form("BMP", title, write_bmp(rows, 24, rest=rest), colour(), media_type=web)
    profile = write_gamma_profile([1.0] * 3)
    pixels = HEIGHT * rows.shape[1]
    rest = MASKS + struct.pack("<4s48xIIII", b"DEBM", 4, V5 + pixels, len(profile), 0)
    data = write_bmp(rows, 24, rest=rest, trailer=profile)
    shows = colour(apply_gamma(YARNS, 1.0))
    yield Form("BMP", "V5, embedded profile", data, shows, media_type=web, tolerance=2)
    rest = MASKS + struct.pack("<4s48xIIII", b"BGRs", 4, 0, 0, 0)
    yield Form("BMP", "V5, sRGB", write_bmp(rows, 24, rest=rest), colour(), media_type=web)
