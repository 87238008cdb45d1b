"""The sources of an outputs folder: designs that variations are made from, stored once by their hash."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from studio.catalogue.files.paths import Folders, is_file, read_bytes, write_atomically
from studio.catalogue.files.source_files import (
    hash_bytes,
    open_source,
    read_source,
    source_path,
    write_display_copy,
    write_sidecar,
)
from studio.catalogue.files.thumbnails import write_thumbnail_of
from studio.catalogue.identifiers import check_source_hash, new_time, not_found
from studio.catalogue.index.database import Database
from studio.catalogue.index.rows import find_named_sources, find_source, find_sources, put_source
from studio.catalogue.records import Source
from studio.errors import StorageError

if TYPE_CHECKING:
    from studio.designs import Design


class Sources:
    """The sources of one outputs folder. A hash is checked and looked up before it becomes a path."""

    def __init__(self, folders: Folders, database: Database) -> None:
        self._folders = folders
        self._database = database

    def add(self, data: bytes, label: str, parent: str | None, design: Design | None = None) -> Source:
        """Store a design: first its sidecar, then its file, then its row. Returns the source that is there already.

        So a design whose file is there has its name, whenever the program ends.
        """
        sha256 = hash_bytes(data)
        known = self._database.read(lambda connection: find_source(connection, sha256))
        if known is not None and is_file(source_path(self._folders, known)):
            return known
        source, design = open_source(data, label, new_time(), parent, design)
        with self._database.writing() as connection:  # while files are swept, none are written
            known = find_source(connection, sha256)  # another thread may have added the same file
            source = known or self._read_stored(source) or source
            if known is None:
                write_sidecar(self._folders, source)
            write_atomically(source_path(self._folders, source), data)
            put_source(connection, source)
        if not source.browser_ready:
            write_display_copy(self._folders, design)
        return source

    def _read_stored(self, source: Source) -> Source | None:
        """Return the source of a file that is there without a row, because the files are being read; else None."""
        path = source_path(self._folders, source)
        try:
            return read_source(self._folders, path, lambda _: None) if is_file(path) else None
        except StorageError:  # damaged: the file is written again
            return None

    def get(self, sha256: str) -> Source:
        """Return a source. Raises `NotFoundError`."""
        check_source_hash(sha256)
        source = self._database.read(lambda connection: find_source(connection, sha256))
        if source is None:
            raise not_found("source", sha256)
        return source

    def newest(self, limit: int) -> tuple[Source, ...]:
        """Return the last `limit` sources, newest first."""
        return self._database.read(lambda connection: find_sources(connection, limit))

    def named(self, hashes: Iterable[str]) -> tuple[Source, ...]:
        """Return the sources that have one of these hashes, in no order."""
        wanted = tuple(hashes)
        return self._database.read(lambda connection: find_named_sources(connection, wanted))

    def path(self, source: Source) -> Path:
        """Return the path of the designer's own file. Raises `NotFoundError` if it is gone."""
        path = source_path(self._folders, source)
        if not is_file(path):
            raise not_found("source", source.sha256)
        return path

    def display_path(self, source: Source) -> Path:
        """Return the path of a picture that a browser shows as the model gets it. A missing copy is made again."""
        original = self.path(source)
        if source.browser_ready:
            return original
        path = self._folders.source_display(source.sha256)
        if not is_file(path):
            _, design = open_source(read_bytes(original), source.label, source.added_at, source.parent)
            write_display_copy(self._folders, design)
        return path

    def thumbnail_path(self, source: Source) -> Path:
        """Return the path of a source's thumbnail. A missing one is made again."""
        path = self._folders.source_thumbnail(source.sha256)
        if not is_file(path):
            write_thumbnail_of(self.display_path(source), path)
        return path
