"""Where things lie under outputs/, and how a file is written so that no crash leaves half of one.

sources/ab/<sha256>.<ext>          the designer's own bytes, and <sha256>.json beside them
variations/2026-11-22/<id>.png     finished pictures, and <id>.json where one was made a favourite
bin/2026-11-22/<id>.png            deleted ones, until the bin is emptied
untouched/2026-11-22/<id>.png      what the model drew, of those that were made ready for the loom
thumbnails/, display/              small and browser-ready copies; made again when they are gone
catalogue.sqlite                   an index of all this; made again from the files
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from studio.catalogue.identifiers import day_of
from studio.errors import StorageError

LEFTOVER_AGE_SECONDS = 3600

_LEFTOVER = re.compile(r"\..+\.[0-9a-f]{8}\.tmp(-wal|-shm|-journal)?")
"""Hidden names that `temporary_beside` makes, and what SQLite puts beside one of them."""
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
_NO_FOLDER = {errno.ENOTDIR, errno.EEXIST}


class Place(StrEnum):
    """Where a variation's file lies: in the gallery, in the bin, or nowhere (then only its row is left)."""

    KEPT = "kept"
    BINNED = "binned"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Folders:
    """The paths under one outputs folder. Ids and hashes given here come from the index or were checked."""

    root: Path

    @property
    def index(self) -> Path:
        """The SQLite file."""
        return self.root / "catalogue.sqlite"

    @property
    def sources(self) -> Path:
        """The folder of the designers' own files."""
        return self.root / "sources"

    @property
    def previews(self) -> tuple[Path, Path]:
        """The folders of copies that are made again when they are gone."""
        return self.root / "thumbnails", self.root / "display"

    def pictures(self, place: Place) -> Path:
        """Return the folder that holds one folder a day of pictures."""
        return self.root / {Place.KEPT: "variations", Place.BINNED: "bin"}[place]

    def picture(self, variation_id: str, place: Place) -> Path:
        """Return the path of a variation's PNG."""
        return self.pictures(place) / day_of(variation_id) / f"{variation_id}.png"

    def curation(self, variation_id: str, place: Place) -> Path:
        """Return the path of the sidecar that keeps what the designer said of a variation."""
        return self.pictures(place) / day_of(variation_id) / f"{variation_id}.json"

    def untouched(self, variation_id: str) -> Path:
        """Return the path of what the model drew of a variation; it stays there while the variation is in the bin."""
        return self.root / "untouched" / day_of(variation_id) / f"{variation_id}.png"

    def thumbnail(self, variation_id: str) -> Path:
        """Return the path of a variation's small copy."""
        return self.root / "thumbnails" / day_of(variation_id) / f"{variation_id}.webp"

    def source(self, sha256: str, suffix: str) -> Path:
        """Return the path of a source's own bytes; `suffix` begins with a dot."""
        return self.sources / sha256[:2] / f"{sha256}{suffix}"

    def source_sidecar(self, sha256: str) -> Path:
        """Return the path of the file that describes a source."""
        return self.source(sha256, ".json")

    def source_display(self, sha256: str) -> Path:
        """Return the path of the copy for browsers, where the original cannot be shown truly."""
        return self.root / "display" / sha256[:2] / f"{sha256}.png"

    def source_thumbnail(self, sha256: str) -> Path:
        """Return the path of a source's small copy."""
        return self.root / "thumbnails" / "sources" / sha256[:2] / f"{sha256}.webp"


def storage_error(path: Path, error: OSError) -> StorageError:
    """Return the sentence for a designer that an error of the file system amounts to."""
    if error.errno in _FULL:
        return StorageError(
            f"The disk is full: {path.name} could not be written. "
            "Free some space, or empty the bin, and try again; everything finished before is kept."
        )
    if error.errno in _FORBIDDEN:
        return StorageError(
            f"The studio may not write in {path.parent}. Allow it there, or choose another outputs folder."
        )
    if error.errno in _NO_FOLDER:
        return StorageError(
            f"{path.parent} cannot be used as a folder, a file stands in its way. Choose another outputs folder."
        )
    reason = error.strerror or type(error).__name__
    return StorageError(f"{path} could not be read or written ({reason}). Check the disk and try again.")


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that after any crash there is the old one or the new one, whole. Raises `StorageError`.

    The bytes go to a hidden neighbour first and are on the disk before the name changes hands.
    """
    temporary = temporary_beside(path)
    try:
        make_folder(path.parent)
        try:
            with temporary.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:  # also an interrupted command line leaves no litter
            temporary.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)
    except OSError as error:
        raise storage_error(path, error) from error


def temporary_beside(path: Path) -> Path:
    """Return a new hidden name in the same folder, which a later start removes should it stay behind."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")


def move(path: Path, target: Path) -> None:
    """Move a file within outputs/, in one step. Raises `StorageError`."""
    try:
        make_folder(target.parent)
        path.replace(target)
        _sync_folder(target.parent)
        _sync_folder(path.parent)
    except OSError as error:
        raise storage_error(target, error) from error


def remove(path: Path) -> None:
    """Remove a file; one that is gone already is fine. Raises `StorageError`."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise storage_error(path, error) from error


def read_bytes(path: Path) -> bytes:
    """Return a file's content. Raises `StorageError`."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise storage_error(path, error) from error


def short_name(path: Path) -> str:
    """Return the end of a path, enough to find the file under outputs/: variations/2026-11-22/x.png."""
    return "/".join(path.parts[-3:])


def make_folder(folder: Path) -> None:
    """Make a folder and those above it; raises `OSError`."""
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        _sync_folder(folder.parent)


def list_names(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield (folder, name) for each visible file one folder below `folder`; nothing where there is none.

    Plain text, not paths: a start walks through all pictures, and tens of thousands of paths take a second to make.
    """
    for day in _entries(folder):
        if day.is_dir(follow_symlinks=False):
            for entry in _entries(day.path):
                if entry.is_file(follow_symlinks=False):
                    yield day.name, entry.name


def measure_folder(folder: Path, suffix: str = "") -> tuple[int, int]:
    """Return how many files below a folder end in `suffix`, and the bytes of all files there."""
    count = size = 0
    folders: list[Path | str] = [folder]
    while folders:
        for entry in _entries(folders.pop()):
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.path)
            else:
                with contextlib.suppress(OSError):  # another thread may move it meanwhile
                    size += entry.stat(follow_symlinks=False).st_size
                    count += entry.name.endswith(suffix)
    return count, size


def remove_leftovers(root: Path, age_seconds: float = LEFTOVER_AGE_SECONDS) -> int:
    """Remove what writes that were cut short have left behind; return how many.

    Younger ones stay: another program may be writing them at this moment.
    """
    removed = 0
    before = time.time() - age_seconds
    for where, _, names in os.walk(root):
        for name in names:
            if name[0] == "." and _LEFTOVER.fullmatch(name):
                path = Path(where, name)
                with contextlib.suppress(OSError):
                    if path.stat().st_mtime < before:
                        path.unlink()
                        removed += 1
    return removed


def _entries(folder: Path | str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if entry.name[0] != "."]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise storage_error(Path(folder, "…"), error) from error


def _sync_folder(folder: Path) -> None:
    """Make a new name in a folder last through a power cut, where the system can do that."""
    if os.name != "posix":
        return
    with contextlib.suppress(OSError):  # some network folders cannot; the file itself is written
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
