"""The sidecar of a dataset that was collected from the gallery: which picture is which variation of which design."""

from __future__ import annotations

from studio.datasets.files import Files
from studio.errors import DesignError
from studio.schema import ForeignJSONError, parse_json

COLLECTED_FILE = "collected.json"
FORM = 1
_LIMIT_BYTES = 16 * 2**20


def read_collected(files: Files) -> dict[str, str]:
    """Return the first design of each picture's line by the picture's name; nothing where the file cannot be read."""
    try:
        values = parse_json(files.read(COLLECTED_FILE, _LIMIT_BYTES))
    except (DesignError, ForeignJSONError):
        return {}
    pictures = values.get("pictures") if isinstance(values, dict) else None
    found = {}
    for picture in pictures if isinstance(pictures, list) else ():
        if isinstance(picture, dict) and isinstance(picture.get("file"), str) and isinstance(picture.get("first"), str):
            found[picture["file"]] = picture["first"]
    return found
