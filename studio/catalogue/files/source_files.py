"""The files of a source: the designer's own bytes, and a sidecar that describes them."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.catalogue.files.folders import Folders, read_bytes, short_name, storage_error, write_atomically
from studio.catalogue.files.text import one_line
from studio.catalogue.identifiers import SOURCE_HASH, iso_time
from studio.catalogue.records import Source
from studio.errors import DesignError, StorageError

if TYPE_CHECKING:
    from studio.designs import Design

SIDECAR_VERSION = 1
LABEL_LIMIT = 200
SUFFIXES: Mapping[str, str] = {"JPEG": ".jpg", "TIFF": ".tif"}
"""File name endings by Pillow's format; the others are their format's name in small letters."""

_KINDS = {"width_px": int, "height_px": int, "notes": list, "parent": (str, type(None)), "browser_ready": bool}


def hash_bytes(data: bytes) -> str:
    """Return the name a source goes by: the SHA-256 of its file's bytes, in hex."""
    return hashlib.sha256(data).hexdigest()


def open_source(data: bytes, label: str, added_at: str, parent: str | None) -> tuple[Source, Design]:
    """Return a design's description and the design itself; raises `DesignError` when it cannot be used as one."""
    from studio.designs import browser_ready, open_design  # brings numpy, which little of the catalogue needs

    design = open_design(data)
    source = Source(
        sha256=hash_bytes(data),
        label=one_line(label)[:LABEL_LIMIT],
        width_px=design.width_px,
        height_px=design.height_px,
        mode=design.mode,
        format=design.format,
        added_at=added_at,
        notes=tuple(design.notes),
        parent=parent,
        browser_ready=browser_ready(design),
    )
    return source, design


def source_path(folders: Folders, source: Source) -> Path:
    """Return where a source's own bytes lie."""
    return folders.source(source.sha256, SUFFIXES.get(source.format, f".{source.format.lower()}"))


def write_display_copy(folders: Folders, design: Design) -> None:
    """Write the copy that browsers are shown: the design as the model gets it. Raises `StorageError`."""
    buffer = io.BytesIO()
    design.image.save(buffer, "PNG", compress_level=3)
    write_atomically(folders.source_display(design.sha256), buffer.getvalue())


def write_sidecar(folders: Folders, source: Source) -> None:
    """Write what describes a source beside it. Raises `StorageError`."""
    values = {"version": SIDECAR_VERSION, **source_values(source)}
    write_atomically(folders.source_sidecar(source.sha256), json.dumps(values, indent=1).encode())


def source_values(source: Source) -> dict[str, Any]:
    """Return a source as plain values for JSON."""
    return dataclasses.asdict(source)


def source_from(values: Mapping[str, Any]) -> Source:
    """Return the source that `source_values` wrote, also an earlier studio's with fewer of the optional values.

    Raises `TypeError` where values lack or are of another kind.
    """
    plain = {field.name: values[field.name] for field in dataclasses.fields(Source) if field.name in values}
    for name, value in plain.items():
        if not isinstance(value, _KINDS.get(name, str)):
            raise TypeError(f"{name} is {value!r}")
    return Source(**plain | {"notes": tuple(plain.get("notes", ()))})


def read_source(folders: Folders, path: Path) -> Source:
    """Return the source whose own bytes lie at `path`; raises `StorageError` saying why it is none.

    Where the sidecar is gone or damaged the file is looked at again: then only its label and its parent are lost.
    """
    sha256 = path.stem
    if SOURCE_HASH.fullmatch(sha256) is None or path.parent.name != sha256[:2]:
        raise StorageError(f"{short_name(path)} was not put there by the studio.")
    data = read_bytes(path)
    if hash_bytes(data) != sha256:
        raise StorageError(f"{short_name(path)} is damaged: its content does not fit its name.")
    source = _described(folders, sha256)
    if source is None:
        try:
            source, _ = open_source(data, "", iso_time(path.stat().st_mtime), None)
        except DesignError as error:
            raise StorageError(f"{short_name(path)}: {error}") from error
        except OSError as error:
            raise storage_error(path, error) from error
    if source_path(folders, source) != path:
        raise StorageError(f"{short_name(path)} was not put there by the studio.")
    return source


def _described(folders: Folders, sha256: str) -> Source | None:
    try:
        source = source_from(json.loads(folders.source_sidecar(sha256).read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return source if source.sha256 == sha256 else None
