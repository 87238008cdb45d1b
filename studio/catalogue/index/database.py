"""The SQLite file of the index: connections, transactions, and errors with messages for the designer.

Many threads and several programs may read while one writes: the file uses write-ahead logging, each transaction has a
connection of its own from a pool, and a writing transaction takes SQLite's write lock with its first statement.

The index repeats what is in the files, so it is disposable. A file that cannot be used, whatever the reason, is set
aside, and one that was removed or replaced by another program is made or opened again, both before the next
transaction.
"""

from __future__ import annotations

import contextlib
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from enum import Enum, auto
from pathlib import Path
from typing import TypeVar

from studio.catalogue.files.paths import make_folder, remove, storage_error
from studio.catalogue.index.tables import MIGRATIONS, TABLES, expected_tables, migrate, read_tables, read_version
from studio.errors import StorageError

BUSY_SECONDS = 30.0
IDLE_CONNECTIONS = 8

_MESSAGES = {
    "SQLITE_FULL": "The disk is full: the index of the gallery could not be written. Free some space and try again; "
    "finished pictures are kept as files.",
    "SQLITE_BUSY": "Another program has been writing to the gallery for too long. Close it, or wait, and try again.",
    "SQLITE_READONLY": "The studio may not write to {path}. Allow it, or choose another outputs folder.",
    "SQLITE_CANTOPEN": "{path} cannot be opened. Check that its folder may be written to, or choose another.",
    "SQLITE_PERM": "The studio may not open {path}. Allow it, or choose another outputs folder.",
}
_OF_THE_CONTENT = ("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_SCHEMA", "SQLITE_FORMAT", "SQLITE_MISMATCH", "")
"""Errors that a new file mends. Text that is not UTF-8 raises one without a name."""
_OF_THE_CONTENT_PERHAPS = "SQLITE_ERROR"
"""The error for a missing table, and for a faulty query."""

_Result = TypeVar("_Result")
_Identity = tuple[int, int]


class _Trust(Enum):
    """How far the content of the file can be used."""

    WHOLE = auto()
    DOUBTFUL = auto()
    NONE = auto()


class UnusableIndexError(StorageError):
    """The content of the index cannot be used. It is set aside before the next transaction."""


class Database:
    """A SQLite file with the catalogue's tables. `renewed` is called after the file was made or opened again.

    SQLite's errors become `StorageError`, also those raised inside the `reading` and `writing` blocks;
    `UnusableIndexError` if the content of the file is the reason.
    """

    def __init__(self, path: Path, renewed: Callable[[], None] = lambda: None) -> None:
        self.path = path
        self._renewed = renewed
        self._idle: queue.LifoQueue[sqlite3.Connection] = queue.LifoQueue(IDLE_CONNECTIONS)
        self._writing = threading.Lock()  # within one process fairer and faster than SQLite's polling
        self._renewing = threading.RLock()
        self._trust = _Trust.WHOLE
        self._identity: _Identity | None = None
        self._watch: sqlite3.Connection | None = None
        self._watches = 0
        with self._translated_errors():
            self._expected = expected_tables(MIGRATIONS)
        self.renew()

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection in a read transaction: all statements see the same state."""
        self._mend()
        with self._translated_errors(), self._transaction("BEGIN") as connection:
            yield connection

    @contextlib.contextmanager
    def writing(self, fresh: Path | None = None) -> Iterator[sqlite3.Connection]:
        """Yield a connection in a write transaction, which is rolled back on any error. Must not be nested.

        `fresh` is the file of another index for `replace_rows`, attached under that name.
        """
        self._mend()
        with self._translated_errors(), self._writing, self._transaction("BEGIN IMMEDIATE", fresh) as connection:
            yield connection

    def read(self, query: Callable[[sqlite3.Connection], _Result]) -> _Result:
        """Return the result of a query in a read transaction of its own; tried again in a new index if need be."""
        try:
            with self.reading() as connection:
                return query(connection)
        except UnusableIndexError:
            with self.reading() as connection:
                return query(connection)

    def version(self) -> tuple[int, int]:
        """Return a value that changes with every change of the index, by this or another program."""
        self._mend()
        with self._renewing, self._translated_errors():
            if self._watch is None:
                self._watch = self._connect()
                self._watches += 1
            # SQLite counts for each connection the changes that others commit; this one commits none.
            return self._watches, self._watch.execute("PRAGMA data_version").fetchone()[0]

    def close(self) -> None:
        """Close the idle connections. Those in use are closed at the end of their transaction."""
        idle, self._idle = self._idle, queue.LifoQueue(IDLE_CONNECTIONS)
        with contextlib.suppress(queue.Empty):
            while True:
                idle.get_nowait().close()
        with self._renewing:
            if self._watch is not None:
                self._watch.close()
                self._watch = None

    def renew(self, *, check: bool = False) -> None:
        """Make the file ready for use: set it aside if it cannot be used, make it if it is missing.

        With `check` all of it is read. `renewed` is not called. Raises `StorageError`.
        """
        with self._renewing:
            try:
                make_folder(self.path.parent)
            except OSError as error:
                raise storage_error(self.path, error) from error
            if self._identity != _identify(self.path):
                self.close()
            elif self._trust is _Trust.NONE:
                self._set_aside()
            else:
                check = check or self._trust is _Trust.DOUBTFUL
            try:
                self._prepare(check)
            except UnusableIndexError:
                self._set_aside()
                self._prepare(check)
            self._identity, self._trust = _identify(self.path), _Trust.WHOLE

    def _mend(self) -> None:
        """Renew the file if it cannot be used or is not the one that was opened."""
        if self._sound():
            return
        with self._renewing:
            if not self._sound():  # another thread may have been faster
                self.renew()
                self._renewed()

    def _sound(self) -> bool:
        return self._trust is _Trust.WHOLE and self._identity == _identify(self.path)

    @contextlib.contextmanager
    def _transaction(self, begin: str, attached: Path | None = None) -> Iterator[sqlite3.Connection]:
        idle = self._idle
        try:
            connection = idle.get_nowait()
        except queue.Empty:
            connection = self._connect()
        try:
            if attached is not None:
                connection.execute("ATTACH DATABASE ? AS fresh", (str(attached),))
            connection.execute(begin)
            yield connection
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
            reusable = attached is None and idle is self._idle and not connection.in_transaction
            # Kept even after an error: with an open connection SQLite creates no new files, which a full disk refuses.
            if not reusable or not _return(idle, connection):
                connection.close()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        # With write-ahead logging a power cut can lose the last rows but not damage the file. Lost rows are made again
        # from the files.
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection

    def _prepare(self, check: bool) -> None:
        """Run the missing migrations. Raises `UnusableIndexError` on other tables than theirs, or on damage."""
        with self._translated_errors():
            if any(part.exists() and not part.is_file() for part in self._parts()):
                raise UnusableIndexError(f"{self.path} is not a file.")
            with contextlib.closing(self._connect()) as connection:  # closing rolls back what is not committed
                _use_write_ahead_log(connection)
                connection.execute("BEGIN IMMEDIATE")
                version = read_version(connection)
                if 0 <= version <= len(MIGRATIONS):
                    migrate(connection, MIGRATIONS, version)
                if read_version(connection) != len(MIGRATIONS) or read_tables(connection) != self._expected:
                    raise UnusableIndexError(f"{self.path} has other tables than this version of the studio makes.")
                if check and connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                    raise UnusableIndexError(f"{self.path} is damaged.")
                connection.execute("COMMIT")

    def _set_aside(self) -> None:
        """Rename the file and its log files, in place of those that were set aside before."""
        self.close()
        earlier = list(self.path.parent.glob(f"{self.path.name}.damaged-*"))
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
        for part in self._parts():
            ending = part.name.removeprefix(self.path.name)
            try:
                if part.exists():
                    part.rename(part.with_name(f"{self.path.name}.damaged-{stamp}{ending}"))
            except OSError as error:
                raise storage_error(part, error) from error
        for path in earlier:
            if f".damaged-{stamp}" not in path.name and path.is_file():
                remove(path)

    def _parts(self) -> list[Path]:
        """Return the paths of the file and of its log files, the file last."""
        return [self.path.with_name(self.path.name + ending) for ending in ("-wal", "-shm", "")]

    @contextlib.contextmanager
    def _translated_errors(self) -> Iterator[None]:
        try:
            yield
        except UnusableIndexError:
            self._trust = _Trust.NONE
            raise
        except sqlite3.Error as error:
            name = _error_name(error)
            if type(error) in (sqlite3.DatabaseError, sqlite3.OperationalError) and name in (
                *_OF_THE_CONTENT,
                _OF_THE_CONTENT_PERHAPS,
            ):
                self._trust = _Trust.DOUBTFUL if name == _OF_THE_CONTENT_PERHAPS else _Trust.NONE
                raise UnusableIndexError(
                    f"The index of the gallery could not be used ({error}); the pictures are not affected. "
                    "It is made anew from them: try again."
                ) from error
            other = "The index of the gallery, {path}, failed ({error}). Check whether the disk is full, and try again."
            message = _MESSAGES.get(name, other)
            raise StorageError(message.replace("{path}", str(self.path)).replace("{error}", str(error))) from error
        except OSError as error:
            named = self.path if error.filename is None else Path(os.fsdecode(error.filename))
            raise storage_error(named, error) from error


def _return(idle: queue.LifoQueue[sqlite3.Connection], connection: sqlite3.Connection) -> bool:
    try:
        idle.put_nowait(connection)
    except queue.Full:
        return False
    return True


def replace_rows(connection: sqlite3.Connection) -> None:
    """Replace all rows by those of the index that is attached as `fresh`."""
    for table in TABLES:
        connection.execute(f"DELETE FROM main.{table}")
        connection.execute(f"INSERT INTO main.{table} SELECT * FROM fresh.{table}")


def _identify(path: Path) -> _Identity | None:
    """Return what tells a file from another one at the same path, None if there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Switch the file to write-ahead logging. SQLite does not wait here if another program switches it too."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if _error_name(error) != "SQLITE_BUSY" or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def _error_name(error: sqlite3.Error) -> str:
    """Return SQLite's primary name of an error, such as SQLITE_BUSY for SQLITE_BUSY_SNAPSHOT."""
    return "_".join(getattr(error, "sqlite_errorname", "").split("_")[:2])
