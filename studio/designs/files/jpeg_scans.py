"""JPEG files, marker by marker: how many scans they have, and whether their end is there (ITU-T T.81, annex B)."""

from __future__ import annotations

import io
import re

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from studio.designs.files.stated import Stated
from studio.errors import DesignError

SCANS_LIMIT = 64
"""Cameras and programs write at most some twenty. Each scan goes over the whole picture again."""
START_OF_SCAN, END_OF_IMAGE = 0xDA, 0xD9
END = bytes((0xFF, END_OF_IMAGE))
WITHOUT_LENGTH = frozenset((0x01, *range(0xD0, 0xD9)))
END_MISSING = "Its end marker is missing, but all of its pixels are there."
_MARKER = re.compile(rb"\xff+([^\x00\xd0-\xd7\xff])")
"""The next marker in a scan: neither a stuffed byte nor a restart."""


def read_jpeg(data: bytes) -> Stated:
    """Return what a JPEG states, with an end marker. Raises `DesignError` for too many scans."""
    scans, ended = _count_scans(data)
    if scans > SCANS_LIMIT:
        raise DesignError(
            f"This JPEG file draws its picture in more than {SCANS_LIMIT} scans, which takes too long. Save it as PNG."
        )
    if ended or not scans:
        return Stated(data)
    restated = data.rstrip(b"\xff") + END
    return Stated(restated, notes=(END_MISSING,), check=lambda: _check_last_rows(restated))


def _check_last_rows(restated: bytes) -> None:
    # Bytes behind a whole picture change nothing; in a picture that is cut they become pixels.
    seen = _decode(restated)
    for filler in (b"\x00", b"\x5a"):
        if not np.array_equal(seen, _decode(restated.removesuffix(END) + 64 * filler + END)):
            raise DesignError(
                "This JPEG file is cut short or damaged: its last rows are missing. Copy or export it again."
            )


def _count_scans(data: bytes) -> tuple[int, bool]:
    """Return the number of scans, counted to one beyond the limit, and whether the end marker follows them."""
    place, scans = 2, 0
    while scans <= SCANS_LIMIT and (found := _MARKER.search(data, place)):
        marker, place = found[1][0], found.end()
        if marker == END_OF_IMAGE:
            return scans, True
        scans += marker == START_OF_SCAN
        if marker not in WITHOUT_LENGTH:
            place += max(int.from_bytes(data[place : place + 2]), 2)
    return scans, False


def _decode(data: bytes) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(data), formats=("JPEG",)) as picture:
        return np.asarray(picture)
