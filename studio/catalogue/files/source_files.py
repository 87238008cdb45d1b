"""The files of a source: the designer's own file, and a JSON sidecar with the fields of `Source`."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.catalogue.files.paths import Folders, read_bytes, short_name, storage_error, write_atomically
from studio.catalogue.files.record_checks import check_fields, check_time
from studio.catalogue.files.text_normalisation import one_line
from studio.catalogue.identifiers import SOURCE_HASH, VARIATION_ID, iso_time
from studio.catalogue.records import Source
from studio.errors import DesignError, StorageError
from studio.schema import encodable, read_json_object

if TYPE_CHECKING:
    from studio.designs import Design

SIDECAR_VERSION = 1
LABEL_LIMIT = 200
SUFFIXES: Mapping[str, str] = {"JPEG": ".jpg", "TIFF": ".tif"}
"""File name suffix by Pillow's format. For other formats it is the format's name in lower case."""

_FORMAT = re.compile(r"[A-Za-z0-9;_ -]{1,24}")
"""Pillow's names of formats and modes, such as JPEG2000 and I;16. A format becomes part of a path."""


def hash_bytes(data: bytes) -> str:
    """Return the SHA-256 of a file's bytes in hex, which identifies a source."""
    return hashlib.sha256(data).hexdigest()


def open_source(
    data: bytes, label: str, added_at: str, parent: str | None, design: Design | None = None
) -> tuple[Source, Design]:
    """Return the source record and the design of a file's bytes, the given one or opened here.

    Raises `DesignError` on an unusable file.
    """
    from studio.designs import browser_ready, open_design  # imports numpy, which most of the catalogue does not need

    design = open_design(data) if design is None else design
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
    """Return the path of a source's own file."""
    return folders.source(source.sha256, SUFFIXES.get(source.format, f".{source.format.lower()}"))


def write_display_copy(folders: Folders, design: Design) -> None:
    """Write a PNG of the design as the model gets it, for browsers. Raises `StorageError`."""
    buffer = io.BytesIO()
    design.image.save(buffer, "PNG", compress_level=3)
    write_atomically(folders.source_display(design.sha256), buffer.getvalue())


def write_sidecar(folders: Folders, source: Source) -> None:
    """Write the sidecar of a source. Raises `StorageError`."""
    values = {"version": SIDECAR_VERSION, **source_values(source)}
    write_atomically(folders.source_sidecar(source.sha256), json.dumps(values, indent=1).encode())


def source_values(source: Source) -> dict[str, Any]:
    """Return the fields of a source for JSON."""
    return dataclasses.asdict(source)


def source_from(values: Mapping[str, Any]) -> Source:
    """Return the source that `source_values` wrote. Missing optional fields take their defaults.

    Raises `ValueError` if a field is missing, or has a value that cannot be used.
    """
    if not isinstance(values, Mapping):
        raise ValueError("it holds no source")
    plain = {field.name: values[field.name] for field in dataclasses.fields(Source) if field.name in values}
    check_fields(plain, Source)
    texts = {name: encodable(value) for name, value in plain.items() if isinstance(value, str)}
    notes = {"notes": tuple(encodable(note) for note in plain.get("notes", ()))}
    try:
        source = Source(**plain | texts | notes)
    except TypeError as error:
        raise ValueError(str(error)) from error
    _check_source(source)
    return source


def _check_source(source: Source) -> None:
    forms = ((source.sha256, SOURCE_HASH), (source.format, _FORMAT), (source.mode, _FORMAT))
    wrong = [text for text, form in forms if form.fullmatch(text) is None]
    if source.parent is not None and VARIATION_ID.fullmatch(source.parent) is None:
        wrong.append(source.parent)
    if wrong:
        raise ValueError(f"a source has {wrong[0]!a}")
    check_time("added_at", source.added_at)


def read_source(folders: Folders, path: Path, note: Callable[[str], None]) -> Source:
    """Return the source of the file at `path`. Raises `StorageError` that says why it is not a source.

    If the sidecar is missing or damaged the source is read from the file again, without its label and parent; `note` is
    called with a sentence about a damaged one.
    """
    sha256 = path.stem
    if SOURCE_HASH.fullmatch(sha256) is None or path.parent.name != sha256[:2]:
        raise StorageError(f"{short_name(path)} was not put there by the studio.")
    data = read_bytes(path)
    if hash_bytes(data) != sha256:
        raise StorageError(f"{short_name(path)} is damaged: its content does not match its name.")
    source = _read_sidecar(folders, sha256, note)
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


def _read_sidecar(folders: Folders, sha256: str, note: Callable[[str], None]) -> Source | None:
    path = folders.source_sidecar(sha256)
    try:
        source = source_from(read_json_object(path))
        if source.sha256 != sha256:
            raise ValueError("it is of another design")
    except FileNotFoundError:
        return None
    except OSError as error:
        note(f"{storage_error(path, error)} Its design is listed without its name.")
        return None
    except ValueError as error:
        note(f"{short_name(path)} is damaged ({error}); its design is listed without its name.")
        return None
    return source
