"""Making the index equal to the files at every start: all names are compared, only files without a row are read."""

from __future__ import annotations

from collections.abc import Callable

from studio.catalogue.files.paths import Folders
from studio.catalogue.index.comparing import Changes, apply, compare, report
from studio.catalogue.index.database import Database
from studio.catalogue.index.rows import add_variation, put_source
from studio.catalogue.index.survey import Survey, batches
from studio.catalogue.records import RebuildReport

Progress = Callable[[int, int], None]
"""Called with the number of files read so far and in total."""


class Reconciliation:
    """The comparison of rows and files, in two parts: finding the differences, and reading the files without a row.

    The files are authoritative. A picture without a row gets one, a row without a picture is hidden, and a sidecar
    overrides its row. The first part takes half a second for 100 000 pictures. The second part may take long if the
    index was lost; other threads and programs may use the index meanwhile.
    """

    def __init__(self, folders: Folders, database: Database) -> None:
        self._database = database
        self.survey = Survey(folders)
        self.survey.scan()
        with database.reading() as connection:
            self._changes = compare(connection, self.survey)
            self.report = report(connection, self.survey, 0, self._changes.missing)
        self.to_read = len(self._changes.unlisted) + len(self._changes.unlisted_sources)

    def finish(self, progress: Progress, stopped: Callable[[], bool]) -> RebuildReport:
        """Change the rows and return the report. Raises `StorageError`.

        Files are read in batches, each added in a transaction of its own, so that after a crash or when `stopped`
        says so, what was read is kept. Designs first, then pictures, the newest first.
        """
        if not self._changes:
            return self.report
        adopted, done = 0, 0
        for kind, add in ((self._changes.unlisted_sources, self._add_sources), (self._changes.unlisted, self._add)):
            for batch in batches(kind):
                if stopped():
                    return self._report(adopted)
                adopted += add(batch)
                done += len(batch)
                progress(done, self.to_read)
        with self._database.writing() as connection:
            self.survey.scan()  # nobody moves files while the lock is held
            changes: Changes = compare(connection, self.survey)
            adopted += apply(connection, self.survey, changes)
            return report(connection, self.survey, adopted, changes.missing)

    def _add_sources(self, batch: list[str]) -> int:
        sources = [source for source in map(self.survey.source, batch) if source is not None]
        with self._database.writing() as connection:
            for source in sources:
                put_source(connection, source)
        return 0

    def _add(self, batch: list[str]) -> int:
        records = [record for record in map(self.survey.record, batch) if record is not None]
        with self._database.writing() as connection:
            return sum(
                add_variation(connection, record, self.survey.pictures[record.id], self.survey.curation(record.id))
                for record in records
                if self.survey.find_again(record.id)  # it may have been moved or removed since it was listed
            )

    def _report(self, adopted: int) -> RebuildReport:
        with self._database.reading() as connection:
            return report(connection, self.survey, adopted, self._changes.missing)
