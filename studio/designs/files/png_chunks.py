"""PNG files, chunk by chunk: checksums, colour space, density and transparency (W3C PNG, third edition)."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from studio.designs.files.calibration import SRGB_PRIMARIES, near_srgb, write_gamma_profile
from studio.designs.files.density import read_density
from studio.designs.files.stated import PROFILE_IGNORED, Stated
from studio.errors import DesignError

SIGNATURE = b"\x89PNG\r\n\x1a\n"
PROFILE_LIMIT = 16 * 1024 * 1024
"""Bytes of an unpacked colour profile. The largest in use, for printing presses, have 4 MB."""
EXIF_LIMIT = 1024 * 1024
DECODED = (b"IHDR", b"PLTE", b"tRNS", b"eXIf", b"acTL", b"fcTL", b"fdAT", b"IDAT", b"IEND")
"""The chunks that Pillow gets. Texts and profiles are left out: it refuses a file with more than 1 MB of them."""
CRITICAL = {b"IHDR": "its header", b"PLTE": "its colours", b"IDAT": "its pixels"}
COLOUR_CHUNKS = {b"tRNS": "transparency", b"gAMA": "gamma", b"sRGB": "colour space", b"cHRM": "primaries"}
USUAL_GAMMA = 1 / 2.2
GREY, RGB, INDEXED, GREY_ALPHA = 0, 2, 3, 4

READ_AS_SRGB = "Its gamma and primaries are nearly those of sRGB and were read as sRGB: no colour was changed."
CODES_IGNORED = "Its colour space (cICP) is none that is read here; the colours were read as sRGB."
CODES_OF_SRGB = bytes((1, 13, 0, 1))


def read_png(data: bytes) -> Stated:
    """Return what a PNG states, with its texts left out and its checksums checked.

    A chunk that may be left out and whose checksum is wrong is left out. Raises `DesignError` where the checksum of
    the header, the colours or the pixels is wrong.
    """
    kept, found, notes = [SIGNATURE], dict[bytes, bytes](), list[str]()
    for name, chunk, whole in _walk(data):
        body = chunk[8:-4]
        if whole and not _fits(chunk):
            if name in CRITICAL:
                raise DesignError(
                    f"This PNG file is damaged: the checksum of {CRITICAL[name]} ({name.decode()}) is wrong. "
                    "Copy or export it again."
                )
            if name == b"iCCP":
                notes.append(PROFILE_IGNORED)
            elif name in COLOUR_CHUNKS:
                notes.append(f"Its {COLOUR_CHUNKS[name]} ({name.decode()}) is damaged and was ignored.")
            if name != b"IEND":
                continue
        if whole and name not in (b"IDAT", b"fdAT"):
            found.setdefault(name, bytes(body))
        if name[:1].isupper() and name not in DECODED:
            raise DesignError(f"This PNG file has a part ({name.decode()}) that no reader knows. Export it again.")
        if name == b"tRNS" and not _has_transparency(found):
            notes.append("Its transparency (tRNS) is damaged and was ignored.")
            del found[name]
        elif name in DECODED and not (name == b"eXIf" and len(body) > EXIF_LIMIT):
            kept.append(chunk if name != b"IEND" else _write_chunk(name, b""))
    if b"IHDR" not in found or len(found[b"IHDR"]) != 13:
        return Stated(data)
    bits, kind = found[b"IHDR"][8:10]
    profile, said = _read_profile(found, grey=kind in (GREY, GREY_ALPHA))
    across, down, unit = struct.unpack(">IIB", found.get(b"pHYs", b"").ljust(9, b"\0")[:9])
    deep_key = kind == RGB and bits == 16 and len(found.get(b"tRNS", b"")) >= 6
    return Stated(
        b"".join(kept),
        profile,
        density=read_density(across, down) if unit == 1 else None,
        entries=len(found[b"PLTE"]) // 3 if kind == INDEXED and b"PLTE" in found else None,
        grey_bits=bits if kind == GREY and bits < 8 and b"tRNS" in found else 0,
        key=struct.unpack_from(">HHH", found[b"tRNS"]) if deep_key else None,
        notes=(*notes, *said),
    )


def find_deep_key(stated: Stated, picture: Image.Image) -> Image.Image | None:
    """Return the opacity (mode "L") of a decoded PNG of 16 bits per colour, or None where no colour is transparent.

    Pillow drops the lower 8 bits, in which a colour may differ from the transparent one: they are decoded by
    themselves.
    """
    if stated.key is None:
        return None
    with Image.open(io.BytesIO(stated.data), formats=("PNG",)) as low:
        low.tile = [tile._replace(args="RGB;16L") for tile in low.tile]
        differs = np.zeros((picture.height, picture.width), dtype=bool)
        for byte, shift in ((picture, 8), (low, 0)):
            wanted = np.array([value >> shift & 255 for value in stated.key], dtype=np.uint8)
            pixels: NDArray[np.uint8] = np.asarray(byte)
            differs |= (pixels != wanted).any(axis=-1)
    return Image.fromarray(differs.astype(np.uint8) * np.uint8(255))


def _has_transparency(found: dict[bytes, bytes]) -> bool:
    """Return whether a tRNS chunk is as long as its kind of picture needs it."""
    kind = found.get(b"IHDR", b"").ljust(13, b"\xff")[9]
    return len(found.get(b"tRNS", b"")) >= {GREY: 2, RGB: 6, INDEXED: 1}.get(kind, 1 << 31)


def _walk(data: bytes) -> Iterator[tuple[bytes, bytes, bool]]:
    """Yield name, bytes with length and checksum, and whether it is whole, of each chunk up to IEND."""
    place, view = len(SIGNATURE), memoryview(data)
    while place + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, place)
        if not name.isalpha():
            return
        end = place + 12 + length
        yield name, bytes(view[place:end]), end <= len(data)
        if name == b"IEND":
            return
        place = end


def _fits(chunk: bytes) -> bool:
    return zlib.crc32(memoryview(chunk)[4:-4]) == int.from_bytes(chunk[-4:])


def _write_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _read_profile(found: dict[bytes, bytes], *, grey: bool) -> tuple[bytes | None, list[str]]:
    """Return the profile by the chunks' order of precedence (11.3.2): cICP, iCCP, sRGB, gAMA with cHRM; and notes."""
    notes = [CODES_IGNORED] if found.get(b"cICP", CODES_OF_SRGB) != CODES_OF_SRGB else []
    if b"cICP" in found:
        return None, notes
    if b"iCCP" in found:
        profile = _unpack_profile(found[b"iCCP"])
        if profile:
            return profile, notes
        notes.append(PROFILE_IGNORED)
    gamma = int.from_bytes(found.get(b"gAMA", b"")[:4]) / 100_000
    if b"sRGB" in found or not 0.05 <= gamma <= 20:
        return None, notes
    chromaticities = found.get(b"cHRM", b"")
    primaries = SRGB_PRIMARIES
    if len(chromaticities) == 32 and not grey:
        stated = tuple(value / 100_000 for value in struct.unpack(">8I", chromaticities))
        primaries = SRGB_PRIMARIES if near_srgb(stated) else stated
    # Browsers leave colours as they are where the gamma is within 5 % of 1/2.2 and no primaries are stated.
    if abs(gamma / USUAL_GAMMA - 1) <= 0.05 and primaries is SRGB_PRIMARIES:
        return None, [*notes, READ_AS_SRGB] if chromaticities else notes
    try:
        return write_gamma_profile([1 / gamma] * 3, primaries, grey=grey), notes
    except (ValueError, np.linalg.LinAlgError):
        return None, [*notes, "Its primaries (cHRM) are those of no colour space and were ignored."]


def _unpack_profile(body: bytes) -> bytes | None:
    """Return the profile of an iCCP chunk (name, 0, method 0, zlib stream), or None for a damaged or endless one."""
    unpacking = zlib.decompressobj()
    try:
        profile = unpacking.decompress(body[body.index(b"\0") + 2 :], PROFILE_LIMIT)
    except (ValueError, zlib.error):
        return None
    return None if unpacking.unconsumed_tail else profile
