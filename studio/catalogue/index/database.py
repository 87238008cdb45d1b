"""The SQLite file of the index: connections, migrations, transactions, and errors with messages for the designer.

Many threads and several programs may read while one writes: the file uses write-ahead logging, each transaction has a
connection of its own from a pool, and a writing transaction takes SQLite's write lock with its first statement.
"""

from __future__ import annotations

import contextlib
import queue
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from studio.catalogue.files.paths import make_folder, storage_error
from studio.errors import StorageError

BUSY_SECONDS = 30.0
IDLE_CONNECTIONS = 8

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE variations (
        id TEXT PRIMARY KEY,
        place TEXT NOT NULL,                 -- kept, binned or missing (studio.catalogue.files.paths.Place)
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
    """
    -- Who drew: motifs, model or both (studio.schema.Drawing). Records of earlier versions do not say: the model did.
    ALTER TABLE variations ADD COLUMN drawing TEXT NOT NULL DEFAULT 'model';
    UPDATE variations SET drawing = coalesce((
        SELECT CASE WHEN json_valid(record) THEN json_extract(record, '$.drawing') END
        FROM records WHERE records.id = variations.id
    ), 'model');
    CREATE INDEX variations_by_drawing ON variations (place, model, drawing);
    """,
)
"""One script per version, oldest first. `PRAGMA user_version` counts those that have run. Add scripts, change none."""

TABLES = ("variations", "records", "sources")

_MESSAGES = {
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
    """A SQLite file with the catalogue's tables. A damaged file is renamed and replaced by an empty one.

    SQLite's errors become `StorageError`, also those raised inside the `reading` and `writing` blocks.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._idle: queue.LifoQueue[sqlite3.Connection] = queue.LifoQueue(IDLE_CONNECTIONS)
        self._writing = threading.Lock()  # within one process fairer and faster than SQLite's polling
        try:
            make_folder(path.parent)
        except OSError as error:
            raise storage_error(path, error) from error
        try:
            with self._translated_errors():
                self._prepare()
        except StorageError as error:
            if not _is_damage(error.__cause__):
                raise
            self.recreate()

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection in a read transaction: all statements see the same state."""
        with self._translated_errors(), self._transaction("BEGIN") as connection:
            yield connection

    @contextlib.contextmanager
    def writing(self, fresh: Path | None = None) -> Iterator[sqlite3.Connection]:
        """Yield a connection in a write transaction, which is rolled back on any error. Must not be nested.

        `fresh` is the file of another index for `replace_rows`, attached under that name.
        """
        with self._translated_errors(), self._writing, self._transaction("BEGIN IMMEDIATE", fresh) as connection:
            yield connection

    def close(self) -> None:
        """Close the idle connections. Those in use are closed at the end of their transaction."""
        idle, self._idle = self._idle, queue.LifoQueue(IDLE_CONNECTIONS)
        with contextlib.suppress(queue.Empty):
            while True:
                idle.get_nowait().close()

    def damaged(self) -> bool:
        """Whether the file is damaged. Reads all of it."""
        try:
            with self.reading() as connection:
                return bool(connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",))
        except StorageError as error:
            if _is_damage(error.__cause__):
                return True
            raise

    def recreate(self) -> None:
        """Rename the file and create an empty one. Raises `StorageError`."""
        with self._translated_errors(), self._writing:
            self.close()
            _rename_damaged(self.path)
            self._prepare()

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

    def _prepare(self) -> None:
        """Run the missing migrations. Raises `StorageError` if the file is from a later version."""
        connection = self._connect()
        try:
            _check_version(connection, self.path)
            _use_write_ahead_log(connection)
            connection.execute("BEGIN IMMEDIATE")
            version = _check_version(connection, self.path)  # another program may have been faster
            for number, script in enumerate(MIGRATIONS[version:], version + 1):
                for statement in _statements(script):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {number}")
            connection.execute("COMMIT")
        finally:
            connection.close()  # rolls back what is not committed

    @contextlib.contextmanager
    def _translated_errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            other = (
                f"The index of the gallery, {{path}}, failed ({error}). Check whether the disk is full, and try again."
            )
            message = _MESSAGES.get(_error_name(error), other)
            raise StorageError(message.replace("{path}", str(self.path))) from error


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


def _rename_damaged(path: Path) -> None:
    """Rename an index and its log files."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    for ending in ("-wal", "-shm", ""):
        part = path.with_name(path.name + ending)
        try:
            if part.exists():
                part.rename(path.with_name(f"{path.name}.damaged-{stamp}{ending}"))
        except OSError as error:
            raise storage_error(part, error) from error


def _check_version(connection: sqlite3.Connection, path: Path) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > len(MIGRATIONS):
        raise StorageError(
            f"{path} was written by a later version of the studio ({version}, this one knows {len(MIGRATIONS)}). "
            "Update the studio, or move that file away: a new one is made from the pictures."
        )
    return version


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


def _statements(script: str) -> Iterator[str]:
    """Yield the statements of a script. `executescript` would commit the transaction."""
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
    """Return SQLite's primary name of an error, such as SQLITE_BUSY for SQLITE_BUSY_SNAPSHOT."""
    return "_".join(getattr(error, "sqlite_errorname", "").split("_")[:2])
