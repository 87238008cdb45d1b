"""Normalisation of text for files, SQLite and searches."""

from __future__ import annotations

import unicodedata


def storable(text: str) -> str:
    """Return text with “?” for lone surrogates. They come from the command line and cannot be encoded."""
    return text.encode("utf-8", "replace").decode("utf-8")


def one_line(text: str) -> str:
    """Return text as one line without control characters, with white space collapsed."""
    return " ".join("".join(c for c in storable(text) if c.isspace() or unicodedata.category(c) != "Cc").split())


def fold(text: str) -> str:
    """Return text case-folded, as searches compare it."""
    return storable(text).casefold()
