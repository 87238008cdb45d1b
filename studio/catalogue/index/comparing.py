"""The differences between the rows of the index and the files, and changes of the rows that remove them."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from studio.catalogue.files.paths import Place
from studio.catalogue.index.rows import (
    add_variation,
    count_places,
    drop_variations,
    find_source_hashes,
    find_states,
    mark_missing,
    put_source,
    update_variation,
)
from studio.catalogue.index.survey import Survey
from studio.catalogue.records import RebuildReport


@dataclass(frozen=True)
class Changes:
    """The differences between rows and files, as ids and hashes.

    `unlisted` pictures and `unlisted_sources` have no row, the newest first. `stale` rows have another place or mark
    than their files. `lost` rows of the gallery and `emptied` rows of the bin have no file. `missing` are the ids and
    hashes to report.
    """

    unlisted: list[str]
    unlisted_sources: list[str]
    stale: list[str]
    lost: list[str]
    emptied: list[str]
    missing: set[str]

    def __bool__(self) -> bool:
        return any((self.unlisted, self.unlisted_sources, self.stale, self.lost, self.emptied))


def compare(connection: sqlite3.Connection, survey: Survey) -> Changes:
    """Return the differences. Raises `UnusableIndexError`."""
    known, known_sources = find_states(connection), find_source_hashes(connection)
    gone = sorted(known.keys() - survey.pictures.keys())
    stale = []
    for variation_id, place in survey.pictures.items():
        state = known.get(variation_id)
        if state is not None:
            marked = state.favourite or state.place is Place.BINNED
            if state.place is not place or marked != (variation_id in survey.sidecars[place]):
                stale.append(variation_id)
    return Changes(
        unlisted=sorted(survey.pictures.keys() - known.keys(), reverse=True),
        unlisted_sources=sorted(survey.sources.keys() - known_sources),
        stale=stale,
        lost=[one for one in gone if known[one].place is Place.KEPT],
        # A row of the bin without a file is left by a crash while the bin was emptied.
        emptied=[one for one in gone if known[one].place is Place.BINNED],
        missing={one for one in gone if known[one].place is not Place.BINNED} | (known_sources - survey.sources.keys()),
    )


def apply(connection: sqlite3.Connection, survey: Survey, changes: Changes) -> int:
    """Change the rows to match the files and return the number of added variations."""
    adopted = 0
    for variation_id in changes.unlisted:
        record = survey.record(variation_id)
        if record is not None:
            place = survey.pictures[variation_id]
            adopted += add_variation(connection, record, place, survey.curation(variation_id))
    for variation_id in changes.stale:
        update_variation(connection, variation_id, survey.pictures[variation_id], survey.curation(variation_id))
    mark_missing(connection, changes.lost)
    drop_variations(connection, changes.emptied)
    for source in filter(None, map(survey.source, changes.unlisted_sources)):
        put_source(connection, source)
    return adopted


def report(connection: sqlite3.Connection, survey: Survey, adopted: int, missing: set[str]) -> RebuildReport:
    """Return the report on a comparison."""
    places = count_places(connection)
    return RebuildReport(
        variations=places.get(Place.KEPT, 0),
        binned=places.get(Place.BINNED, 0),
        sources=len(find_source_hashes(connection)),
        adopted=adopted,
        missing=tuple(sorted(missing)),
        skipped=tuple(survey.skipped),
    )
