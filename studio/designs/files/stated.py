"""What a file states beside its pixels, and its bytes in a form whose pixels Pillow reads as reference decoders do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from studio.designs.files.density import Density

PROFILE_IGNORED = "Its colour profile could not be read and was ignored."


@dataclass(frozen=True, slots=True)
class Stated:
    """A file as its own header describes it.

    `data` is what Pillow decodes. `profile` is an ICC profile. `entries` is the length of the colour table where the
    file states it. `grey_bits` is the depth of a PNG's grey below 8 bits, else 0. `key` is the colour that a PNG of 16
    bits per colour declares transparent. `opaque`: a fourth channel is no transparency. `notes` has one sentence for
    each thing that was left aside or supposed. `check` raises `DesignError` for pixels that are missing; it decodes
    them, so call it once the size is known to be allowed.
    """

    data: bytes
    profile: bytes | None = None
    density: Density | None = None
    entries: int | None = None
    grey_bits: int = 0
    key: tuple[int, int, int] | None = None
    opaque: bool = False
    notes: tuple[str, ...] = ()
    check: Callable[[], None] | None = None
