"""Paths as designers paste them: in quotes, as `file://` addresses, with `~`, or with white space around them."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path
from urllib.request import url2pathname

_QUOTES = {'"': '"', "'": "'", "“": "”", "‘": "’", "„": "“", "«": "»"}
_SCHEME = "file:"


def read_given_path(text: str) -> Path:
    """Return the path that a designer pasted.

    A path that exists as it is written is taken so. Otherwise white space, invisible marks and quotes around it are
    left off, a `file:` address is decoded, and `~` is expanded. The path need not exist. Raises `ValueError` when
    nothing is left, and `RuntimeError` for the home folder of an unknown user.
    """
    if text.strip() and os.path.lexists(text):
        return Path(text)
    bare = _strip(text)
    if bare[: len(_SCHEME)].lower() == _SCHEME:
        bare = _decode(bare[len(_SCHEME) :])
    if not bare:
        raise ValueError("No path was given")
    return Path(bare).expanduser()


def _strip(text: str) -> str:
    """Return a text without the white space, invisible marks (Unicode Cc, Cf) and pairs of quotes around it."""
    while True:
        bare = text
        while bare and _is_blank(bare[0]):
            bare = bare[1:]
        while bare and _is_blank(bare[-1]):
            bare = bare[:-1]
        if len(bare) > 1 and _QUOTES.get(bare[0]) == bare[-1]:
            bare = bare[1:-1]
        if bare == text:
            return bare
        text = bare


def _is_blank(character: str) -> bool:
    return character.isspace() or (character != "\0" and unicodedata.category(character) in ("Cc", "Cf"))


def _decode(address: str) -> str:
    """Return the path in a `file:` address without its scheme; another computer's name stays in front of it."""
    if not address.startswith("//"):
        return url2pathname(address)
    host, slash, path = address[2:].partition("/")
    local = host.lower() in ("", "localhost")
    return url2pathname(slash + path if local else f"//{host}{slash}{path}")
