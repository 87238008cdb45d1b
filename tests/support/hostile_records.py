"""Records in which one value is hostile: what a damaged disk, another program or a foreign picture might bring."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL.PngImagePlugin import PngInfo

from studio.catalogue import new_id
from studio.catalogue.files.metadata import RECORD_KEY
from studio.catalogue.identifiers import day_of
from studio.schema import Constraints, Cross, VariationRecord, Weaving
from tests.support.catalogue_records import KILIM, make_picture, make_record

HOSTILE_VALUES: tuple[str, ...] = (
    "null",
    "true",
    "-1",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775809",
    "1" + "0" * 400,
    "1" + "0" * 5000,
    "NaN",
    "Infinity",
    "-Infinity",
    "1e400",
    "1e308",
    "0.5",
    '""',
    '"red"',
    '"\\udce9"',
    '"\\u0000"',
    '"../../../etc/passwd"',
    '"9999-12-31T23:59:59Z"',
    '"0001-01-01T00:00:00+14:00"',
    '"' + "x" * 100_000 + '"',
    "[]",
    '["red", "#12345g"]',
    "[1e400]",
    "{}",
    "[" * 900 + "]" * 900,
    "[" * 100_000,
)
"""Values as JSON texts: the wrong types, numbers beyond 64 bits and beyond floating point, text that is none."""

_WOVEN = Weaving(
    yarns=("#b02428", "#f0e2c4"),
    shares=(0.6, 0.4),
    colour_shift=1.5,
    changed_share=0.3,
    unchanged_share=0.2,
    orphan_share_before=0.01,
    orphan_share=0.0,
    vertical=0,
    horizontal=1,
    agreement=1.0,
    seam_horizontal=1.1,
    seam_vertical=1.2,
    known_small=0.9,
    known_large=0.8,
)


def full_record() -> VariationRecord:
    """Return a record with a value in every field."""
    constraints = Constraints("new", 4, (0, 1), "vertical", "straight", "rectangle", (1, 2, 30, 40))
    cross = Cross("cd" * 32, "motifs", 0.3, "20260101-000000-000-abcdef")
    parent = "20260101-000000-000-abcde0"
    return make_record(
        parent=parent, negative_prompt="blue", constraints=constraints, weaving=_WOVEN, cross=cross, shift=1.2, **KILIM
    )


def mutations() -> Iterator[tuple[str, str]]:
    """Yield the name of each change (field and value) and the JSON text of a record with it; every id is new."""
    for path in _fields(full_record().to_json()):
        for value in HOSTILE_VALUES:
            values = full_record().to_json()
            values["id"] = new_id()
            yield f"{'.'.join(map(str, path))} = {value[:24]}", _replace(values, path, value)


def write_hostile(outputs: Path, text: str, variation_id: str | None = None) -> str:
    """Write a picture with a record as JSON text beneath an outputs folder, and return its id."""
    one = new_id() if variation_id is None else variation_id
    path = outputs / "variations" / day_of(one) / f"{one}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    info = PngInfo()
    info.add_text(RECORD_KEY, text)
    make_picture().save(path, pnginfo=info)
    return one


def write_mutation(outputs: Path, text: str) -> str:
    """Write a picture under the id in its record, or under a new one where the record has none."""
    id_text = text.partition('"id": "')[2].partition('"')[0]
    usable = len(id_text) == 26 and id_text.replace("-", "").isalnum()
    return write_hostile(outputs, text, id_text if usable else None)


def _fields(values: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the path of each value, containers included."""
    if path:
        yield path
    items: Any = (
        values.items() if isinstance(values, dict) else enumerate(values) if isinstance(values, (list, tuple)) else ()
    )
    for key, value in items:
        yield from _fields(value, (*path, key))


def _replace(values: dict[str, Any], path: tuple[str | int, ...], text: str) -> str:
    marked: Any = json.loads(json.dumps(copy.deepcopy(values)))
    into = marked
    for key in path[:-1]:
        into = into[key]
    into[path[-1]] = "@hostile@"
    return json.dumps({"format": 1, "record": marked}).replace('"@hostile@"', text)
