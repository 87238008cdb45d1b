"""The paths in an outputs folder, and atomic file operations on them.

sources/ab/<sha256>.<ext>          the designer's own files, each with a sidecar <sha256>.json
variations/2026-11-22/<id>.png     finished pictures, with a sidecar <id>.json if marked
bin/2026-11-22/<id>.png            deleted pictures until the bin is emptied, each with a sidecar
untouched/2026-11-22/<id>.webp     the model's pictures of woven variations; of earlier versions <id>.png
thumbnails/, display/              small copies and copies for browsers, made again if missing
catalogue.sqlite                   the index, rebuilt from the files if missing
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
"""Hidden names that `temporary_beside` makes, also with the endings of SQLite's own files."""
_DISK_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
_NOT_A_FOLDER = {errno.ENOTDIR, errno.EEXIST}


class Place(StrEnum):
    """The place of a variation: in the gallery, in the bin, or missing (its row is left, its file is gone)."""

    KEPT = "kept"
    BINNED = "binned"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Folders:
    """The paths in one outputs folder. Ids and hashes must come from the index or be checked."""

    root: Path

    @property
    def index(self) -> Path:
        """The SQLite file."""
        return self.root / "catalogue.sqlite"

    @property
    def sources(self) -> Path:
        """The folder of the sources."""
        return self.root / "sources"

    @property
    def previews(self) -> tuple[Path, Path]:
        """The folders of copies that are made again if missing."""
        return self.root / "thumbnails", self.root / "display"

    def pictures(self, place: Place) -> Path:
        """Return the folder of the PNGs at `place`; it has one folder per day."""
        return self.root / {Place.KEPT: "variations", Place.BINNED: "bin"}[place]

    def picture(self, variation_id: str, place: Place) -> Path:
        """Return the path of a variation's PNG."""
        return self.pictures(place) / day_of(variation_id) / f"{variation_id}.png"

    def curation(self, variation_id: str, place: Place) -> Path:
        """Return the path of a variation's sidecar."""
        return self.pictures(place) / day_of(variation_id) / f"{variation_id}.json"

    @property
    def untouched(self) -> Path:
        """The folder of the model's pictures of woven variations. They do not move to the bin."""
        return self.root / "untouched"

    def untouched_pictures(self, variation_id: str) -> tuple[Path, Path]:
        """Return the paths that the model's picture of a woven variation can have. Earlier versions wrote PNG."""
        return self.untouched_picture(variation_id, ".webp"), self.untouched_picture(variation_id, ".png")

    def untouched_picture(self, variation_id: str, suffix: str) -> Path:
        """Return the path of the model's picture of a woven variation, in the format of a suffix."""
        return self.untouched / day_of(variation_id) / f"{variation_id}{suffix}"

    def thumbnail(self, variation_id: str) -> Path:
        """Return the path of a variation's thumbnail."""
        return self.root / "thumbnails" / day_of(variation_id) / f"{variation_id}.webp"

    def source(self, sha256: str, suffix: str) -> Path:
        """Return the path of a source's file. `suffix` begins with a dot."""
        return self.sources / sha256[:2] / f"{sha256}{suffix}"

    def source_sidecar(self, sha256: str) -> Path:
        """Return the path of a source's sidecar."""
        return self.source(sha256, ".json")

    def source_display(self, sha256: str) -> Path:
        """Return the path of the copy for browsers of a source that is not `browser_ready`."""
        return self.root / "display" / sha256[:2] / f"{sha256}.png"

    def source_thumbnail(self, sha256: str) -> Path:
        """Return the path of a source's thumbnail."""
        return self.root / "thumbnails" / "sources" / sha256[:2] / f"{sha256}.webp"


def storage_error(path: Path, error: OSError) -> StorageError:
    """Return the error for an `OSError`, with a message for the designer."""
    if error.errno in _DISK_FULL:
        return StorageError(
            f"The disk is full: {path.name} could not be written. "
            "Free some space, or empty the bin, and try again; everything finished before is kept."
        )
    if error.errno in _FORBIDDEN:
        return StorageError(
            f"The studio may not read or write in {path.parent}. Allow it there, or choose another outputs folder."
        )
    if error.errno in _NOT_A_FOLDER:
        return StorageError(
            f"{path.parent} cannot be used as a folder: a file is in its place. Choose another outputs folder."
        )
    reason = error.strerror or type(error).__name__
    return StorageError(f"{path} could not be read or written ({reason}). Check the disk and try again.")


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that after a crash the old or the new one is there, complete. Raises `StorageError`.

    The bytes are written and synced to a hidden file in the same folder, which then replaces the old one.
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
        except BaseException:  # also on Ctrl+C
            temporary.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)
    except OSError as error:
        raise storage_error(path, error) from error


def temporary_beside(path: Path) -> Path:
    """Return a new hidden name in the same folder. A later start removes it if a crash leaves it behind."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")


def move(path: Path, target: Path) -> None:
    """Move a file within the outputs folder atomically. Raises `StorageError`."""
    try:
        make_folder(target.parent)
        path.replace(target)
        sync_folder(target.parent)
        sync_folder(path.parent)
    except OSError as error:
        raise storage_error(target, error) from error


def remove(path: Path) -> None:
    """Remove a file if it exists. Raises `StorageError`."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise storage_error(path, error) from error


def is_file(path: Path) -> bool:
    """Return whether there is a file at a path. Raises `StorageError` if the disk does not say."""
    try:
        return path.is_file()
    except OSError as error:
        raise storage_error(path, error) from error


def read_bytes(path: Path) -> bytes:
    """Return a file's content. Raises `StorageError`."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise storage_error(path, error) from error


def short_name(path: Path) -> str:
    """Return the last three parts of a path, such as variations/2026-11-22/x.png."""
    return "/".join(path.parts[-3:])


def make_folder(folder: Path) -> None:
    """Make a folder and its parents. Raises `OSError`."""
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        sync_folder(folder.parent)


def list_names(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield (subfolder, name) for each visible file in the subfolders of `folder`, which may not exist.

    Strings, because every start lists all pictures, and tens of thousands of `Path` objects take a second to make.
    """
    try:
        for day in _entries(folder):
            if day.is_dir(follow_symlinks=False):
                for entry in _entries(day.path):
                    if entry.is_file(follow_symlinks=False):
                        yield day.name, entry.name
    except OSError as error:
        raise storage_error(folder, error) from error


def remove_leftovers(root: Path, age_seconds: float = LEFTOVER_AGE_SECONDS) -> int:
    """Remove temporary files that crashes left behind and return their number.

    Younger files stay, because another program may be writing them.
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


def sync_folder(folder: Path) -> None:
    """Make changed names in a folder survive a power cut (POSIX only)."""
    if os.name != "posix":
        return
    with contextlib.suppress(OSError):  # some network folders cannot; the file itself is synced
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
