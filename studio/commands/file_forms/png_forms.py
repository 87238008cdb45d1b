"""The drawing as PNG files, written chunk by chunk (W3C PNG, third edition)."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from studio.commands.file_forms.drawing import CLEAR, GREYS, YARNS, Form, apply_gamma, colour, draw_knots
from studio.designs.files.calibration import write_gamma_profile

GREY, RGB, INDEXED, GREY_ALPHA = 0, 2, 3, 4
MEGABYTES = 3_000_000
CALIBRATED = struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)


def write_chunk(name: bytes, body: bytes, *, damaged: bool = False) -> bytes:
    """Return a chunk; a damaged one has a wrong checksum."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body) ^ damaged)


def write_png(kind: int, bits: int, samples: NDArray[np.integer], *before: bytes, pixels: bytes | None = None) -> bytes:
    """Return a PNG of samples (height, width, channels), with chunks between header and pixels."""
    rows = samples.reshape(len(samples), -1)
    packed = rows.astype(">u2").view(np.uint8) if bits == 16 else rows.astype(np.uint8)
    if bits < 8:
        packed = np.packbits((packed[..., None] >> np.arange(bits - 1, -1, -1) & 1).reshape(len(rows), -1), axis=1)
    filtered = b"".join(b"\0" + row.tobytes() for row in packed)
    header = struct.pack(">IIBBBBB", samples.shape[1], samples.shape[0], bits, kind, 0, 0, 0)
    idat = write_chunk(b"IDAT", zlib.compress(filtered)) if pixels is None else pixels
    return b"\x89PNG\r\n\x1a\n" + write_chunk(b"IHDR", header) + b"".join(before) + idat + write_chunk(b"IEND", b"")


def list_png_forms() -> Iterator[Form]:
    """Yield the forms, the usual ones first."""
    for title, data, shows, extra in (*_list_depths(), *_list_colour_spaces(), *_list_notes(), *_list_damages()):
        yield Form("PNG", title, data, shows, media_type="image/png", **extra)


_Rows = Iterator[tuple[str, bytes, NDArray[np.uint8] | None, dict[str, Any]]]


def _list_depths() -> _Rows:
    knots, plte = draw_knots(), write_chunk(b"PLTE", YARNS.tobytes())
    for bits in (4, 8):
        yield f"indexed, {bits} bits", write_png(INDEXED, bits, knots, plte), colour(), {"numbers": True, "entries": 5}
    spare = np.concatenate([YARNS, [[1, 2, 3], [250, 250, 250], [9, 9, 9]]]).astype(np.uint8)
    data = write_png(INDEXED, 8, knots, write_chunk(b"PLTE", spare.tobytes()))
    yield "indexed, three unused entries at the end", data, colour(), {"numbers": True, "entries": 8}
    data = write_png(INDEXED, 8, knots, plte, write_chunk(b"tRNS", b"\xff\xff\0"))
    yield "indexed, one entry transparent", data, colour(clear=CLEAR), {"numbers": True}
    yield "RGB, 8 bits", write_png(RGB, 8, colour()), colour(), {}
    for bits in (1, 2, 4, 8, 16):
        yarns = min(5, 1 << bits)
        top = (1 << bits) - 1
        values = np.linspace(0, top, yarns).astype(int) if bits < 4 else GREYS[:, 0].astype(int) * top // 255
        shown = np.repeat((values * 255 // top)[:, None], 3, axis=1).astype(np.uint8)
        key = write_chunk(b"tRNS", struct.pack(">H", values[min(CLEAR, yarns - 1)]))
        data = write_png(GREY, bits, values[draw_knots(yarns)], key)
        yield (
            f"grey, {'1 bit' if bits == 1 else f'{bits} bits'}, one value transparent",
            data,
            colour(shown, clear=min(CLEAR, yarns - 1), yarns=yarns),
            {},
        )
    key = write_chunk(b"tRNS", struct.pack(">3H", *YARNS[CLEAR].tolist()))
    yield "RGB, 8 bits, one colour transparent", write_png(RGB, 8, colour(), key), colour(clear=CLEAR), {}
    # Two yarns that differ only in their lower 8 bits, of which one is transparent.
    deep = YARNS.astype(int) * 257
    deep[3] = deep[CLEAR] ^ 1
    near = YARNS.copy()
    near[3] = YARNS[CLEAR]
    key = write_chunk(b"tRNS", struct.pack(">3H", *deep[CLEAR].tolist()))
    yield "RGB, 16 bits, one colour transparent", write_png(RGB, 16, deep[knots], key), colour(near, clear=CLEAR), {}


def _list_colour_spaces() -> _Rows:
    rgb, linear = colour(), colour(apply_gamma(YARNS, 1.0))
    gamma, calibrated = write_chunk(b"gAMA", struct.pack(">I", 100_000)), write_chunk(b"cHRM", CALIBRATED)
    yield "gAMA 1.0", write_png(RGB, 8, rgb, gamma), linear, {"tolerance": 2}
    yield "gAMA 1.0, sRGB's cHRM", write_png(RGB, 8, rgb, gamma, calibrated), linear, {"tolerance": 2}
    plte = write_chunk(b"PLTE", YARNS.tobytes())
    data = write_png(INDEXED, 8, draw_knots(), gamma, plte)
    yield "gAMA 1.0, indexed", data, linear, {"numbers": True, "tolerance": 2}
    broken = write_chunk(b"iCCP", b"a\0\0broken")
    yield "gAMA 1.0, profile that cannot be read", write_png(RGB, 8, rgb, broken, gamma), linear, {"tolerance": 2}
    usual = write_chunk(b"gAMA", struct.pack(">I", 45455))
    yield "gAMA 1/2.2", write_png(RGB, 8, rgb, usual), rgb, {}
    yield "gAMA 1.0 behind sRGB", write_png(RGB, 8, rgb, write_chunk(b"sRGB", b"\0"), gamma), rgb, {}
    profile = write_chunk(b"iCCP", b"grey\0\0" + zlib.compress(write_gamma_profile([1.0], grey=True)))
    samples = np.stack([GREYS[:, 0], [255, 255, 0, 255, 255]], -1)[draw_knots()]
    shown = colour(apply_gamma(GREYS, 1.0), clear=CLEAR)
    yield "grey + alpha, grey profile", write_png(GREY_ALPHA, 8, samples, profile), shown, {"tolerance": 2}
    deep = write_png(GREY_ALPHA, 16, samples.astype(int) * 257, profile)
    yield "grey + alpha, 16 bits, grey profile", deep, shown, {"tolerance": 2}


def _list_notes() -> _Rows:
    noise = random.Random(1).randbytes(MEGABYTES)
    text = write_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(b"<x>" + noise.hex().encode()))
    yield "XMP of 6 MB", write_png(RGB, 8, colour(), text), colour(), {}
    text = write_chunk(b"tEXt", b"Comment\0" + noise)
    yield "text of 3 MB", write_png(RGB, 8, colour(), text), colour(), {}
    profile = write_gamma_profile([1.0] * 3)
    profile = struct.pack(">I", len(profile) + MEGABYTES) + profile[4:] + noise
    data = write_png(RGB, 8, colour(), write_chunk(b"iCCP", b"a\0\0" + zlib.compress(profile)))
    yield "profile of 3 MB", data, colour(apply_gamma(YARNS, 1.0)), {"tolerance": 2}
    density = write_chunk(b"pHYs", struct.pack(">IIB", 700, 800, 1))
    yield "density of 700 x 800 a metre", write_png(RGB, 8, colour(), density), colour(), {"density": (700, 800)}


def _list_damages() -> _Rows:
    damaged = write_chunk(b"pHYs", struct.pack(">IIB", 700, 800, 1), damaged=True)
    yield "wrong checksum of the density", write_png(RGB, 8, colour(), damaged), colour(), {}
    key = write_chunk(b"tRNS", struct.pack(">3H", *YARNS[CLEAR].tolist()), damaged=True)
    yield "wrong checksum of the transparency", write_png(RGB, 8, colour(), key), colour(), {}
    whole = write_png(RGB, 8, colour())
    start = whole.index(b"IDAT") + 4
    length = int.from_bytes(whole[start - 8 : start - 4])
    body = bytearray(whole[start : start + length])
    body[length // 2 : length // 2 + 8] = b"\x55" * 8
    pixels = whole[start - 8 : start] + bytes(body) + whole[start + length : start + length + 4]
    yield "damaged pixels", write_png(RGB, 8, colour(), pixels=pixels), None, {}
    key = write_chunk(b"tRNS", b"\0\1")
    yield "transparency cut short", write_png(RGB, 8, colour(), key), colour(), {}
    yield "part that no reader knows", write_png(RGB, 8, colour(), write_chunk(b"LOOM", b"")), None, {}
    plte = write_chunk(b"PLTE", YARNS.tobytes(), damaged=True)
    yield "damaged palette", write_png(INDEXED, 8, draw_knots(), plte), None, {}
