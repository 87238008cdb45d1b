"""Text that came from anywhere, made fit for files, SQLite and searches."""

from __future__ import annotations

import unicodedata


def storable(text: str) -> str:
    """Return text without halves of characters: a command line can bring them in, and no encoding holds them."""
    return text.encode("utf-8", "replace").decode("utf-8")


def one_line(text: str) -> str:
    """Return text as one line without control characters; emoji and every script stay as they are."""
    return " ".join("".join(c for c in storable(text) if c.isspace() or unicodedata.category(c) != "Cc").split())


def fold(text: str) -> str:
    """Return text as it is compared in a search: in any case, in any script."""
    return storable(text).casefold()
