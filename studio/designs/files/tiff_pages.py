"""TIFF files: the page that is the picture, its density and its colour map (TIFF 6.0; SubIFDs of Technical Note 1)."""

from __future__ import annotations

import ctypes
import functools
import struct
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image, ImagePalette, _imaging

from studio.designs.files.density import METRES_PER_INCH, Density, read_density
from studio.designs.files.stated import Stated

NEW_SUBFILE_TYPE, SUBFILE_TYPE, WIDTH, LENGTH = 254, 255, 256, 257
X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 282, 283, 296
COLOUR_MAP, SUB_IFDS = 320, 330
READ_TAGS = (NEW_SUBFILE_TYPE, SUBFILE_TYPE, WIDTH, LENGTH, SUB_IFDS)
REDUCED, MASK = 1, 4
OLD_REDUCED = 2
PAGES_LIMIT = 64
"""Pages that are looked at. No pyramid has more: each of its pages is half the one before."""
METRES = {2: METRES_PER_INCH, 3: 0.01}
"""Length of a resolution unit: inch, centimetre. 1 is no absolute unit."""
SMALLER_LEFT = "The file also holds smaller copies or masks of the picture; the picture in full size was taken."


@dataclass(frozen=True, slots=True)
class _Page:
    """An image file directory: where it lies, where the place of the next one is written, and its tags."""

    start: int
    next_at: int
    tags: dict[int, tuple[int, ...]]

    @property
    def full(self) -> bool:
        """Whether this is a picture of its own: neither a smaller copy nor a mask."""
        kind = self.tags.get(NEW_SUBFILE_TYPE, (0,))[0]
        return not kind & (REDUCED | MASK) and self.tags.get(SUBFILE_TYPE, (0,))[0] != OLD_REDUCED

    @property
    def size(self) -> tuple[int, int]:
        return self.tags.get(WIDTH, (0,))[0], self.tags.get(LENGTH, (0,))[0]


class _Layout:
    """The numbers of a TIFF or BigTIFF file, in its byte order."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.order = "<" if data[:2] == b"II" else ">"
        self.big = struct.unpack_from(f"{self.order}H", data, 2)[0] == 43
        self.offset = f"{self.order}{'Q' if self.big else 'I'}"
        self.first_at = 8 if self.big else 4

    def read_offset(self, place: int) -> int:
        return int(struct.unpack_from(self.offset, self.data, place)[0])

    def read_page(self, start: int) -> _Page:
        count_form, entry, inline = ("Q", 20, 8) if self.big else ("H", 12, 4)
        (count,) = struct.unpack_from(self.order + count_form, self.data, start)
        first = start + struct.calcsize(count_form)
        tags = {}
        for place in range(first, min(first + count * entry, len(self.data) - entry), entry):
            tag, kind = struct.unpack_from(f"{self.order}HH", self.data, place)
            number = self.read_offset(place + 4)
            form = {3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}.get(kind)
            if tag not in READ_TAGS or form is None or not 1 <= number <= PAGES_LIMIT:
                continue
            value_at = place + entry - inline
            if struct.calcsize(f"={number}{form}") > inline:
                value_at = self.read_offset(value_at)
            tags[tag] = struct.unpack_from(f"{self.order}{number}{form}", self.data, value_at)
        return _Page(start, first + count * entry, tags)

    def walk(self) -> Iterator[_Page]:
        """Yield the pages in order, each before the directories below it. A ring ends."""
        seen: set[int] = set()
        waiting = [self.read_offset(self.first_at)]
        while waiting and len(seen) <= PAGES_LIMIT:
            start = waiting.pop(0)
            if start == 0 or start in seen:
                continue
            seen.add(start)
            page = self.read_page(start)
            yield page
            waiting += page.tags.get(SUB_IFDS, ())
            if page.next_at + struct.calcsize(self.offset) <= len(self.data):
                waiting.append(self.read_offset(page.next_at))


def read_tiff(data: bytes) -> Stated:
    """Return what a TIFF states, as a file of one page where its other pages are smaller copies or masks of it.

    Of several pages of their own none is chosen: the bytes stay. Raises `struct.error` for a damaged file.
    """
    _silence_readers()
    layout = _Layout(data)
    pages = list(layout.walk())
    full = [page for page in pages if page.full] or [max(pages, key=lambda page: page.size)]
    copies = [page for page in full[1:] if _is_smaller_copy(page, full[0])]
    if len(full) - len(copies) != 1 or len(pages) == 1:
        return Stated(data)
    restated = bytearray(data)
    struct.pack_into(layout.offset, restated, layout.first_at, full[0].start)
    struct.pack_into(layout.offset, restated, full[0].next_at, 0)
    return Stated(bytes(restated), notes=(SMALLER_LEFT,))


def _is_smaller_copy(page: _Page, whole: _Page) -> bool:
    """Return whether a page without a mark has at most half the sides of the whole picture, in the same proportion."""
    (width, height), (whole_width, whole_height) = page.size, whole.size
    small = 0 < 2 * width <= whole_width + 1 and 0 < 2 * height <= whole_height + 1
    return small and abs(width * whole_height - height * whole_width) <= max(whole.size)


def mend_colour_map(picture: Image.Image) -> None:
    """Give a lazily opened picture the colours of its map where that was written with numbers of 8 bits.

    The map's numbers have 16 bits. Where none is above 255, libtiff takes them for 8-bit ones.
    """
    numbers = getattr(picture, "tag_v2", {}).get(COLOUR_MAP)
    if picture.mode in ("P", "PA") and numbers and 0 < max(numbers) < 256:
        picture.palette = ImagePalette.raw("RGB;L", bytes(numbers))


def read_tiff_density(picture: Image.Image) -> Density | None:
    """Return the density in the tags of a lazily opened picture, or None."""
    tags = getattr(picture, "tag_v2", {})
    metres = METRES.get(tags.get(RESOLUTION_UNIT, 2))
    across, down = tags.get(X_RESOLUTION), tags.get(Y_RESOLUTION)
    if metres is None or not across or not down:
        return None
    return read_density(float(across) / metres, float(down) / metres)


@functools.cache
def _silence_readers() -> None:
    """Keep libtiff and Pillow from writing to the terminal about damaged files: the studio says what is wrong."""
    warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.TiffImagePlugin")
    library = ctypes.CDLL(_imaging.__file__)
    for name in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
        # Where libtiff is linked statically (Windows) its functions are not found, and it goes on writing.
        if (set_handler := getattr(library, name, None)) is not None:
            set_handler.restype, set_handler.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
            set_handler(None)
