"""Conversion of every mode that Pillow decodes to upright 8-bit sRGB, with one sentence for each alteration."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from studio.designs.files.profiles import apply_profile
from studio.designs.files.stated import Stated
from studio.designs.index_map import IndexMap, index_colours
from studio.errors import DesignError

WHITE = (255, 255, 255)
EXIF_ORIENTATION = 0x0112
TIFF_BITS = 258
TIFF_PHOTOMETRIC = 262
WHITE_IS_ZERO = 0
USUAL_SCALES: dict[str, tuple[int, ...]] = {"I": (255, 65535, 2**31 - 1), "F": (1, 255, 65535)}
"""Usual white levels of the modes whose files do not state theirs."""
INDEXED_GREYS = ("BMP", "GIF", "PCX")
"""Formats that store grey pictures with a palette, which Pillow opens as mode "L" where the palette is 0, 1, 2, …."""
FILLED_UP = ("BMP", "TGA")
"""Formats whose fourth channel is often an empty filler."""
UPRIGHT: dict[int, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""The transposition that makes a picture upright, by EXIF orientation (1 is upright)."""

TURNED = "The picture was rotated upright, as its file specifies."
FILLED = "Transparent parts were filled with white."
REDUCED = "Its 16 bits per colour were reduced to 8."
RANGE_READ = "Its grey values were read as 0 (black) to {} (white) and reduced to 8 bits."
ALPHA_DISREGARDED = "Its fourth channel is not declared as transparency and was ignored."
FILLER = "Its alpha channel is zero everywhere, which is a filler: no knot was taken for transparent."
NUMBERS_LOST = "Its half transparent knots were blended with white, so that its yarns have new numbers."
FIRST_PICTURE = "The file holds further pictures; the first one was taken."


@dataclass(frozen=True, slots=True)
class Facts:
    """Properties of a file that have to be read before its pixels are decoded, because decoding in Pillow drops them.

    `full_scale` is the white level of 16-bit grey. `deep`: the colours have 16 bits, of which Pillow drops the lower 8.
    `inverted`: 0 is white. `extra_pictures`: the file holds further pictures.
    """

    mode: str
    orientation: int
    profile: bytes | None
    deep: bool
    full_scale: int
    inverted: bool
    extra_pictures: bool
    opaque: bool
    entries: int | None
    notes: tuple[str, ...]

    @property
    def lies_on_its_side(self) -> bool:
        """Whether the picture is turned by a quarter on opening."""
        return self.orientation in (5, 6, 7, 8)


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture in upright 8-bit sRGB, one sentence for each alteration in order, and its knots if it has them.

    `palette` is the whole colour table of an indexed picture, with the unused entries at its end.
    """

    image: Image.Image
    notes: tuple[str, ...]
    index_map: IndexMap | None
    palette: NDArray[np.uint8] | None


def read_facts(picture: ImageFile.ImageFile, stated: Stated) -> Facts:
    """Return the facts of a lazily opened picture. A broken header can raise any exception."""
    tags = getattr(picture, "tag_v2", {})
    rawmodes = [tile.args if isinstance(tile.args, str) else str(tile.args[0]) for tile in picture.tile if tile.args]
    bits = tags.get(TIFF_BITS, (16,))[0]
    if stated.grey_bits:  # Pillow gives the value in the file's own bits beside pixels of 8
        steps = (1 << stated.grey_bits) - 1
        picture.info["transparency"] = (picture.info["transparency"] & steps) * 255 // steps
    return Facts(
        mode=picture.mode,
        orientation=_read_orientation(picture),
        profile=stated.profile or picture.info.get("icc_profile"),
        deep=picture.mode in ("RGB", "RGBA", "RGBX", "CMYK") and any(";16" in rawmode for rawmode in rawmodes),
        full_scale=(1 << bits) - 1 if picture.mode.startswith("I;16") and 8 < bits <= 16 else 65535,
        inverted=picture.mode.startswith("I;16") and tags.get(TIFF_PHOTOMETRIC) == WHITE_IS_ZERO,
        extra_pictures=picture.format == "MPO",
        opaque=stated.opaque and picture.format == "TGA",
        entries=stated.entries,
        notes=stated.notes,
    )


def convert_to_srgb(picture: Image.Image, facts: Facts, opacity: Image.Image | None = None) -> Shown:
    """Return a decoded picture in sRGB. `opacity` (mode "L") is one that Pillow did not decode.

    An indexed picture keeps its indices: its palette entries are converted like pixels. Raises `DesignError` for grey
    values of unknown range, and whatever Pillow raises for damaged pixels.
    """
    notes = [*facts.notes, *([FIRST_PICTURE] if facts.extra_pictures else [])]
    picture, cover = _part_cover(picture, notes)
    indices = _read_indices(picture)
    used = 0 if indices is None else int(np.asarray(indices).max()) + 1
    entries = used if indices is None else max(used, _count_entries(picture, facts, used))
    colour, alpha = _split(picture if indices is None else _list_entries(picture, entries), facts, notes)
    alpha = _choose_opacity(alpha if opacity is None else opacity, facts, used, picture.format, notes)
    image = apply_profile(colour, facts.profile, notes)
    if alpha is not None:
        image = Image.composite(image, Image.new("RGB", image.size, WHITE), alpha)
        if indices is None or _uses_transparency(alpha, indices):
            notes.append(FILLED)
    if facts.orientation in UPRIGHT:
        notes.append(TURNED)
    if indices is None:
        image = _turn(image, picture, facts)
        return Shown(image, tuple(notes), index_colours(image), None)
    palette = np.asarray(image)[0]
    knots = np.asarray(indices)
    if cover is not None:
        knots, palette, used = _lay_white(knots, palette, used, cover)
    index_map = IndexMap(np.asarray(_turn(Image.fromarray(knots), picture, facts)), palette[:used])
    return Shown(index_map.image().convert("RGB"), tuple(notes), index_map, palette)


def _part_cover(picture: Image.Image, notes: list[str]) -> tuple[Image.Image, NDArray[np.bool_] | None]:
    """Return a picture of mode "PA" as "P" with the knots that its alpha channel makes white; others unchanged.

    Half transparent knots are mixtures of yarn and white, which have no number: such a picture stays as it is.
    """
    if picture.mode != "PA":
        return picture, None
    indices, alpha = np.moveaxis(np.asarray(picture), -1, 0)
    clear = alpha == 0
    if not (clear | (alpha == 255)).all() or (clear.any() and indices[~clear].max(initial=0) == 255):
        notes.append(NUMBERS_LOST)
        return picture, None
    plain = Image.fromarray(np.where(clear, 0, indices).astype(np.uint8))
    plain.putpalette(picture.getpalette() or [])
    plain.format = picture.format
    if not clear.any():
        return plain, None
    notes.append(FILLED)
    return plain, clear


def _lay_white(
    knots: NDArray[np.uint8], palette: NDArray[np.uint8], used: int, clear: NDArray[np.bool_]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], int]:
    """Return knots with a yarn of white behind the used ones, their palette, and the number of entries in use."""
    white = np.array([WHITE], np.uint8)
    return np.where(clear, np.uint8(used), knots), np.concatenate([palette[:used], white]), used + 1


def _choose_opacity(
    alpha: Image.Image | None, facts: Facts, used: int, form: str | None, notes: list[str]
) -> Image.Image | None:
    """Return the opacity that is meant, or None where all is opaque.

    A fourth channel of zeros in a BMP or TGA is a filler: Photoshop and the clipboard leave it empty.
    """
    if alpha is None or alpha.getextrema() == (255, 255):
        return None
    if form in FILLED_UP and (alpha if not used else alpha.crop((0, 0, used, 1))).getextrema() == (0, 0):
        notes.append(FILLER)
        return None
    if facts.opaque:
        notes.append(ALPHA_DISREGARDED)
        return None
    return alpha


def _count_entries(picture: Image.Image, facts: Facts, used: int) -> int:
    """Return the length of an indexed picture's colour table.

    Most formats fill theirs up to a power of two: equal entries behind the last one in use are taken for filling.
    """
    if picture.mode != "P" or picture.palette is None:
        return used
    if facts.entries is not None and picture.format == "PNG":
        return min(facts.entries, 256)
    table = np.array(picture.getpalette("RGB"), np.uint8).reshape(-1, 3)[: facts.entries or 256]
    if len(table) <= used:
        return used
    different = np.flatnonzero((table[used:] != table[-1]).any(axis=1))
    filled = 0 if not len(different) else int(different[-1]) + 1
    return used + filled if filled < len(table) - used - 1 else len(table)


def _read_indices(picture: Image.Image) -> Image.Image | None:
    """Return the indices of an indexed picture as mode "L", or None for a picture of another kind."""
    if picture.mode in ("P", "1") or (picture.mode == "L" and picture.format in INDEXED_GREYS):
        return Image.fromarray(np.asarray(picture).astype(np.uint8, copy=False))
    return None


def _list_entries(picture: Image.Image, entries: int) -> Image.Image:
    """Return one row of pixels with the first entries of an indexed picture's palette and their transparency."""
    row = picture.crop((0, 0, entries, 1))
    row.frombytes(b"\x40" if picture.mode == "1" else bytes(range(entries)))  # 0x40: the bits 0, 1
    return row


def _uses_transparency(alpha: Image.Image, indices: Image.Image) -> bool:
    """Return whether any pixel is transparent, given the opacity of each palette entry (mode "L", one row)."""
    return any(count and opacity < 255 for count, opacity in zip(indices.histogram(), alpha.tobytes(), strict=False))


def _turn(image: Image.Image, picture: Image.Image, facts: Facts) -> Image.Image:
    # Some readers (TIFF) turn the picture themselves while decoding and then drop the orientation.
    remaining = _read_orientation(picture) if facts.orientation in UPRIGHT else 1
    return image.transpose(UPRIGHT[remaining]) if remaining in UPRIGHT else image


def _read_orientation(picture: Image.Image) -> int:
    try:
        return int(picture.getexif().get(EXIF_ORIENTATION, 1))
    except Exception:  # noqa: BLE001 - damaged EXIF data must not reject the picture
        return 1


def _split(picture: Image.Image, facts: Facts, notes: list[str]) -> tuple[Image.Image, Image.Image | None]:
    """Return the colours without transparency (L, RGB, CMYK or LAB) and the alpha channel (L), if there is one."""
    if picture.mode in USUAL_SCALES or picture.mode.startswith("I;16"):
        return _reduce(picture, facts, notes)
    if facts.deep:
        notes.append(REDUCED)
        # The transparent colour has 16 bits: among 8-bit pixels it would match the wrong ones.
        picture.info.pop("transparency", None)
    if picture.has_transparency_data:
        rgba = picture.convert("RGBA")
        grey = picture.mode in ("1", "L", "LA")
        return rgba.getchannel("R") if grey else rgba.convert("RGB"), rgba.getchannel("A")
    if picture.mode in ("L", "RGB", "CMYK", "LAB"):
        return picture, None
    return picture.convert("L" if picture.mode == "1" else "RGB"), None


def _reduce(picture: Image.Image, facts: Facts, notes: list[str]) -> tuple[Image.Image, Image.Image | None]:
    """Return grey of more than 8 bits as 8 bits, scaled by the range of its data type and never by its contrast.

    16-bit files state their range. 32-bit integers and floats do not: they take the smallest usual range that holds
    all values, which the note names.
    """
    values = np.asarray(picture)
    low, high = float(values.min()), float(values.max())
    scales = USUAL_SCALES.get(picture.mode, (facts.full_scale,))
    scale = next((scale for scale in scales if high <= scale), None)  # NaN fits none
    if scale is None or not low >= 0:
        raise DesignError(
            f"The grey values of this picture run from {low:g} to {high:g}, and no usual white value fits them. "
            "Save it with 8 bits per colour, values 0 to 255."
        )
    notes.append(RANGE_READ.format(scale) if picture.mode in USUAL_SCALES else REDUCED)
    key = picture.info.get("transparency")
    alpha = Image.fromarray(np.where(values == key, 0, 255).astype(np.uint8)) if isinstance(key, int) else None
    grey = np.rint(values.astype(np.float32) * np.float32(255 / scale)).astype(np.uint8)
    return Image.fromarray(255 - grey if facts.inverted else grey), alpha
