"""The drawing as TIFF files, written tag by tag (Adobe, TIFF 6.0)."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from studio.commands.file_forms.drawing import CLEAR, YARNS, Form, colour, draw_knots

KIND, WIDTH, LENGTH, BITS, COMPRESSION, PHOTOMETRIC = 254, 256, 257, 258, 259, 262
STRIPS, SAMPLES, ROWS, COUNTS = 273, 277, 278, 279
X_RESOLUTION, Y_RESOLUTION, UNIT, COLOURS, SUB_PAGES, EXTRA = 282, 283, 296, 320, 330, 338
RGB, INDEXED = 2, 3
REDUCED = 1
CENTIMETRE = 3

Page = tuple[NDArray[np.uint8], Mapping[int, Sequence[int]]]


def write_tiff(*pages: Page, below: Page | None = None) -> bytes:
    """Return a TIFF of uncompressed pages of samples (height, width, channels) and further tags.

    `below` becomes a directory below the first page.
    """
    data = bytearray(b"II*\0\0\0\0\0")
    pointer = 4
    for number, page in enumerate(pages):
        further = dict(page[1])
        if below is not None and number == 0:
            further[SUB_PAGES] = [_write_page(data, *below)]
        start = _write_page(data, page[0], further)
        struct.pack_into("<I", data, pointer, start)
        pointer = start + 2 + 12 * struct.unpack_from("<H", data, start)[0]
    return bytes(data)


def _write_page(data: bytearray, samples: NDArray[np.uint8], further: Mapping[int, Sequence[int]]) -> int:
    """Append a page and return where its directory begins. Fractions are pairs of numbers."""
    channels = samples.shape[2]
    tags: dict[int, Sequence[int]] = {
        WIDTH: [samples.shape[1]],
        LENGTH: [samples.shape[0]],
        BITS: [8] * channels,
        COMPRESSION: [1],
        PHOTOMETRIC: [RGB],
        STRIPS: [len(data)],
        SAMPLES: [channels],
        ROWS: [samples.shape[0]],
        COUNTS: [samples.size],
        **further,
    }
    data += samples.tobytes()
    entries = b""
    for tag in sorted(tags):
        values, form, kind, per = tags[tag], "I", 4, 1
        if tag in (X_RESOLUTION, Y_RESOLUTION):
            kind, per = 5, 2
        elif tag in (BITS, PHOTOMETRIC, COMPRESSION, SAMPLES, COLOURS, EXTRA, UNIT):
            form, kind = "H", 3
        body = struct.pack(f"<{len(values)}{form}", *values)
        if len(body) > 4:
            place = struct.pack("<I", len(data))
            data += body
            body = place
        entries += struct.pack("<HHI", tag, kind, len(values) // per) + body.ljust(4, b"\0")
    data += bytes(len(data) % 2)
    start = len(data)
    data += struct.pack("<H", len(tags)) + entries + bytes(4)
    return start


def list_tiff_forms() -> Iterator[Form]:
    """Yield the forms, the usual ones first."""
    knots, full = draw_knots()[..., None], colour()
    table = np.zeros((3, 256), int)
    table[:, : len(YARNS)] = YARNS.T
    wide, narrow = (table * 257).ravel().tolist(), table.ravel().tolist()
    yield Form("TIFF", "RGB", write_tiff((full, {})), full)
    data = write_tiff((knots, {PHOTOMETRIC: [INDEXED], COLOURS: wide}))
    yield Form("TIFF", "indexed", data, full, numbers=True)
    data = write_tiff((knots, {PHOTOMETRIC: [INDEXED], COLOURS: narrow}))
    yield Form("TIFF", "indexed, colour map of 8-bit numbers", data, full, numbers=True)
    alpha = np.full_like(knots, 255)
    tags = {PHOTOMETRIC: [INDEXED], COLOURS: wide, EXTRA: [2]}
    data = write_tiff((np.concatenate([knots, alpha], -1), tags))
    yield Form("TIFF", "indexed with alpha, all opaque", data, full, numbers=True)
    alpha = np.where(knots == CLEAR, 0, 255).astype(np.uint8)
    data = write_tiff((np.concatenate([knots, alpha], -1), tags))
    yield Form("TIFF", "indexed with alpha, one yarn transparent", data, colour(clear=CLEAR))
    density = {X_RESOLUTION: [7, 1], Y_RESOLUTION: [8, 1], UNIT: [CENTIMETRE]}
    yield Form("TIFF", "density of 7 x 8 a centimetre", write_tiff((full, density)), full, density=(700, 800))
    half, quarter = full[::2, ::2].copy(), full[::4, ::4].copy()
    data = write_tiff((full, {}), (half, {KIND: [REDUCED]}), (quarter, {KIND: [REDUCED]}))
    yield Form("TIFF", "pyramid of pages", data, full)
    yield Form("TIFF", "pyramid of unmarked pages", write_tiff((full, {}), (half, {}), (quarter, {})), full)
    yield Form("TIFF", "thumbnail first", write_tiff((half, {KIND: [REDUCED]}), (full, {})), full)
    yield Form("TIFF", "smaller copy below the page", write_tiff((full, {}), below=(half, {KIND: [REDUCED]})), full)
    data = write_tiff((half, {KIND: [REDUCED]}), below=(full, {}))
    yield Form("TIFF", "full size below a thumbnail", data, full)
    yield Form("TIFF", "two pages", write_tiff((full, {}), (full[::-1].copy(), {})), None)
