"""TGA and PCX files: what their headers say about transparency and colours (Truevision TGA 2.0; ZSoft PCX 5)."""

from __future__ import annotations

import io

from PIL import Image

from studio.designs.files.stated import Stated
from studio.errors import DesignError

TABLE_BYTES = 769
TABLE_MARK = 12
GREY = 2
RUN_LENGTHS = 1
CUT = "This PCX file is cut short: its colours, which stand at its end, are missing. Copy or export it again."


def read_targa(data: bytes) -> Stated:
    """Return what a TGA states: a fourth channel is transparency only if its header counts bits of it."""
    return Stated(data, opaque=len(data) > 17 and data[17] & 15 == 0)


def read_pcx(data: bytes) -> Stated:
    """Return what a PCX states. Raises `DesignError` where the 256 colours at its end are missing.

    A grey picture, marked as such in the header, needs none.
    """
    if data[2] != RUN_LENGTHS:  # a TGA with a name of ten letters begins alike
        return read_targa(data)
    bits, planes, grey = data[3], data[65], int.from_bytes(data[68:70], "little") == GREY
    if bits != 8 or planes != 1:
        return Stated(data)
    if data[-TABLE_BYTES:][:1] != bytes((TABLE_MARK,)):
        if grey:
            return Stated(data)
        raise DesignError(CUT)
    return Stated(data, check=lambda: _check_pixels(data))


def _check_pixels(data: bytes) -> None:
    """Raise `DesignError` where a byte before the end only looks like the mark of the colours."""
    try:
        with Image.open(io.BytesIO(data), formats=("PCX",)) as picture:
            picture.fp = io.BytesIO(data[:-TABLE_BYTES])
            picture.load()
    except OSError as error:
        raise DesignError(CUT) from error
