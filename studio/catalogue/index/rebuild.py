"""A new index from the files alone, on request."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from studio.catalogue.files.curation import Curation
from studio.catalogue.files.paths import Folders, Place, remove, temporary_beside
from studio.catalogue.index.comparing import apply, compare, report
from studio.catalogue.index.database import Database, replace_rows
from studio.catalogue.index.reconcile import Progress
from studio.catalogue.index.rows import add_variation, find_source_hashes, find_states, put_source
from studio.catalogue.index.survey import Survey, batches
from studio.catalogue.records import RebuildReport


def rebuild(folders: Folders, database: Database, progress: Progress | None) -> RebuildReport:
    """Build a new index from the files alone, then replace all rows of the old one in one transaction.

    Until then readers see the old index. Nothing written meanwhile is lost, because the files are listed again while
    the lock is held. After a crash the old index is unchanged. Raises `StorageError`.
    """
    # 1. Read every file into a new index.
    survey = Survey(folders)
    survey.scan()
    total = len(survey.pictures) + len(survey.sources)
    done = 0
    with _fresh_database(folders) as fresh:
        for batch in batches(sorted(survey.pictures)):
            with fresh.writing() as connection:
                for record in filter(None, map(survey.record, batch)):
                    add_variation(connection, record, Place.KEPT, Curation())
            done = _report_progress(progress, done + len(batch), total)
        for batch in batches(sorted(survey.sources)):
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
            apply(connection, survey, compare(connection, survey))
            after, sources_after = find_states(connection), find_source_hashes(connection)
            lost = {one for one in before.keys() - after.keys() if before[one].place is not Place.BINNED}
            missing = lost | (sources_before - sources_after)
            return report(connection, survey, len(after.keys() - before.keys()), missing)


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
            remove(path.with_name(path.name + ending))


def _report_progress(progress: Progress | None, done: int, total: int) -> int:
    if progress is not None:
        progress(done, total)
    return done
