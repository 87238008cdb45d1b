"""Text from outside in the pages' Markdown: names of files and folders, and all that addresses, records and errors say.

Unescaped, a picture in it (`![](http://…)`) would make the browser fetch it. `tests/ui/test_outside_text.py` checks it.
"""

from __future__ import annotations

import re

from studio.errors import StudioError

_ANYWHERE = re.compile(r"([\\`*{}\[\]!~$|<>&]|:(?=\S)|(?<![^\W_])_|_(?![^\W_]))")
"""A colon before a space, and an underline within a word, mean nothing in Markdown; nor does ( after an escaped ]."""
_AT_A_LINES_START = re.compile(r"^(\s*)([-+#=.]|\d+(?=\.))", re.MULTILINE)
"""A list, a heading or a rule begins only there."""


def escape_markdown(text: str | StudioError) -> str:
    """Return text, or an error's sentence, with every character escaped that Markdown would interpret."""
    return _AT_A_LINES_START.sub(_escape_start, _ANYWHERE.sub(r"\\\1", str(text)))


def _escape_start(found: re.Match[str]) -> str:
    before, sign = found.groups()
    return f"{before}{sign}\\" if sign.isdigit() else f"{before}\\{sign}"
