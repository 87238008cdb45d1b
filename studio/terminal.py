"""Standard output and standard error of the command line: names in any encoding, readers that leave, full disks."""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import sys

_AS_GIVEN = "studio.as-given"


def accept_any_name() -> None:
    """Let both streams print every text: bytes of a file's name as they were given, other signs in ASCII if need be."""
    codecs.register_error(_AS_GIVEN, _encode_as_given)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_AS_GIVEN)


def flush_output() -> None:
    """Write what standard output still holds. Raises `OSError`: a full disk, or a reader that has left."""
    if sys.stdout is not None:  # None if it was closed before the start
        sys.stdout.flush()


def drop_output() -> None:
    """Forget what standard output still holds, so that Python does not try to write it again at its end."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _encode_as_given(error: UnicodeError) -> tuple[str | bytes, int]:
    """Encode a byte that was no text (PEP 383) as that byte, and what the encoding lacks as an escape."""
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeError:
        return codecs.lookup_error("backslashreplace")(error)
