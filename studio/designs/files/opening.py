"""Opening a picture file as a design: checked, decoded, upright and in sRGB, or refused with the reason."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, UnidentifiedImageError

from studio.designs.files.bmp_header import read_bmp
from studio.designs.files.density import METRES_PER_INCH, Density, read_density
from studio.designs.files.jpeg_scans import read_jpeg
from studio.designs.files.png_chunks import find_deep_key, read_png
from studio.designs.files.srgb_conversion import convert_to_srgb, read_facts
from studio.designs.files.stated import Stated
from studio.designs.files.targa_and_pcx import read_pcx, read_targa
from studio.designs.files.tiff_pages import mend_colour_map, read_tiff, read_tiff_density
from studio.designs.index_map import IndexMap
from studio.errors import DesignError, RunCancelledError
from studio.schema import SIDE_LIMIT_PX

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF", "AVIF", "PCX", "TGA")
"""Pillow's names of the allowed formats, tried in this order. Some of Pillow's other readers start external programs
(EPS). TGA comes last because it has no signature."""
FINE_FORMATS = "PNG, BMP, TIFF, JPEG or WebP"
BYTES_LIMIT = 50 * 1024 * 1024
PIXELS_LIMIT = 64_000_000
SMALLEST_SIDE_PX = 12
"""As many knots a side as the least part that can be drawn anew from its motifs; one repeat is often no larger."""
ASPECT_LIMIT = 4
BROWSER_FORMATS = frozenset({"PNG", "JPEG", "WEBP", "GIF", "BMP"})
COUNTED_BYTES = 8 * 1024 * 1024
"""Frames are counted only in files up to this size: Pillow reads every frame, which is slow for millions of them."""

SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "a PDF document"),
    (b"%!PS", "a PostScript (EPS) document"),
    (b"\xc5\xd0\xd3\xc6", "a PostScript (EPS) document"),
    (b"8BPS", "a Photoshop document"),
    (b"<svg", "an SVG drawing"),
    (b"<?xml", "an XML document"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"AC10", "an AutoCAD drawing"),
    (b"jP  ", "a JPEG 2000 picture"),
    (b"ftyphei", "a HEIC photo"),
    (b"ftypmif1", "a HEIC photo"),
)
"""Signatures of common files that cannot be read here, at the start or after four bytes of length."""
HEADERS: tuple[tuple[bytes, Callable[[bytes], Stated]], ...] = (
    (b"\x89PNG\r\n\x1a\n", read_png),
    (b"\xff\xd8\xff", read_jpeg),
    (b"BM", read_bmp),
    (b"II*\x00", read_tiff),
    (b"MM\x00*", read_tiff),
    (b"II+\x00", read_tiff),
    (b"MM\x00+", read_tiff),
    (b"\x0a", read_pcx),
    (b"", read_targa),
)
"""The reader of a file's header by its first bytes; a TGA has no signature."""
PICTURE_SIGNATURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\x00", b"MM\x00*", b"RIFF")


@dataclass(frozen=True, slots=True)
class Design:
    """A picture that can be varied.

    `image` is 8-bit RGB in sRGB, upright, `width_px` x `height_px`; treat it as read-only. `format` and `mode` are
    Pillow's names for the file's own, `sha256` is the hash of its bytes. `notes` has one sentence for each alteration
    between file and `image`; it is empty where `image` shows what the file shows. `index_map` shows exactly `image`.
    Every indexed file has one, and every picture of at most 64 colours; for others it is None
    (`studio.designs.index_map`). `palette` has the file's whole colour table, uint8 (k, 3), unused entries at its end
    included; None for a picture without one. `density` is the file's own, None where it states none.
    """

    image: Image.Image = field(compare=False, repr=False)
    format: str
    mode: str
    width_px: int
    height_px: int
    sha256: str
    notes: tuple[str, ...] = ()
    index_map: IndexMap | None = field(default=None, compare=False, repr=False)
    palette: NDArray[np.uint8] | None = field(default=None, compare=False, repr=False)
    density: Density | None = None


def open_design(data: bytes, *, to_vary: bool = True, watch: Callable[[float], None] | None = None) -> Design:
    """Return the design in the bytes of a picture file.

    The size is checked in the header, before any pixel is decoded. A design to vary is at most 4 times as long as it
    is wide; one to measure or to export may have any shape. `watch` is called with the share of the bytes that are
    decoded; a `RunCancelledError` that it raises ends the work. Raises `DesignError`, and nothing else, for every file
    that cannot be used.
    """
    _check_bytes(data)
    stated = _read_header(data)
    lazy = _open_lazily(io.BytesIO(stated.data) if watch is None else _Watched(stated.data, watch), data)
    # Hostile files can raise nearly any exception at nearly any access.
    try:
        _check_size(*lazy.size, to_vary=to_vary)
        _check_single(lazy, len(data))
        if stated.check is not None:
            stated.check()
        mend_colour_map(lazy)
        facts = read_facts(lazy, stated)
        density = stated.density or _read_picture_density(lazy)
        lazy.load()
        _check_size(*lazy.size, to_vary=to_vary)
        shown = convert_to_srgb(lazy, facts, find_deep_key(stated, lazy))
    except (DesignError, RunCancelledError):
        raise
    except MemoryError as error:
        raise DesignError(
            f"This picture of {lazy.width} x {lazy.height} pixels does not fit into the free memory. "
            "Close other programs, or save it smaller."
        ) from error
    except Exception as error:
        raise DesignError(
            f"This {_name(lazy)} file is cut short or damaged. Copy or export it again, as {FINE_FORMATS}."
        ) from error
    digest = hashlib.sha256(data).hexdigest()
    if density is not None and facts.lies_on_its_side:
        density = Density(density.picks_per_metre, density.reeds_per_metre)
    return Design(
        image=shown.image,
        format=_name(lazy),
        mode=facts.mode,
        width_px=shown.image.width,
        height_px=shown.image.height,
        sha256=digest,
        notes=shown.notes,
        index_map=shown.index_map,
        palette=shown.palette,
        density=density,
    )


def browser_ready(design: Design) -> bool:
    """Return whether a browser shows the file itself exactly as `design.image`.

    True for the formats that every browser supports, where nothing was altered on opening. A file with notes (CMYK, 16
    bits, rotated, transparent, another colour profile) is better shown as a PNG of `design.image`.
    """
    return design.format in BROWSER_FORMATS and not design.notes


def _check_bytes(data: bytes) -> None:
    if not data:
        raise DesignError(f"The file is empty. Choose a picture saved as {FINE_FORMATS}.")
    if len(data) > BYTES_LIMIT:
        raise DesignError(
            f"The file has {len(data) / 2**20:.0f} MB; at most {BYTES_LIMIT // 2**20} MB are allowed. "
            "Save it as PNG, or with fewer pixels."
        )


def _read_header(data: bytes) -> Stated:
    """Return what the file states. Of a header that cannot be read nothing is taken: Pillow refuses such a file."""
    read = next(read for signature, read in HEADERS if data.startswith(signature))
    try:
        return read(data)
    except DesignError:
        raise
    except Exception:  # noqa: BLE001 - a damaged header can raise nearly anything
        return Stated(data)


def _read_picture_density(picture: Image.Image) -> Density | None:
    if picture.format == "TIFF":
        return read_tiff_density(picture)
    if picture.format in ("JPEG", "MPO") and picture.info.get("jfif_unit") in (1, 2):
        across, down = picture.info["dpi"]
        return read_density(across / METRES_PER_INCH, down / METRES_PER_INCH)
    return None


class _Watched(io.BytesIO):
    """A file in memory that tells how far it was read. Pillow decodes PNG and JPEG in blocks, other forms at once."""

    def __init__(self, data: bytes, watch: Callable[[float], None]) -> None:
        super().__init__(data)
        self._watch = watch
        self._bytes_total = len(data)

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next bytes, and tell the share that lies behind."""
        data = super().read(size)
        self._watch(self.tell() / self._bytes_total)
        return data


def _open_lazily(file: io.BytesIO, own: bytes) -> ImageFile.ImageFile:
    """Return Pillow's picture with its header read and no pixel decoded. `own` are the bytes before any mending."""
    try:
        return Image.open(file, formats=FORMATS)
    except RunCancelledError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        # Pillow's own limit lies above PIXELS_LIMIT; its warning is raised where a warning filter makes it an error.
        pixels = re.search(r"\((\d+) pixels\)", str(error))
        claim = f"{int(pixels[1]) / 1e6:.0f}" if pixels else "too many"
        raise DesignError(
            f"This picture claims to have {claim} megapixels; at most {PIXELS_LIMIT // 10**6} are allowed. "
            "Save it with fewer pixels, one for each knot."
        ) from error
    except UnidentifiedImageError as error:
        raise DesignError(_explain_unknown(own)) from error
    except Exception as error:  # Pillow's readers raise different errors for a broken header
        raise DesignError(
            f"This file is damaged: its beginning cannot be read. Copy or export it again, as {FINE_FORMATS}."
        ) from error


def _explain_unknown(data: bytes) -> str:
    start = data[:64].lstrip(b"\xef\xbb\xbf \t\r\n")
    for signature, what in SIGNATURES:
        if start.startswith(signature) or data[4:].startswith(signature):
            return f"This is {what}, which cannot be read here. Export it as {FINE_FORMATS}."
    if data.startswith(PICTURE_SIGNATURES):
        return f"This picture file is cut short or damaged. Copy or export it again, as {FINE_FORMATS}."
    return f"This file is not a picture that can be read here. Save the design as {FINE_FORMATS}."


def _check_size(width_px: int, height_px: int, *, to_vary: bool) -> None:
    size = f"{width_px} x {height_px} pixels"
    if min(width_px, height_px) < SMALLEST_SIDE_PX:
        raise DesignError(
            f"This picture has only {size}; each side needs at least {SMALLEST_SIDE_PX}. "
            "Choose the whole design, such as 900 x 1200 pixels, or one repeat of it."
        )
    if max(width_px, height_px) > SIDE_LIMIT_PX:
        raise DesignError(
            f"This picture has {size}; at most {SIDE_LIMIT_PX} a side are allowed. "
            "Cut out one repeat, or save it smaller, such as 900 x 1200 pixels."
        )
    if width_px * height_px > PIXELS_LIMIT:
        raise DesignError(
            f"This picture has {size}, {width_px * height_px / 1e6:.0f} megapixels; at most "
            f"{PIXELS_LIMIT // 10**6} are allowed. Save it with fewer pixels, one for each knot."
        )
    if to_vary and max(width_px, height_px) > ASPECT_LIMIT * min(width_px, height_px):
        raise DesignError(
            f"This picture of {size} is too long and narrow: one side may be at most {ASPECT_LIMIT} times the other. "
            f"Cut out a part, such as {_suggest_part(width_px, height_px)} pixels."
        )


def _suggest_part(width_px: int, height_px: int) -> str:
    if width_px > height_px:
        return f"{ASPECT_LIMIT * height_px} x {height_px}"
    return f"{width_px} x {ASPECT_LIMIT * width_px}"


def _check_single(picture: Image.Image, bytes_total: int) -> None:
    # MPO is a JPEG with further pictures, as phones write it: the first one is the photo, the others are previews.
    if picture.format == "MPO" or not getattr(picture, "is_animated", False):
        return
    count = str(getattr(picture, "n_frames", 1)) if bytes_total <= COUNTED_BYTES else "several"
    what = "pages" if picture.format == "TIFF" else "pictures, an animation"
    raise DesignError(
        f"This {_name(picture)} file holds {count} {what}. Save the one that you want as a single PNG, and choose that."
    )


def _name(picture: Image.Image) -> str:
    return "JPEG" if picture.format == "MPO" else picture.format or "picture"
