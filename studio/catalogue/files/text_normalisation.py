"""Normalisation of text for files, SQLite and searches."""

from __future__ import annotations

import unicodedata

from studio.schema import encodable


def one_line(text: str) -> str:
    """Return text as one line without control characters, with white space collapsed."""
    return " ".join("".join(c for c in encodable(text) if c.isspace() or unicodedata.category(c) != "Cc").split())


def fold(text: str) -> str:
    """Return text case-folded, as searches compare it."""
    return encodable(text).casefold()
