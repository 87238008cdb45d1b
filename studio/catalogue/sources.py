"""The sources of an outputs folder: designs that variations are made from, stored once by their hash."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from studio.catalogue.files.paths import Folders, read_bytes, write_atomically
from studio.catalogue.files.source_files import (
    hash_bytes,
    open_source,
    source_path,
    write_display_copy,
    write_sidecar,
)
from studio.catalogue.files.thumbnails import write_thumbnail_of
from studio.catalogue.identifiers import check_source_hash, not_found, utc_now
from studio.catalogue.index.database import Database
from studio.catalogue.index.rows import find_named_sources, find_source, find_sources, put_source
from studio.catalogue.records import Source


class Sources:
    """The sources of one outputs folder. A hash is checked and looked up before it becomes a path."""

    def __init__(self, folders: Folders, database: Database) -> None:
        self._folders = folders
        self._database = database

    def add(self, data: bytes, label: str, parent: str | None) -> Source:
        """Store a design: first its file, then its sidecar, then its row. Returns the source that is there already."""
        sha256 = hash_bytes(data)
        with self._database.reading() as connection:
            known = find_source(connection, sha256)
        if known is not None and source_path(self._folders, known).is_file():
            return known
        source, design = open_source(data, label, utc_now(), parent)
        write_atomically(source_path(self._folders, source), data)
        if not source.browser_ready:
            write_display_copy(self._folders, design)
        with self._database.writing() as connection:
            known = find_source(connection, sha256)  # another thread may have added the same file
            if known is None:
                write_sidecar(self._folders, source)
                put_source(connection, source)
        return source if known is None else known

    def get(self, sha256: str) -> Source:
        """Return a source. Raises `NotFoundError`."""
        check_source_hash(sha256)
        with self._database.reading() as connection:
            source = find_source(connection, sha256)
        if source is None:
            raise not_found("source", sha256)
        return source

    def newest(self, limit: int) -> tuple[Source, ...]:
        """Return the last `limit` sources, newest first."""
        with self._database.reading() as connection:
            return find_sources(connection, limit)

    def named(self, hashes: Iterable[str]) -> tuple[Source, ...]:
        """Return the sources that have one of these hashes, in no order."""
        with self._database.reading() as connection:
            return find_named_sources(connection, hashes)

    def path(self, source: Source) -> Path:
        """Return the path of the designer's own file. Raises `NotFoundError` if it is gone."""
        path = source_path(self._folders, source)
        if not path.is_file():
            raise not_found("source", source.sha256)
        return path

    def display_path(self, source: Source) -> Path:
        """Return the path of a picture that a browser shows as the model gets it. A missing copy is made again."""
        original = self.path(source)
        if source.browser_ready:
            return original
        path = self._folders.source_display(source.sha256)
        if not path.is_file():
            _, design = open_source(read_bytes(original), source.label, source.added_at, source.parent)
            write_display_copy(self._folders, design)
        return path

    def thumbnail_path(self, source: Source) -> Path:
        """Return the path of a source's thumbnail. A missing one is made again."""
        path = self._folders.source_thumbnail(source.sha256)
        if not path.is_file():
            write_thumbnail_of(self.display_path(source), path)
        return path
