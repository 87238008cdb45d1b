"""Text from outside, such as names of files and folders, in the pages' Markdown."""

from __future__ import annotations

import re

_ANYWHERE = re.compile(r"([\\`*_{}\[\]()!~$:|<>&])")
_AT_A_LINES_START = re.compile(r"^(\s*)([-+#=.]|\d+(?=\.))", re.MULTILINE)
"""A list, a heading or a rule begins only there."""


def escape_markdown(text: str) -> str:
    """Return text with every character escaped that Markdown would interpret."""
    return _AT_A_LINES_START.sub(_escape_start, _ANYWHERE.sub(r"\\\1", text))


def _escape_start(found: re.Match[str]) -> str:
    before, sign = found.groups()
    return f"{before}{sign}\\" if sign.isdigit() else f"{before}\\{sign}"
