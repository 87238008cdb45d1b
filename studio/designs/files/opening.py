"""Opening a picture file as a design: checked, decoded, upright and in sRGB, or refused with the reason."""

from __future__ import annotations

import hashlib
import io
import re
from dataclasses import dataclass, field

from PIL import Image, ImageFile, UnidentifiedImageError

from studio.designs.files.srgb_conversion import convert_to_srgb, read_facts
from studio.designs.files.two_tone_bmp import read_two_tone
from studio.designs.index_map import IndexMap
from studio.errors import DesignError
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
PICTURE_SIGNATURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\x00", b"MM\x00*", b"RIFF")


@dataclass(frozen=True, slots=True)
class Design:
    """A picture that can be varied.

    `image` is 8-bit RGB in sRGB, upright, `width_px` x `height_px`; treat it as read-only. `format` and `mode` are
    Pillow's names for the file's own, `sha256` is the hash of its bytes. `notes` has one sentence for each alteration
    between file and `image`; it is empty where `image` shows what the file shows. `index_map` shows exactly `image`.
    Every indexed file has one, and every picture of at most 64 colours; for others it is None
    (`studio.designs.index_map`).
    """

    image: Image.Image = field(compare=False, repr=False)
    format: str
    mode: str
    width_px: int
    height_px: int
    sha256: str
    notes: tuple[str, ...] = ()
    index_map: IndexMap | None = field(default=None, compare=False, repr=False)


def open_design(data: bytes) -> Design:
    """Return the design in the bytes of a picture file.

    The size is checked in the header, before any pixel is decoded. Raises `DesignError`, and nothing else, for every
    file that cannot be used.
    """
    _check_bytes(data)
    lazy = _open_lazily(data)
    # Hostile files can raise nearly any exception at nearly any access.
    try:
        _check_size(*lazy.size)
        _check_single(lazy, len(data))
        facts = read_facts(lazy)
        picture = read_two_tone(lazy, data)
        picture.load()
        _check_size(*picture.size)
        image, notes, index_map = convert_to_srgb(picture, facts)
    except DesignError:
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
    return Design(image, _name(picture), facts.mode, image.width, image.height, digest, notes, index_map)


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


def _open_lazily(data: bytes) -> ImageFile.ImageFile:
    """Return Pillow's picture with its header read and no pixel decoded."""
    try:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        # Pillow's own limit lies above PIXELS_LIMIT; its warning is raised where a warning filter makes it an error.
        pixels = re.search(r"\((\d+) pixels\)", str(error))
        claim = f"{int(pixels[1]) / 1e6:.0f}" if pixels else "too many"
        raise DesignError(
            f"This picture claims to have {claim} megapixels; at most {PIXELS_LIMIT // 10**6} are allowed. "
            "Save it with fewer pixels, one for each knot."
        ) from error
    except UnidentifiedImageError as error:
        raise DesignError(_explain_unknown(data)) from error
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


def _check_size(width_px: int, height_px: int) -> None:
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
    if max(width_px, height_px) > ASPECT_LIMIT * min(width_px, height_px):
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
