"""What the designer has said of a picture, kept in a sidecar beside it: finished PNGs are never written again.

A sidecar is there only where there is something to say. The index repeats it for quick queries; the sidecar is
written first, so that a rebuild from the files knows every favourite.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from studio.catalogue.files.folders import Folders, Place, move, remove, short_name, storage_error, write_atomically
from studio.catalogue.identifiers import iso_time
from studio.errors import StorageError

SIDECAR_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Curation:
    """Favourite or not, and since when it lies in the bin. `rest` are keys of a later version, kept as they are."""

    favourite: bool = False
    deleted_at: str | None = None
    rest: Mapping[str, Any] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write down."""
        return self == Curation()


def read_curation(folders: Folders, variation_id: str, place: Place) -> Curation:
    """Return what is kept of a picture that lies at `place`; raises `StorageError` on a damaged sidecar.

    The place decides what is deleted: without a time in the sidecar, a picture was deleted when it last moved.
    """
    path = folders.curation(variation_id, place)
    try:
        found = _curation_from(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        found = Curation()
    except OSError as error:
        raise storage_error(path, error) from error
    except (ValueError, TypeError, RecursionError) as error:
        raise StorageError(f"{short_name(path)} is damaged; its picture counts as not marked.") from error
    if place is Place.KEPT:
        return dataclasses.replace(found, deleted_at=None)
    if found.deleted_at is None:
        return dataclasses.replace(found, deleted_at=_moved_at(folders.picture(variation_id, place)))
    return found


def write_curation(folders: Folders, variation_id: str, place: Place, curation: Curation) -> None:
    """Keep what is said of a picture that lies at `place`. Raises `StorageError`."""
    path = folders.curation(variation_id, place)
    if curation.empty:
        remove(path)
    else:
        known = {"format": SIDECAR_FORMAT, "favourite": curation.favourite, "deleted_at": curation.deleted_at}
        write_atomically(path, json.dumps({**curation.rest, **known}, indent=1).encode())


def move_picture(folders: Folders, variation_id: str, place: Place, curation: Curation) -> None:
    """Move a picture to `place` from the other one, with what is said of it. Raises `StorageError`.

    The sidecar is written at the new place first and removed at the old place last: whichever step a crash cuts
    off, the picture lies whole in one of the two, with what was said of it beside it.
    """
    before = _other(place)
    path, target = folders.picture(variation_id, before), folders.picture(variation_id, place)
    write_curation(folders, variation_id, place, curation)
    if path.exists() or not target.exists():  # else an earlier move was cut off just after this step
        move(path, target)
    remove(folders.curation(variation_id, before))


def _other(place: Place) -> Place:
    return Place.BINNED if place is Place.KEPT else Place.KEPT


def _curation_from(values: Mapping[str, Any]) -> Curation:
    if not isinstance(values, dict):
        raise TypeError("no object")
    rest = {key: value for key, value in values.items() if key not in ("format", "favourite", "deleted_at")}
    deleted_at = values.get("deleted_at")
    return Curation(values.get("favourite") is True, deleted_at if isinstance(deleted_at, str) else None, rest)


def _moved_at(path: Path) -> str:
    try:
        return iso_time(path.stat().st_ctime)
    except OSError as error:
        raise storage_error(path, error) from error
