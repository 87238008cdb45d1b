"""Queries on the index. A filter is one field of `GalleryQuery` and one entry of `FILTERS`."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from typing import Any

from studio.catalogue.files.paths import Place
from studio.catalogue.files.text_normalisation import fold, storable
from studio.catalogue.index.rows import SELECT_VARIATION, find_one, variation_from
from studio.catalogue.records import Choice, GalleryChoices, GalleryPage, GalleryQuery, Variation
from studio.schema import VariationRecord

Clause = tuple[str, tuple[object, ...]]
"""A condition in SQL and the values of its placeholders."""


def _equals(column: str) -> Callable[[str | None], Clause | None]:
    return lambda value: None if value is None else (f"{column} = ?", (storable(value),))


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
    clauses = [clause for name, make in FILTERS.items() if (clause := make(getattr(query, name))) is not None]
    where = " AND ".join(sql for sql, _ in clauses)
    values = [value for _, bound in clauses for value in bound]
    (total,) = connection.execute(f"SELECT count(*) FROM variations WHERE {where}", values).fetchone()
    # The inner query finds the page's ids in an index alone, so only this page's records are read.
    rows = connection.execute(
        f"{SELECT_VARIATION} WHERE id IN "
        f"(SELECT id FROM variations WHERE {where} ORDER BY id DESC LIMIT ? OFFSET ?) ORDER BY id DESC",
        [*values, query.page_size, (query.page - 1) * query.page_size],
    )
    return GalleryPage(tuple(map(variation_from, rows)), total, query.page, query.page_size)


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
