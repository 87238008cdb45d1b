"""The tables of the index, made by migrations, and whether a file has them."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence

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

Tables = frozenset[tuple[str, str, str, str]]
"""Type, name, table and definition of each table, index, view and trigger."""


def migrate(connection: sqlite3.Connection, migrations: Sequence[str], version: int) -> None:
    """Run the migrations after `version`, within the transaction of the connection."""
    for number, script in enumerate(migrations[version:], version + 1):
        for statement in _statements(script):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {number}")


def read_version(connection: sqlite3.Connection) -> int:
    """Return the number of migrations that a file has run."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def read_tables(connection: sqlite3.Connection) -> Tables:
    """Return the tables in a file, without those that SQLite keeps for itself."""
    rows = connection.execute("SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_master")
    return frozenset(row for row in rows if not str(row[1]).startswith("sqlite_"))


def expected_tables(migrations: Sequence[str]) -> Tables:
    """Return the tables that migrations make."""
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection, migrations, 0)
        return read_tables(connection)


def _statements(script: str) -> Iterator[str]:
    """Yield the statements of a script. `executescript` would commit the transaction."""
    statement = ""
    for part in script.split(";"):
        statement += f"{part};"
        if sqlite3.complete_statement(statement):
            if statement.strip(" \n;"):
                yield statement
            statement = ""
