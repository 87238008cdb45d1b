"""The SQLite file under the catalogue: opening, versions, transactions, and its errors in plain words.

Many threads read while one writes, and a second program may do the same: write-ahead logging, one connection at a
time for whoever asks (kept for the next one), and every write under the file's own lock from its first statement.
"""

from __future__ import annotations

import contextlib
import queue
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from studio.catalogue.files.folders import make_folder, storage_error
from studio.errors import StorageError

BUSY_SECONDS = 30.0
IDLE_CONNECTIONS = 8

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE variations (
        id TEXT PRIMARY KEY,
        place TEXT NOT NULL,                 -- kept, binned or missing (studio.catalogue.files.folders.Place)
        run TEXT NOT NULL,
        slot INTEGER NOT NULL,
        source TEXT NOT NULL,
        parent TEXT,
        model TEXT NOT NULL,
        adapter TEXT NOT NULL,               -- its SHA-256, or 'none'
        favourite INTEGER NOT NULL,
        deleted_at TEXT,
        words TEXT NOT NULL                  -- the prompt, case-folded
    ) WITHOUT ROWID;
    -- Their primary key, the id, is the last column of each of these too, so that they give a page in order.
    CREATE INDEX variations_by_time ON variations (place, id, words);
    CREATE INDEX variations_favourite ON variations (place, favourite);
    CREATE INDEX variations_by_run ON variations (place, run);
    CREATE INDEX variations_by_source ON variations (place, source);
    CREATE INDEX variations_by_parent ON variations (place, parent);
    CREATE INDEX variations_by_model ON variations (place, model);
    CREATE INDEX variations_by_adapter ON variations (place, adapter);
    CREATE TABLE records (                   -- apart from the rest, so that a search through the words stays light
        id TEXT PRIMARY KEY,
        record TEXT NOT NULL                 -- VariationRecord as JSON
    );
    CREATE TABLE sources (
        sha256 TEXT PRIMARY KEY,
        added_at TEXT NOT NULL,
        facts TEXT NOT NULL                  -- Source as JSON
    );
    CREATE INDEX sources_by_time ON sources (added_at);
    """,
)
"""One script a version, oldest first; `PRAGMA user_version` counts those that were run. Never change one, add one."""

TABLES = ("variations", "records", "sources")

_SENTENCES = {
    "SQLITE_FULL": "The disk is full: the index of the gallery could not be written. Free some space and try again; "
    "finished pictures are kept as files.",
    "SQLITE_BUSY": "Another program has been writing to the gallery for too long. Close it, or wait, and try again.",
    "SQLITE_READONLY": "The studio may not write to {path}. Allow it, or choose another outputs folder.",
    "SQLITE_CANTOPEN": "{path} cannot be opened. Check that its folder may be written to, or choose another.",
    "SQLITE_PERM": "The studio may not open {path}. Allow it, or choose another outputs folder.",
    "SQLITE_CORRUPT": "The index of the gallery is damaged; the pictures are not. "
    "Run “python -m studio catalogue rebuild”: it makes a new index from them.",
    "SQLITE_NOTADB": "The index of the gallery is damaged; the pictures are not. "
    "Run “python -m studio catalogue rebuild”: it makes a new index from them.",
}
_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")


class Database:
    """One SQLite file with the catalogue's tables; a damaged one is set aside and begun anew.

    Raises `StorageError` with a sentence for the designer, also for SQLite's errors within the blocks it lends to.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._idle: queue.LifoQueue[sqlite3.Connection] = queue.LifoQueue(IDLE_CONNECTIONS)
        self._writing = threading.Lock()  # fairer and quicker within one process than SQLite's polling
        try:
            make_folder(path.parent)
        except OSError as error:
            raise storage_error(path, error) from error
        try:
            with self._sentences():
                self._prepare()
        except StorageError as error:
            if not _is_damage(error.__cause__):
                raise
            self.start_anew()

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection whose statements all see the same moment."""
        with self._sentences(), self._lent("BEGIN") as connection:
            yield connection

    @contextlib.contextmanager
    def writing(self, fresh: Path | None = None) -> Iterator[sqlite3.Connection]:
        """Lend a connection for one transaction: all of it happens, or, on any error, nothing. Not to be nested.

        With another index's file as `fresh`, `replace_rows` may take over what it holds.
        """
        with self._sentences(), self._writing, self._lent("BEGIN IMMEDIATE", fresh) as connection:
            yield connection

    def close(self) -> None:
        """Close the connections that nobody is using; those in use are closed when they come back."""
        idle, self._idle = self._idle, queue.LifoQueue(IDLE_CONNECTIONS)
        with contextlib.suppress(queue.Empty):
            while True:
                idle.get_nowait().close()

    def damaged(self) -> bool:
        """Whether the file is no sound SQLite database; reads all of it."""
        try:
            with self.reading() as connection:
                return connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",)
        except StorageError as error:
            if _is_damage(error.__cause__):
                return True
            raise

    def start_anew(self) -> None:
        """Set the file aside under another name and begin an empty one. Raises `StorageError`."""
        with self._sentences(), self._writing:
            self.close()
            _set_aside(self.path)
            self._prepare()

    @contextlib.contextmanager
    def _lent(self, begin: str, attached: Path | None = None) -> Iterator[sqlite3.Connection]:
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
            # One is kept even after an error: while any is open SQLite needs no new files, which a full disk refuses.
            if not reusable or not _put(idle, connection):
                connection.close()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        # With write-ahead logging this can lose the last rows in a power cut, never the file's soundness; and rows
        # are made again from the files.
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection

    def _prepare(self) -> None:
        """Bring the file to the newest version; raises `StorageError` when it comes from a later studio."""
        connection = self._connect()
        try:
            _check_version(connection, self.path)
            _use_write_ahead_log(connection)
            connection.execute("BEGIN IMMEDIATE")
            version = _check_version(connection, self.path)  # another program may have been quicker
            for number, script in enumerate(MIGRATIONS[version:], version + 1):
                for statement in _statements(script):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {number}")
            connection.execute("COMMIT")
        finally:
            connection.close()  # undoes what was not committed

    @contextlib.contextmanager
    def _sentences(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            other = (
                f"The index of the gallery, {{path}}, failed ({error}). Check whether the disk is full, and try again."
            )
            sentence = _SENTENCES.get(_error_name(error), other)
            raise StorageError(sentence.replace("{path}", str(self.path))) from error


def _put(idle: queue.LifoQueue[sqlite3.Connection], connection: sqlite3.Connection) -> bool:
    try:
        idle.put_nowait(connection)
    except queue.Full:
        return False
    return True


def replace_rows(connection: sqlite3.Connection) -> None:
    """Put all rows of the index lent as `fresh` in the place of this one's."""
    for table in TABLES:
        connection.execute(f"DELETE FROM main.{table}")
        connection.execute(f"INSERT INTO main.{table} SELECT * FROM fresh.{table}")


def _set_aside(path: Path) -> None:
    """Rename an index, with its log, so that a new one can take its place."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    for ending in ("-wal", "-shm", ""):
        part = path.with_name(path.name + ending)
        try:
            if part.exists():
                part.rename(path.with_name(f"{path.name}.damaged-{stamp}{ending}"))
        except OSError as error:
            raise storage_error(part, error) from error


def _check_version(connection: sqlite3.Connection, path: Path) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(MIGRATIONS):
        raise StorageError(
            f"{path} was written by a later version of the studio ({version}, this one knows {len(MIGRATIONS)}). "
            "Update the studio, or move that file away: a new one is made from the pictures."
        )
    return version


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Switch the file over, once. Two programs that do it at the same moment may refuse each other at once."""
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


def _statements(script: str) -> Iterator[str]:
    """Yield the statements of a script; `executescript` would commit the transaction around it."""
    statement = ""
    for part in script.split(";"):
        statement += f"{part};"
        if sqlite3.complete_statement(statement):
            if statement.strip(" \n;"):
                yield statement
            statement = ""


def _is_damage(error: BaseException | None) -> bool:
    return isinstance(error, sqlite3.Error) and _error_name(error) in _DAMAGED


def _error_name(error: sqlite3.Error) -> str:
    """Return SQLite's basic name for an error: the first two words of SQLITE_BUSY_SNAPSHOT and the like."""
    return "_".join(getattr(error, "sqlite_errorname", "").split("_")[:2])
