"""The rows of the index: one per variation and one per source. They repeat what is in the files."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeVar

from studio.catalogue.files.curation import Curation
from studio.catalogue.files.paths import Place
from studio.catalogue.files.record_checks import parse_record
from studio.catalogue.files.source_files import source_from, source_values
from studio.catalogue.files.text_normalisation import fold
from studio.catalogue.index.database import UnusableIndexError
from studio.catalogue.records import NO_ADAPTER, Source, Variation
from studio.schema import VariationRecord, encodable, parse_json

_Parsed = TypeVar("_Parsed")

SELECT_VARIATION = "SELECT favourite, deleted_at, record, place FROM variations JOIN records USING (id)"
"""Selects rows for `variation_from`. A condition and an order may follow."""

_COLUMNS = "id, place, run, slot, source, parent, model, adapter, favourite, deleted_at, words, drawing"


class State(NamedTuple):
    """The place and mark in a row, without its record."""

    place: Place
    favourite: bool


def add_variation(connection: sqlite3.Connection, record: VariationRecord, place: Place, curation: Curation) -> bool:
    """Add a variation's row unless there is one. Returns whether it was added."""
    row = (
        record.id,
        str(place),
        encodable(record.run),
        record.slot,
        encodable(record.source),
        None if record.parent is None else encodable(record.parent),
        encodable(record.facts.model),
        _adapter_of(record),
        curation.favourite,
        curation.deleted_at,
        fold(record.prompt),
        encodable(record.drawing),
    )
    marks = ", ".join("?" * len(row))
    added = connection.execute(f"INSERT OR IGNORE INTO variations ({_COLUMNS}) VALUES ({marks})", row).rowcount == 1
    if added:
        text = json.dumps(record.to_json())
        connection.execute("INSERT OR REPLACE INTO records (id, record) VALUES (?, ?)", (record.id, text))
    return added


def update_variation(connection: sqlite3.Connection, variation_id: str, place: Place, curation: Curation) -> None:
    """Set the place and the marks in a variation's row."""
    connection.execute(
        "UPDATE variations SET place = ?, favourite = ?, deleted_at = ? WHERE id = ?",
        (str(place), curation.favourite, curation.deleted_at, variation_id),
    )


def mark_missing(connection: sqlite3.Connection, variation_ids: Iterable[str]) -> None:
    """Hide variations without a file. Their rows stay and are shown again if the file comes back."""
    connection.executemany(
        "UPDATE variations SET place = ? WHERE id = ?", [(str(Place.MISSING), one) for one in variation_ids]
    )


def drop_variations(connection: sqlite3.Connection, variation_ids: Iterable[str]) -> None:
    """Delete the rows of variations."""
    ids = [(one,) for one in variation_ids]
    for table in ("variations", "records"):
        connection.executemany(f"DELETE FROM {table} WHERE id = ?", ids)


def find_states(connection: sqlite3.Connection) -> dict[str, State]:
    """Return the place and favourite mark of every variation in the index, by id."""
    places = {str(place): place for place in Place}  # ten times as fast as calling Place for each row
    rows = connection.execute("SELECT id, place, favourite FROM variations")
    try:
        states = {one: State(places[place], bool(favourite)) for one, place, favourite in rows}
    except KeyError as error:
        raise UnusableIndexError(f"The index of the gallery names a place {error} for a picture.") from error
    (recorded,) = connection.execute("SELECT count(*) FROM variations JOIN records USING (id)").fetchone()
    if recorded != len(states) or any(type(one) is not str for one in states):
        raise UnusableIndexError("The index of the gallery has pictures without a record.")
    return states


def count_places(connection: sqlite3.Connection) -> dict[Place, int]:
    """Return the number of variations at each place."""
    rows = connection.execute("SELECT place, count(*) FROM variations GROUP BY place")
    return {_place_from(place): count for place, count in rows}


def find_one(connection: sqlite3.Connection, variation_id: str) -> tuple[Variation, Place] | None:
    """Return a variation and its place, None if the id is unknown."""
    row = connection.execute(f"{SELECT_VARIATION} WHERE id = ?", (variation_id,)).fetchone()
    return None if row is None else (variation_from(row), _place_from(row[-1]))


def variation_from(row: tuple[int, str | None, str, str]) -> Variation:
    """Return the variation of a row that `SELECT_VARIATION` selected."""
    favourite, deleted_at, record, _ = row
    return Variation(_parsed(parse_record, record), bool(favourite), deleted_at)


def find_latest(connection: sqlite3.Connection) -> tuple[str, str]:
    """Return the last id of a variation and the last time at which a source was added, "" where there is none."""
    latest = connection.execute(
        "SELECT coalesce((SELECT max(id) FROM variations), ''), coalesce((SELECT max(added_at) FROM sources), '')"
    ).fetchone()
    return str(latest[0]), str(latest[1])


def put_source(connection: sqlite3.Connection, source: Source) -> None:
    """Add or replace a source's row."""
    connection.execute(
        "INSERT OR REPLACE INTO sources (sha256, added_at, facts) VALUES (?, ?, ?)",
        (source.sha256, source.added_at, json.dumps(source_values(source))),
    )


def find_source(connection: sqlite3.Connection, sha256: str) -> Source | None:
    """Return a source, None if the hash is unknown."""
    row = connection.execute("SELECT facts FROM sources WHERE sha256 = ?", (sha256,)).fetchone()
    return None if row is None else _parsed(source_from, row[0])


def find_sources(connection: sqlite3.Connection, limit: int) -> tuple[Source, ...]:
    """Return the last `limit` sources, newest first."""
    rows = connection.execute("SELECT facts FROM sources ORDER BY added_at DESC, sha256 LIMIT ?", (limit,))
    return tuple(_parsed(source_from, facts) for (facts,) in rows)


def find_named_sources(connection: sqlite3.Connection, hashes: Iterable[str]) -> tuple[Source, ...]:
    """Return the sources that have one of these SHA-256."""
    wanted = [encodable(sha256) for sha256 in hashes]
    marks = ", ".join("?" * len(wanted))
    rows = connection.execute(f"SELECT facts FROM sources WHERE sha256 IN ({marks})", wanted)
    return tuple(_parsed(source_from, facts) for (facts,) in rows)


def find_source_hashes(connection: sqlite3.Connection) -> set[str]:
    """Return the SHA-256 of every source."""
    return {sha256 for (sha256,) in connection.execute("SELECT sha256 FROM sources")}


def _parsed(parse: Callable[[Any], _Parsed], text: object) -> _Parsed:
    """Return what a row holds as JSON. Raises `UnusableIndexError`."""
    try:
        return parse(parse_json(text if isinstance(text, str) else b""))
    except ValueError as error:
        raise UnusableIndexError(f"The index of the gallery holds a row that cannot be read ({error}).") from error


def _place_from(place: str) -> Place:
    try:
        return Place(place)
    except ValueError as error:
        raise UnusableIndexError(f"The index of the gallery has {error}.") from error


def _adapter_of(record: VariationRecord) -> str:
    facts = record.facts
    if facts.adapter_sha256 is not None:
        return encodable(facts.adapter_sha256)
    return NO_ADAPTER if facts.adapter_name is None else encodable(facts.adapter_name)
