"""The index file: migrated if older, replaced if damaged, refused if newer."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest

from studio.catalogue import Catalogue, GalleryQuery
from studio.catalogue.index import database
from studio.errors import StorageError
from tests.support.catalogue_records import everything, fill, save, shown


def test_an_index_of_a_later_version_is_refused(outputs: Path) -> None:
    Catalogue(outputs).close()
    with contextlib.closing(sqlite3.connect(outputs / "catalogue.sqlite")) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StorageError, match="later version of the studio"):
        Catalogue(outputs)
    with contextlib.closing(sqlite3.connect(outputs / "catalogue.sqlite")) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (99,)


def test_an_older_index_is_migrated(outputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Catalogue(outputs) as catalogue:
        fill(catalogue)
        before = everything(catalogue)
    migration = "ALTER TABLE variations ADD COLUMN rating INTEGER; CREATE INDEX by_rating ON variations (rating);"
    monkeypatch.setattr(database, "MIGRATIONS", (*database.MIGRATIONS, migration))
    with Catalogue(outputs) as catalogue:
        assert everything(catalogue) == before
        save(catalogue)
        catalogue.rebuild()
    with contextlib.closing(sqlite3.connect(outputs / "catalogue.sqlite")) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (len(database.MIGRATIONS),)
        assert connection.execute("SELECT count(*) FROM variations WHERE rating IS NULL").fetchone() == (6,)


def test_an_older_index_learns_who_drew_its_pictures(outputs: Path) -> None:
    """The first version of the index did not say who drew, and the first records did not either."""
    with Catalogue(outputs) as catalogue:
        wanted = {drawing: save(catalogue, drawing=drawing).id for drawing in ("motifs", "model", "both")}
        wanted["unsaid"] = save(catalogue, drawing="both").id
    with contextlib.closing(sqlite3.connect(outputs / "catalogue.sqlite")) as connection:
        connection.execute("DROP INDEX variations_by_drawing")
        connection.execute("ALTER TABLE variations DROP COLUMN drawing")
        connection.execute(
            "UPDATE records SET record = json_remove(record, '$.drawing') WHERE id = ?", (wanted["unsaid"],)
        )
        connection.execute("PRAGMA user_version = 1")
        connection.commit()
    with Catalogue(outputs) as catalogue:
        assert shown(catalogue, drawing="motifs") == [wanted["motifs"]]
        assert shown(catalogue, drawing="both") == [wanted["both"]]
        assert shown(catalogue, drawing="model") == [wanted["unsaid"], wanted["model"]]
        catalogue.rebuild()
        assert shown(catalogue, drawing="motifs") == [wanted["motifs"]]


def test_a_failing_migration_changes_nothing(outputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Catalogue(outputs) as catalogue:
        fill(catalogue)
        before = everything(catalogue)
    with monkeypatch.context() as patch:
        patch.setattr(database, "MIGRATIONS", (*database.MIGRATIONS, "CREATE TABLE extra (x);\nnonsense;"))
        with pytest.raises(StorageError, match="nonsense"):
            Catalogue(outputs)
    with Catalogue(outputs) as catalogue:
        assert everything(catalogue) == before


@pytest.mark.parametrize("damage", ["no database", "empty", "torn"])
def test_a_damaged_index_is_renamed_and_rebuilt(outputs: Path, damage: str) -> None:
    with Catalogue(outputs) as catalogue:
        fill(catalogue)
        before = everything(catalogue)
    index = outputs / "catalogue.sqlite"
    data = index.read_bytes()
    broken = {"no database": b"x" * 5000, "empty": b"", "torn": data[:4096] + b"\xff" * (len(data) - 4096)}[damage]
    index.write_bytes(broken)
    with Catalogue(outputs) as catalogue:
        assert everything(catalogue) == before
        assert bool(list(outputs.glob("catalogue.sqlite.damaged-*"))) == (damage != "empty")


def test_a_rebuild_replaces_an_index_damaged_while_open(catalogue: Catalogue, outputs: Path) -> None:
    fill(catalogue)
    before = everything(catalogue)
    catalogue.close()
    index = outputs / "catalogue.sqlite"
    index.write_bytes(index.read_bytes()[:4096] + b"\xff" * 40_000)
    with pytest.raises(StorageError, match="catalogue rebuild"):
        catalogue.find(GalleryQuery())
    assert catalogue.rebuild().variations == 3
    assert everything(catalogue) == before


def test_a_closed_catalogue_can_be_used_again(catalogue: Catalogue) -> None:
    one = save(catalogue).id
    catalogue.close()
    assert catalogue.variation(one).id == one
