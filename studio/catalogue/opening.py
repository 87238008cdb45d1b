"""The work when a catalogue is opened: the index is made equal to the files, and what crashes left behind is removed.

Little work is done at once. Much of it, such as reading every picture after the index was lost, is done in a thread of
its own, while the pages show what was read so far.
"""

from __future__ import annotations

import contextlib
import logging
import threading

from studio.catalogue.files.paths import Folders, Place, remove_leftovers
from studio.catalogue.files.sweep import find_orphans, remove_orphans
from studio.catalogue.identifiers import later_than
from studio.catalogue.index.database import Database, UnusableIndexError
from studio.catalogue.index.reconcile import Reconciliation
from studio.catalogue.index.rows import find_latest, find_source_hashes, find_states
from studio.catalogue.index.survey import BATCH
from studio.catalogue.records import RebuildReport
from studio.catalogue.storage import StorageMeter
from studio.errors import StorageError

AT_ONCE_PICTURES = 5_000
"""Folders with more pictures are tidied in the background: their names alone take a tenth of a second."""

logger = logging.getLogger(__name__)


class Opening:
    """The work on one outputs folder. `report` is what was found so far; `incomplete` is set if the disk failed."""

    def __init__(self, folders: Folders, database: Database, meter: StorageMeter) -> None:
        self._folders = folders
        self._database = database
        self._meter = meter
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._progress: tuple[int, int] | None = None
        self.report = RebuildReport()
        self.incomplete = False

    def begin(self) -> None:
        """Compare names and finish at once, or begin to read files in the background. Work that goes on is stopped.

        Does not wait for that work: it may need the index that the caller has locked.
        """
        self._stop.set()
        stop = self._stop = threading.Event()
        self._progress = None
        try:
            found = self._compare()
        except StorageError as error:  # on a full disk the gallery still opens, so that space can be freed
            self._fail(error)
            return
        self.report = found.report
        if found.to_read <= BATCH and len(found.survey.pictures) <= AT_ONCE_PICTURES:
            self._finish(found, stop)
            return
        self._progress = (0, found.to_read) if found.to_read else None
        self._thread = threading.Thread(target=self._finish, args=(found, stop), name="studio-reader", daemon=True)
        self._thread.start()

    @property
    def progress(self) -> tuple[int, int] | None:
        """The numbers of files read so far and in total, None if none are being read."""
        return self._progress

    def stop(self) -> None:
        """Stop reading files. What was read stays in the index; the next start reads the rest."""
        self._stop.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def wait(self) -> None:
        """Wait until the work is done."""
        thread = self._thread
        if thread is not None:
            thread.join()

    def _compare(self) -> Reconciliation:
        try:
            found = Reconciliation(self._folders, self._database)
        except UnusableIndexError:  # it is set aside now
            found = Reconciliation(self._folders, self._database)
        self._keep_order(found)
        return found

    def _keep_order(self, found: Reconciliation) -> None:
        """Let new pictures and designs come first, also if the computer's clock was set back."""
        with self._database.reading() as connection:
            latest_id, latest_time = find_latest(connection)
        later_than(max([latest_id, *found.survey.pictures]), latest_time)

    def _finish(self, found: Reconciliation, stop: threading.Event) -> None:
        def show(done: int, total: int) -> None:
            if stop is self._stop:
                self._progress = (done, total)

        try:
            report = found.finish(show, stop.is_set)
            self._keep_order(found)  # the designs were read now
            if stop is self._stop:
                self.report, self.incomplete = report, stop.is_set()
            if not stop.is_set():
                self._tidy(found)
        except StorageError as error:
            if stop is self._stop:
                self._fail(error)
        except Exception as error:  # in a thread nobody else would see it
            logger.exception("reading the files of %s", self._folders.root)
            self._fail(StorageError(f"The pictures could not be read ({type(error).__name__}: {error})."))
        finally:
            if stop is self._stop:
                self._progress = None

    def _fail(self, error: StorageError) -> None:
        self.incomplete = True
        self.report = RebuildReport(skipped=(str(error),))

    def _tidy(self, found: Reconciliation) -> None:
        """Remove files that belong to nothing. Without the folder of the pictures none can be told to be one."""
        remove_leftovers(self._folders.root)
        if not self._folders.pictures(Place.KEPT).is_dir():
            return
        with contextlib.suppress(StorageError):  # they only take space; the next start tries again
            with self._database.reading() as connection:
                pictures = found.survey.pictures.keys() | find_states(connection).keys()
                sources = found.survey.sources.keys() | find_source_hashes(connection)
            if find_orphans(self._folders, pictures, sources):
                with self._database.writing() as connection:  # nobody writes or moves files meanwhile
                    found.survey.scan()
                    pictures = found.survey.pictures.keys() | find_states(connection).keys()
                    sources = found.survey.sources.keys() | find_source_hashes(connection)
                    remove_orphans(find_orphans(self._folders, pictures, sources))
            if len(found.survey.pictures) > AT_ONCE_PICTURES:
                self._meter.measure()  # so that the first look at the settings does not wait for it
