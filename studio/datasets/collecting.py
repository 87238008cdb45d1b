"""Making a dataset from the gallery: variations with their designs as pair sources, in a folder of their own.

carpets/design_1/0.png, 0.txt      a design, and its caption
carpets/design_1/1.png, 1.txt      a variation of it, and its caption
carpets/collected.json             which picture of the gallery each one is
"""

from __future__ import annotations

import json
import secrets
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from studio.catalogue import Catalogue, utc_now
from studio.catalogue.files.paths import read_bytes, storage_error, write_atomically
from studio.catalogue.lineage import find_design, find_first, has_file
from studio.datasets.captions import clean_caption
from studio.datasets.collected import COLLECTED_FILE, FORM
from studio.datasets.dataset import PICTURES_LIMIT, Progress
from studio.datasets.descriptions import describe_design
from studio.designs import open_design
from studio.errors import DesignError, RequestError, quote
from studio.schema import VariationRecord

NAME_LIMIT = 80
LEFTOVER_AGE_SECONDS = 24 * 3600
_FORBIDDEN = frozenset('/\\:*?"<>|')
_RESERVED = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))})
"""Names that Windows keeps for devices."""


@dataclass(frozen=True, slots=True)
class _Picture:
    """A picture to copy: its name in the dataset without ending, its file, what the sidecar says, and its prompt."""

    name: str
    path: Path
    facts: Mapping[str, str | None]
    prompt: str = ""


def collect(
    catalogue: Catalogue, ids: Sequence[str], folder: Path, name: str, *, progress: Progress | None = None
) -> Path:
    """Write a dataset of these variations into a new folder `name` in `folder`, whole or not at all, and return it.

    Each design has a folder design_1, design_2 … with its own file as 0 and the variations as 1, 2 …, so that they can
    be trained as pairs; without the design's file there is no 0. A variation's caption is its prompt, or made from the
    picture where it has none. Raises `RequestError` for a name that cannot be used or is taken, and for no or too many
    pictures, `NotFoundError` for an unknown id or a lost file, and `StorageError` where the disk refuses.
    """
    target = folder / check_name(name)
    if target.exists() or target.is_symlink():
        raise RequestError(f"“{quote(target)}” exists already. Choose another name.")
    pictures = _list_pictures(catalogue, list(dict.fromkeys(ids)))
    temporary = folder / f".{name}.{secrets.token_hex(4)}.tmp"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(folder)
        temporary.mkdir()
        try:
            entries = []
            for done, picture in enumerate(pictures):
                if progress is not None:
                    progress(done, len(pictures))
                entries.append(_copy(picture, temporary))
            sidecar = {"version": FORM, "name": name, "made_at": utc_now(), "pictures": entries}
            write_atomically(temporary / COLLECTED_FILE, json.dumps(sidecar, indent=1).encode())
            if target.exists():
                raise RequestError(f"“{quote(target)}” exists already. Choose another name.")
            temporary.rename(target)
        except BaseException:  # also on Ctrl+C
            shutil.rmtree(temporary, ignore_errors=True)
            raise
    except OSError as error:
        raise storage_error(target, error) from error
    return target


def check_name(name: str) -> str:
    """Return the name of a dataset unchanged. Raises `RequestError` for one that is no name of a folder everywhere."""
    bad = (
        not name.isprintable()
        or name != name.strip()
        or not 1 <= len(name) <= NAME_LIMIT
        or name[:1] == "."
        or name[-1:] == "."
        or _FORBIDDEN & set(name)
        or name.split(".", maxsplit=1)[0].lower() in _RESERVED
    )
    if bad:
        raise RequestError(f"“{quote(name, NAME_LIMIT)}” cannot be the name of a dataset. Choose one like kilims-2026.")
    return name


def _list_pictures(catalogue: Catalogue, ids: list[str]) -> list[_Picture]:
    """Return the pictures to copy. Raises `NotFoundError` before anything is written."""
    if not ids:
        raise RequestError("There are no pictures to collect. Mark favourites, or choose some in the gallery.")
    if len(ids) > PICTURES_LIMIT:
        raise RequestError(f"{len(ids):,} pictures are too many; a dataset has at most {PICTURES_LIMIT:,}.")
    designs: dict[str, list[VariationRecord]] = {}
    for one in ids:
        record = catalogue.variation(one).record
        designs.setdefault(record.source, []).append(record)
    pictures = []
    for number, (source, records) in enumerate(designs.items(), 1):
        place = f"design_{number}"
        first = find_first(catalogue, records[0]) or source
        design = find_design(catalogue, source)
        if design is not None and has_file(catalogue, design):
            path = catalogue.source_path(source)
            pictures.append(_Picture(f"{place}/0", path, {"id": None, "source": source, "first": first}))
        for count, record in enumerate(records, 1):
            facts = {"id": record.id, "source": source, "first": first}
            pictures.append(_Picture(f"{place}/{count}", catalogue.variation_path(record.id), facts, record.prompt))
    return pictures


def _copy(picture: _Picture, folder: Path) -> dict[str, str | None]:
    """Write a picture and its caption, and return its entry in the sidecar."""
    data = read_bytes(picture.path)
    name = f"{picture.name}{picture.path.suffix.lower()}"
    write_atomically(folder / name, data)
    caption = _write_caption(data, picture.prompt)
    if caption:
        write_atomically(folder / f"{picture.name}.txt", f"{caption}\n".encode())
    return {"file": name, **picture.facts}


def _write_caption(data: bytes, prompt: str) -> str:
    """Return the prompt as one line, or a caption of the design; nothing for a picture that cannot be read."""
    try:
        line = clean_caption(prompt)
    except ValueError:
        line = ""
    try:
        return line or describe_design(open_design(data))
    except DesignError:
        return ""


def _remove_leftovers(folder: Path) -> None:
    """Remove unfinished datasets that a crash has left behind; younger ones may be another program's."""
    for path in folder.glob(".*.????????.tmp"):
        if path.is_dir() and not path.is_symlink() and path.stat().st_mtime < time.time() - LEFTOVER_AGE_SECONDS:
            shutil.rmtree(path, ignore_errors=True)
