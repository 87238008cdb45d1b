"""The files of a dataset, in a folder or in a ZIP, read one at a time and never unpacked.

A ZIP may be hostile: names that lead out of it, millions of entries, entries that grow without end. Nothing is written
anywhere, so no name leads to a file; what is read at once is bounded.
"""

from __future__ import annotations

import os
import stat
import threading
import zipfile
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Protocol

from studio.errors import DesignError, RequestError, first_line, quote

ENTRIES_LIMIT = 100_000
"""The most files in a dataset, those that are no pictures included."""
UNPACKED_LIMIT_BYTES = 16 * 2**30
"""The most that a ZIP may hold unpacked; a larger archive is better read from its folder."""
DIRECTORY_LIMIT_BYTES = 32 * 2**20
"""The largest list of contents of a ZIP, which Python reads at once: some 300 bytes for each of the most entries."""
DEPTH_LIMIT = 32
NAME_SHOWN = 400
"""The most characters of a name that are shown."""
_READ_AT_ONCE = 2**20


class Files(Protocol):
    """The files of a dataset by name: their path below it, with “/” between its parts."""

    names: tuple[str, ...]
    refused: tuple[tuple[str, str], ...]
    """Names of files that cannot be read, each with the reason as a sentence."""

    def read(self, name: str, limit_bytes: int) -> bytes:
        """Return the content of a file, at most one byte more than the limit. Raises `DesignError`."""

    def close(self) -> None:
        """Close what is open."""


class FolderFiles:
    """The files in a folder and the folders in it; those that a link leads to in a circle are entered once.

    Raises `RequestError` for a folder that cannot be read or has too many files.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        refused: list[tuple[str, str]] = []
        try:
            self.names = tuple(sorted(_walk(root, refused)))
        except OSError as error:
            raise RequestError(
                f"The folder “{quote(root)}” cannot be read: {first_line(error)} Check it, or choose another."
            ) from error
        self.refused = tuple(refused)

    def read(self, name: str, limit_bytes: int) -> bytes:
        """Return the content of a file, at most one byte more than the limit. Raises `DesignError`."""
        path = self._root / name
        try:
            if not stat.S_ISREG(path.stat().st_mode):  # a pipe would never end
                raise DesignError("It is not a file. Put a copy of the picture there.")
            with path.open("rb") as file:
                return file.read(limit_bytes + 1)
        except FileNotFoundError as error:
            raise DesignError("It is no longer there. Put it back, or read the dataset again.") from error
        except (OSError, ValueError) as error:
            raise DesignError(f"It cannot be read: {first_line(error)} Check the disk and its permissions.") from error

    def close(self) -> None:
        """Nothing stays open."""


class ZipFiles:
    """The files in a ZIP archive. Raises `RequestError` for one that cannot be read or is larger than allowed."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        shown = quote(path.name)
        try:
            self._file = _BoundedFile(path)
        except OSError as error:
            raise RequestError(f"“{shown}” cannot be read: {first_line(error)} Choose another file.") from error
        try:
            self._archive = zipfile.ZipFile(self._file)
            self._entries, self.refused = _check_entries(self._archive.infolist(), shown)
        except RequestError:
            self._file.close()
            raise
        except Exception as error:  # a damaged list of contents can raise nearly anything
            self._file.close()
            raise RequestError(
                f"“{shown}” is not a ZIP archive, or is cut short or damaged. Pack the pictures again, or choose "
                "their folder."
            ) from error
        self.names = tuple(sorted(self._entries))

    def read(self, name: str, limit_bytes: int) -> bytes:
        """Return the content of a file, at most one byte more than the limit. Raises `DesignError`."""
        parts, left = [], limit_bytes + 1
        try:
            with self._lock, self._archive.open(self._entries[name]) as entry:
                while left > 0 and (part := entry.read(min(left, _READ_AT_ONCE))):
                    parts.append(part)
                    left -= len(part)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError, MemoryError) as error:
            raise DesignError("It is damaged in the archive, or the archive is gone. Pack it again.") from error
        return b"".join(parts)

    def close(self) -> None:
        """Close the archive."""
        with self._lock:
            self._archive.close()
            self._file.close()


class _BoundedFile:
    """A file that gives no more at once than a list of contents may have: `zipfile` reads it whole."""

    def __init__(self, path: Path) -> None:
        if not stat.S_ISREG(path.stat().st_mode):
            raise OSError("it is not a file")
        self._file = path.open("rb")
        self.seek, self.tell, self.close = self._file.seek, self._file.tell, self._file.close

    def seekable(self) -> bool:
        """Return True."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return bytes from here, at most `DIRECTORY_LIMIT_BYTES`; a longer list of contents then reads as damaged."""
        return self._file.read(min(size, DIRECTORY_LIMIT_BYTES) if size >= 0 else DIRECTORY_LIMIT_BYTES)


def show_name(name: str) -> str:
    """Return a file's name for a page or a message: signs that no page can show become “?”."""
    return quote(name, NAME_SHOWN)


def _check_entries(
    entries: list[zipfile.ZipInfo], shown: str
) -> tuple[dict[str, zipfile.ZipInfo], tuple[tuple[str, str], ...]]:
    """Return the entries that may be read by name, and the names of the others with the reason."""
    if len(entries) > ENTRIES_LIMIT:
        raise RequestError(
            f"“{shown}” holds {len(entries):,} entries; at most {ENTRIES_LIMIT:,} are read. Pack the pictures alone."
        )
    total = sum(entry.file_size for entry in entries)
    if total > UNPACKED_LIMIT_BYTES:
        raise RequestError(
            f"“{shown}” would take {total / 2**30:.0f} GB unpacked; at most {UNPACKED_LIMIT_BYTES // 2**30} GB are "
            "read from an archive. Choose the folder of the pictures instead."
        )
    found: dict[str, zipfile.ZipInfo] = {}
    refused = []
    for entry in entries:
        name = entry.filename.replace("\\", "/")
        if name.endswith("/") or _is_hidden(name):
            continue
        if name.startswith("/") or ".." in name.split("/") or ":" in name.split("/")[0]:
            refused.append((name, "Its name leads out of the archive. Pack it again from within its folder."))
            continue
        name = str(PurePosixPath(name))  # without “./” at its beginning
        if name in found:
            refused.append((name, "It is in the archive twice. The first one is read; give the other another name."))
        elif entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            # Python unpacks the others without a bound: a megabyte can become many gigabytes at once.
            refused.append((name, "It is packed in a way that cannot be read here. Pack it as an ordinary ZIP."))
        elif entry.flag_bits & 1:
            refused.append((name, "It is encrypted. Unpack the archive with its password and choose the folder."))
        else:
            found[name] = entry
    return found, tuple(refused)


def _walk(root: Path, refused: list[tuple[str, str]]) -> Iterator[str]:
    """Yield the names of the files below a folder; folders that cannot be read are added to `refused`.

    Raises `OSError` for the folder itself, `RequestError` for too many files.
    """
    entered: set[tuple[int, int]] = set()
    waiting = [(str(root), "", 0)]
    count = 0
    while waiting:
        folder, prefix, depth = waiting.pop()
        try:
            about = os.stat(folder)  # noqa: PTH116  # names that are no text stay as they are
            if (about.st_dev, about.st_ino) in entered:
                continue
            entered.add((about.st_dev, about.st_ino))
            with os.scandir(folder) as entries:
                found = sorted(islice(entries, ENTRIES_LIMIT + 1), key=lambda entry: entry.name)
        except OSError as error:
            if not prefix:
                raise
            refused.append((prefix, f"This folder cannot be read: {first_line(error)} Check its permissions."))
            continue
        count += len(found)
        if count > ENTRIES_LIMIT:
            raise RequestError(
                f"The folder “{quote(root)}” holds more than {ENTRIES_LIMIT:,} files. Choose the folder of the "
                "pictures alone."
            )
        for entry in found:
            if _is_hidden(entry.name):
                continue
            if not _is_folder(entry):
                yield prefix + entry.name
            elif depth < DEPTH_LIMIT:
                waiting.append((entry.path, f"{prefix}{entry.name}/", depth + 1))
            else:
                refused.append((f"{prefix}{entry.name}/", "This folder lies too deep. Move it further up."))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _is_hidden(name: str) -> bool:
    """Return whether a file is one of a system or a program: of macOS in archives, or beginning with a dot."""
    return any((part[:1] == "." and part != "..") or part == "__MACOSX" for part in PurePosixPath(name).parts)
