"""Queries on the index. A filter is one field of `GalleryQuery` and one entry of `FILTERS`."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from typing import Any

from studio.catalogue.files.paths import Place
from studio.catalogue.files.text_normalisation import fold
from studio.catalogue.index.rows import SELECT_VARIATION, find_one, variation_from
from studio.catalogue.records import Choice, GalleryChoices, GalleryPage, GalleryQuery, Neighbours, Variation
from studio.schema import VariationRecord, encodable

Clause = tuple[str, tuple[object, ...]]
"""A condition in SQL and the values of its placeholders."""


def _equals(column: str) -> Callable[[str | None], Clause | None]:
    return lambda value: None if value is None else (f"{column} = ?", (encodable(value),))


def _has_words(text: str) -> Clause | None:
    words = fold(text).split()
    # instr takes %, _ and \ literally; LIKE would need them escaped.
    return (" AND ".join(["instr(words, ?)"] * len(words)), tuple(words)) if words else None


FILTERS: Mapping[str, Callable[[Any], Clause | None]] = {
    "deleted": lambda deleted: ("place = ?", (str(Place.BINNED if deleted else Place.KEPT),)),
    "favourites_only": lambda wanted: ("favourite = 1", ()) if wanted else None,
    "source": _equals("source"),
    "run": _equals("run"),
    "parent": _equals("parent"),
    "model": _equals("model"),
    "drawing": _equals("drawing"),
    "adapter": _equals("adapter"),
    "text": _has_words,
}
"""For each filter of `GalleryQuery` a function from its value to a condition, None if it excludes nothing."""


def find_run(connection: sqlite3.Connection, run: str) -> tuple[Variation, ...]:
    """Return a run's variations in the gallery by slot, within a slot the oldest first."""
    rows = connection.execute(
        f"{SELECT_VARIATION} WHERE run = ? AND place = ? ORDER BY slot, id",
        (run, str(Place.KEPT)),
    )
    return tuple(map(variation_from, rows))


def find_page(connection: sqlite3.Connection, query: GalleryQuery) -> GalleryPage:
    """Return one page of a query's result, newest first."""
    where, values = _condition(query)
    (total,) = connection.execute(f"SELECT count(*) FROM variations WHERE {where}", values).fetchone()
    # The inner query finds the page's ids in an index alone, so only this page's records are read.
    rows = connection.execute(
        f"{SELECT_VARIATION} WHERE id IN "
        f"(SELECT id FROM variations WHERE {where} ORDER BY id DESC LIMIT ? OFFSET ?) ORDER BY id DESC",
        [*values, query.page_size, (query.page - 1) * query.page_size],
    )
    return GalleryPage(tuple(map(variation_from, rows)), total, query.page, query.page_size)


def find_ids(connection: sqlite3.Connection, query: GalleryQuery) -> tuple[str, ...]:
    """Return the ids on all pages of a query's result, newest first."""
    where, values = _condition(query)
    rows = connection.execute(f"SELECT id FROM variations WHERE {where} ORDER BY id DESC", values)
    return tuple(variation_id for (variation_id,) in rows)


def find_neighbours(connection: sqlite3.Connection, query: GalleryQuery, variation_id: str) -> Neighbours | None:
    """Return a picture's place in a query's result, None if that does not hold it. One look at each row found."""
    where, values = _condition(query)
    found, total, before, newer, older = connection.execute(
        "SELECT coalesce(sum(id = ?), 0), count(*), coalesce(sum(id > ?), 0), min(CASE WHEN id > ? THEN id END), "
        f"max(CASE WHEN id < ? THEN id END) FROM variations WHERE {where}",
        [variation_id] * 4 + values,
    ).fetchone()
    return Neighbours(before + 1, total, newer, older) if found else None


def _condition(query: GalleryQuery) -> tuple[str, list[object]]:
    """Return the condition of a query in SQL, and the values of its placeholders."""
    clauses = [clause for name, make in FILTERS.items() if (clause := make(getattr(query, name))) is not None]
    return " AND ".join(sql for sql, _ in clauses), [value for _, bound in clauses for value in bound]


def find_choices(connection: sqlite3.Connection) -> GalleryChoices:
    """Return who drew the pictures in the gallery, and their adapters. Each has the label of its newest variation."""

    def choices(columns: str, label: Callable[[VariationRecord], str]) -> tuple[Choice, ...]:
        counted = connection.execute(
            f"SELECT count(*), max(id), {columns} FROM variations WHERE place = ? GROUP BY {columns} "
            f"ORDER BY 1 DESC, {columns}",
            (str(Place.KEPT),),
        ).fetchall()
        newest = {latest: find_one(connection, latest) for _, latest, *_ in counted}
        return tuple(
            Choice(value, label(found[0].record), count, *drawing)
            for count, latest, value, *drawing in counted
            if (found := newest[latest]) is not None
        )

    return GalleryChoices(
        drawn_by=choices("model, drawing", lambda record: record.facts.model_title),
        adapters=choices("adapter", lambda record: record.facts.adapter_name or "No adapter"),
    )
