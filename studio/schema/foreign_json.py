"""JSON that another program, an earlier version or a damaged disk may have written."""

from __future__ import annotations

import json
import math
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

WHOLE_LIMIT = 2**63
"""Whole numbers are below it in size, since SQLite, numpy and torch store them in 64 bits."""
FILE_LIMIT_BYTES = 16 * 2**20
"""Largest file that is read. Settings, marks and configurations have some kilobytes."""


class ForeignJSONError(ValueError):
    """The text is not JSON, or holds values that no program of the studio writes. The message names the reason."""


def parse_json(text: str | bytes) -> Any:  # noqa: ANN401  # any JSON value
    """Return the value in a JSON text (bytes: UTF-8).

    Raises `ForeignJSONError` where it cannot be read, at whatever depth it is nested and however long its numbers are,
    and on numbers that are not finite or do not fit into 64 bits.
    """
    try:
        return json.loads(
            text.decode("utf-8") if isinstance(text, bytes) else text,
            parse_constant=_refuse_constant,
            parse_float=_read_float,
            parse_int=_read_whole,
        )
    except ForeignJSONError:
        raise
    except UnicodeDecodeError as error:
        raise ForeignJSONError("it is not UTF-8 text") from error
    except ValueError as error:
        raise ForeignJSONError(f"it is not JSON: {error}") from error
    except (RecursionError, MemoryError) as error:
        raise ForeignJSONError("it is nested too deeply") from error


def read_json(path: Path) -> Any:  # noqa: ANN401  # any JSON value
    """Return the value in a JSON file. Raises `ForeignJSONError` as `parse_json` does, `OSError` on a failing disk."""
    if not stat.S_ISREG(path.stat().st_mode):  # a pipe would never end
        raise ForeignJSONError("it is not a file")
    with path.open("rb") as file:
        data = file.read(FILE_LIMIT_BYTES + 1)
    if len(data) > FILE_LIMIT_BYTES:
        raise ForeignJSONError(f"it is larger than {FILE_LIMIT_BYTES // 2**20} MiB")
    return parse_json(data)


def read_json_object(path: Path) -> Mapping[str, Any]:
    """Return the object in a JSON file. Raises `ForeignJSONError` if it holds another value, else as `read_json`."""
    values = read_json(path)
    if not isinstance(values, dict):
        raise ForeignJSONError("it holds no JSON object")
    return values


def encodable(text: str) -> str:
    """Return text with “?” for lone surrogates, which no page and no file can hold.

    They come from command lines and file names in another encoding, and from JSON escapes.
    """
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _refuse_constant(name: str) -> NoReturn:
    raise ForeignJSONError(f"{name} is not a number")


def _read_float(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ForeignJSONError(f"the number {_short(digits)} is too large")
    return number


def _read_whole(digits: str) -> int:
    if len(digits) > 20 or abs(number := int(digits)) >= WHOLE_LIMIT:
        raise ForeignJSONError(f"the number {_short(digits)} does not fit into 64 bits")
    return number


def _short(digits: str) -> str:
    return digits if len(digits) <= 24 else f"{digits[:24]}…"
