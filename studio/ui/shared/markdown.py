"""Text from outside, such as names of files and folders, in the pages' Markdown."""

from __future__ import annotations


def escape_markdown(text: str) -> str:
    """Return text with every character escaped that Markdown would interpret."""
    return "".join(f"\\{sign}" if sign in "\\`*_{}[]()#+-.!~$:|<>&" else sign for sign in text)
