"""Curation: the designer's marks on a variation (favourite, in the bin), kept in a JSON sidecar beside its PNG.

A finished PNG is never rewritten. A sidecar exists only if there is a mark. The index repeats the marks for quick
queries; the sidecar is written first, so that a rebuild from the files finds every mark.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from studio.catalogue.files.paths import (
    Folders,
    Place,
    is_file,
    move,
    remove,
    short_name,
    storage_error,
    write_atomically,
)
from studio.catalogue.identifiers import iso_time
from studio.errors import StorageError
from studio.schema import ForeignJSONError, read_json_object

SIDECAR_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Curation:
    """The marks on a variation.

    `deleted_at` is when it was moved to the bin (ISO 8601 in UTC), None in the gallery. `rest` are unknown keys of a
    later version; they are kept.
    """

    favourite: bool = False
    deleted_at: str | None = None
    rest: Mapping[str, Any] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Whether there is no mark, and so no sidecar."""
        return self == Curation()


def read_curation(folders: Folders, variation_id: str, place: Place) -> Curation:
    """Return the marks of a variation at `place`. Raises `StorageError` on a damaged sidecar.

    The place decides whether a variation is deleted. Without a time in the sidecar it is the time of the last move.
    """
    path = folders.curation(variation_id, place)
    try:
        found = _parse(read_json_object(path))
    except FileNotFoundError:
        found = Curation()
    except OSError as error:
        raise storage_error(path, error) from error
    except ForeignJSONError as error:
        raise StorageError(f"{short_name(path)} is damaged; its picture counts as not marked.") from error
    if place is Place.KEPT:
        return dataclasses.replace(found, deleted_at=None)
    if found.deleted_at is None:
        return dataclasses.replace(found, deleted_at=_moved_at(folders.picture(variation_id, place)))
    return found


def write_curation(folders: Folders, variation_id: str, place: Place, curation: Curation) -> None:
    """Write the sidecar of a variation at `place`, or remove it if there is no mark. Raises `StorageError`."""
    path = folders.curation(variation_id, place)
    if curation.empty:
        remove(path)
    else:
        known = {"format": SIDECAR_FORMAT, "favourite": curation.favourite, "deleted_at": curation.deleted_at}
        write_atomically(path, json.dumps({**curation.rest, **known}, indent=1).encode())


def move_picture(folders: Folders, variation_id: str, place: Place, curation: Curation) -> None:
    """Move a variation from the other place to `place`, with its marks. Raises `StorageError`.

    The sidecar is first written at the new place and last removed at the old one, so that after a crash at any step
    the picture has its sidecar beside it.
    """
    old_place = Place.BINNED if place is Place.KEPT else Place.KEPT
    path, target = folders.picture(variation_id, old_place), folders.picture(variation_id, place)
    write_curation(folders, variation_id, place, curation)
    if is_file(path) or not is_file(target):  # otherwise a crash came after this step of an earlier move
        move(path, target)
    remove(folders.curation(variation_id, old_place))


def _parse(values: Mapping[str, Any]) -> Curation:
    rest = {key: value for key, value in values.items() if key not in ("format", "favourite", "deleted_at")}
    deleted_at = values.get("deleted_at")
    return Curation(values.get("favourite") is True, deleted_at if _is_time(deleted_at) else None, rest)


def _is_time(value: object) -> bool:
    """Whether a value is a time as the studio writes it. Others are replaced by the time of the last move."""
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _moved_at(path: Path) -> str:
    try:
        return iso_time(path.stat().st_ctime)
    except OSError as error:
        raise storage_error(path, error) from error
