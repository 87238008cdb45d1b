"""Keeping the index equal to the files: `reconcile` at every start, `rebuild` on request.

The files are authoritative. A picture without a row gets one, a row without a picture is hidden, and a sidecar
overrides its row. Comparing names is fast (0.1 s for 20 000 pictures), so a start compares all names and opens only
files that are not in the index.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from studio.catalogue.files.curation import Curation, read_curation
from studio.catalogue.files.metadata import read_record
from studio.catalogue.files.paths import Folders, Place, list_names, short_name, temporary_beside
from studio.catalogue.files.source_files import read_source
from studio.catalogue.identifiers import VARIATION_ID, day_of, utc_now
from studio.catalogue.index.database import Database, replace_rows
from studio.catalogue.index.rows import (
    add_variation,
    count_places,
    drop_variations,
    find_source_hashes,
    find_states,
    mark_missing,
    put_source,
    update_variation,
)
from studio.catalogue.records import RebuildReport, Source
from studio.errors import StorageError
from studio.schema import VariationRecord

Progress = Callable[[int, int], None]
"""Called with the number of files read so far and in total."""

_BATCH = 200
"""Rows per transaction while rebuilding."""


@dataclass
class _Survey:
    """The files in an outputs folder, and what was read of them so far.

    `pictures`, `sidecars` and `sources` list the files by id or hash. `records` and `descriptions` hold what was read,
    None for a file that could not be. `skipped` is an ordered set of sentences about files that are left alone.
    """

    folders: Folders
    pictures: dict[str, Place] = field(default_factory=dict)
    sidecars: dict[Place, set[str]] = field(default_factory=dict)
    sources: dict[str, Path] = field(default_factory=dict)
    records: dict[str, VariationRecord | None] = field(default_factory=dict)
    descriptions: dict[str, Source | None] = field(default_factory=dict)
    skipped: dict[str, None] = field(default_factory=dict)

    def scan(self) -> None:
        """List the files again. What was read of them is kept."""
        self.pictures.clear()
        self.sidecars.clear()
        for place in (Place.BINNED, Place.KEPT):  # for an id in both the gallery's file wins
            sidecars: set[str] = set()
            for day, name in list_names(self.folders.pictures(place)):
                stem, _, ending = name.rpartition(".")
                if ending == "json":
                    sidecars.add(stem)
                elif ending == "png" and VARIATION_ID.fullmatch(stem) and day == day_of(stem):
                    self.pictures[stem] = place
                elif ending.lower() == "png":
                    self.skip(f"{self.folders.pictures(place).name}/{day}/{name} was not put there by the studio.")
            self.sidecars[place] = sidecars
        self.sources = {
            Path(name).stem: Path(self.folders.sources, folder, name)
            for folder, name in list_names(self.folders.sources)
            if not name.endswith(".json")
        }

    def record(self, variation_id: str) -> VariationRecord | None:
        """Return the record in a listed picture, or None after noting why it cannot be read."""
        if variation_id not in self.records:
            path = self.folders.picture(variation_id, self.pictures[variation_id])
            try:
                record = read_record(path)
                if record.id != variation_id:
                    raise StorageError(f"{short_name(path)} holds the record of another picture, {record.id}.")
                self.records[variation_id] = record
            except StorageError as error:
                if not path.exists():  # moved since the scan; the next scan finds it
                    return None
                self.records[variation_id] = None
                self.skip(str(error))
        return self.records[variation_id]

    def source(self, sha256: str) -> Source | None:
        """Return a listed source, or None after noting why it cannot be read."""
        if sha256 not in self.descriptions:
            self.descriptions[sha256] = None
            try:
                self.descriptions[sha256] = read_source(self.folders, self.sources[sha256])
            except StorageError as error:
                self.skip(str(error))
        return self.descriptions[sha256]

    def curation(self, variation_id: str) -> Curation:
        """Return the marks of a listed picture. A damaged sidecar is noted and counts as no marks."""
        place = self.pictures[variation_id]
        try:
            return read_curation(self.folders, variation_id, place)
        except StorageError as error:
            self.skip(str(error))
            return Curation(deleted_at=utc_now() if place is Place.BINNED else None)

    def skip(self, sentence: str) -> None:
        """Note once why a file is left alone."""
        self.skipped[sentence] = None


def reconcile(folders: Folders, database: Database) -> RebuildReport:
    """Make the index equal to the files, reading only those that are not in the index. Raises `StorageError`."""
    survey = _Survey(folders)
    survey.scan()
    with database.reading() as connection:
        changes = _compare(connection, survey)
        if not changes:
            return _report(connection, survey, 0, changes.missing)
    # Read before taking the lock: if the index was lost this is every picture.
    for variation_id in changes.unlisted:
        survey.record(variation_id)
    for sha256 in changes.unlisted_sources:
        survey.source(sha256)
    with database.writing() as connection:
        survey.scan()  # nobody moves files while the lock is held
        changes = _compare(connection, survey)
        return _report(connection, survey, _apply(connection, survey, changes), changes.missing)


def rebuild(folders: Folders, database: Database, progress: Progress | None) -> RebuildReport:
    """Build a new index from the files alone, then replace all rows of the old one in one transaction.

    Until then readers see the old index. Nothing written meanwhile is lost, because the files are listed again while
    the lock is held. After a crash the old index is unchanged. Raises `StorageError`.
    """
    # 1. Read every file into a new index.
    survey = _Survey(folders)
    survey.scan()
    total = len(survey.pictures) + len(survey.sources)
    done = 0
    with _fresh_database(folders) as fresh:
        for batch in _batches(sorted(survey.pictures)):
            with fresh.writing() as connection:
                for variation_id in batch:
                    record = survey.record(variation_id)
                    if record is not None:
                        add_variation(connection, record, Place.KEPT, Curation())
                        survey.records.pop(variation_id)  # it is in the new index now
            done = _report_progress(progress, done + len(batch), total)
        for batch in _batches(sorted(survey.sources)):
            with fresh.writing() as connection:
                for source in filter(None, map(survey.source, batch)):
                    put_source(connection, source)
            done = _report_progress(progress, done + len(batch), total)
        fresh.close()

        # 2. Replace the old rows, then apply the differences from the present files and sidecars.
        with database.writing(fresh.path) as connection:
            before, sources_before = find_states(connection), find_source_hashes(connection)
            replace_rows(connection)
            survey.scan()  # nobody moves files while the lock is held
            _apply(connection, survey, _compare(connection, survey))
            after, sources_after = find_states(connection), find_source_hashes(connection)
            lost = {one for one in before.keys() - after.keys() if before[one].place is not Place.BINNED}
            missing = lost | (sources_before - sources_after)
            return _report(connection, survey, len(after.keys() - before.keys()), missing)


@dataclass(frozen=True)
class _Changes:
    """The differences between rows and files, as ids and hashes.

    `unlisted` pictures and `unlisted_sources` have no row. `stale` rows have another place or mark than their files.
    `lost` rows of the gallery and `emptied` rows of the bin have no file. `missing` are the ids and hashes to report.
    """

    unlisted: list[str]
    unlisted_sources: list[str]
    stale: list[str]
    lost: list[str]
    emptied: list[str]
    missing: set[str]

    def __bool__(self) -> bool:
        return any((self.unlisted, self.unlisted_sources, self.stale, self.lost, self.emptied))


def _compare(connection: sqlite3.Connection, survey: _Survey) -> _Changes:
    known, known_sources = find_states(connection), find_source_hashes(connection)
    gone = sorted(known.keys() - survey.pictures.keys())
    stale = []
    for variation_id, place in survey.pictures.items():
        state = known.get(variation_id)
        if state is not None:
            marked = state.favourite or state.place is Place.BINNED
            if state.place is not place or marked != (variation_id in survey.sidecars[place]):
                stale.append(variation_id)
    return _Changes(
        unlisted=sorted(survey.pictures.keys() - known.keys()),
        unlisted_sources=sorted(survey.sources.keys() - known_sources),
        stale=stale,
        lost=[one for one in gone if known[one].place is Place.KEPT],
        # A row of the bin without a file is left by a crash while the bin was emptied.
        emptied=[one for one in gone if known[one].place is Place.BINNED],
        missing={one for one in gone if known[one].place is not Place.BINNED} | (known_sources - survey.sources.keys()),
    )


def _apply(connection: sqlite3.Connection, survey: _Survey, changes: _Changes) -> int:
    """Change the rows to match the files and return the number of added variations."""
    adopted = 0
    for variation_id in changes.unlisted:
        record = survey.record(variation_id)
        if record is not None:
            place = survey.pictures[variation_id]
            adopted += add_variation(connection, record, place, survey.curation(variation_id))
    for variation_id in changes.stale:
        update_variation(connection, variation_id, survey.pictures[variation_id], survey.curation(variation_id))
    mark_missing(connection, changes.lost)
    drop_variations(connection, changes.emptied)
    for source in filter(None, map(survey.source, changes.unlisted_sources)):
        put_source(connection, source)
    return adopted


def _report(connection: sqlite3.Connection, survey: _Survey, adopted: int, missing: set[str]) -> RebuildReport:
    places = count_places(connection)
    return RebuildReport(
        variations=places.get(Place.KEPT, 0),
        binned=places.get(Place.BINNED, 0),
        sources=len(find_source_hashes(connection)),
        adopted=adopted,
        missing=tuple(sorted(missing)),
        skipped=tuple(survey.skipped),
    )


@contextlib.contextmanager
def _fresh_database(folders: Folders) -> Iterator[Database]:
    """Yield an empty index in a temporary file. A later start removes it if a crash leaves it behind."""
    path = temporary_beside(folders.index)
    try:
        fresh = Database(path)
        try:
            yield fresh
        finally:
            fresh.close()
    finally:
        for ending in ("", "-wal", "-shm"):
            path.with_name(path.name + ending).unlink(missing_ok=True)


def _batches(names: list[str]) -> Iterator[list[str]]:
    rest = iter(names)
    while batch := list(islice(rest, _BATCH)):
        yield batch


def _report_progress(progress: Progress | None, done: int, total: int) -> int:
    if progress is not None:
        progress(done, total)
    return done
