"""The index file: migrated if older, set aside and made anew if it cannot be used, noticed if it is removed."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from pathlib import Path

import pytest

from studio.catalogue import Catalogue
from studio.catalogue.index import database
from studio.errors import NotFoundError, StorageError
from tests.support.catalogue_records import everything, fill, save, shown

SPOILT_TABLES = {
    "a later version": "PRAGMA user_version = 99",
    "a version before the first": "PRAGMA user_version = -1",
    "no tables": "DROP TABLE variations; DROP TABLE records; DROP TABLE sources",
    "another program's tables": "DROP TABLE variations; CREATE TABLE variations (name TEXT, price REAL)",
    "a view in place of a table": "DROP TABLE records; CREATE VIEW records AS SELECT 1 AS id, 2 AS record",
    "one more column": "ALTER TABLE variations ADD COLUMN weight INTEGER NOT NULL DEFAULT 1",
    "a trigger": "CREATE TRIGGER spoil BEFORE INSERT ON records BEGIN SELECT raise(abort, 'no'); END",
    "an index less": "DROP INDEX variations_by_run",
    "the first version's number": "PRAGMA user_version = 0",
}
SPOILT_ROWS = {
    "an unknown place": "UPDATE variations SET place = 'attic'",
    "a blob for an id": "UPDATE variations SET id = x'00ff' WHERE id = (SELECT max(id) FROM variations)",
    "no records": "DELETE FROM records",
    "records that are no JSON": "UPDATE records SET record = '{'",
    "records nested too deeply": "UPDATE records SET record = replace(hex(zeroblob(50000)), '00', '[')",
    "records that are no text": "UPDATE records SET record = x'ff'",
    "text that is not UTF-8": "UPDATE records SET record = CAST(x'22ff22' AS TEXT)",
    "a slot that is no number": "UPDATE records SET record = json_replace(record, '$.slot', 'first')",
    "a number beyond all": "UPDATE records SET record = replace(record, '28', '1e999')",
    "sources that are no JSON": "UPDATE sources SET facts = 'x'",
    "a source's format that is a path": "UPDATE sources SET facts = json_replace(facts, '$.format', '/../../../etc')",
}


def spoil(outputs: Path, script: str) -> None:
    """Change the index as another program might."""
    with contextlib.closing(sqlite3.connect(outputs / "catalogue.sqlite")) as connection:
        connection.executescript(script)


@pytest.mark.slow
@pytest.mark.parametrize("script", SPOILT_TABLES.values(), ids=SPOILT_TABLES)
def test_an_index_with_other_tables_is_set_aside_and_made_anew(outputs: Path, script: str) -> None:
    with Catalogue(outputs) as catalogue:
        fill(catalogue)
        before = everything(catalogue)
    spoil(outputs, script)
    with Catalogue(outputs) as catalogue:
        assert everything(catalogue) == before
        assert list(outputs.glob("catalogue.sqlite.damaged-*"))
        save(catalogue)
        assert catalogue.rebuild().variations == 4


@pytest.mark.slow
@pytest.mark.parametrize("when", ["while open", "between two starts"])
@pytest.mark.parametrize("script", SPOILT_ROWS.values(), ids=SPOILT_ROWS)
def test_an_index_with_rows_that_cannot_be_used_is_made_anew(outputs: Path, script: str, when: str) -> None:
    with Catalogue(outputs) as catalogue:
        ids = fill(catalogue)
        before = everything(catalogue)
        if when == "while open":
            spoil(outputs, script)
            assert catalogue.rebuild().variations == 3
            spoil(outputs, script)
            everything(catalogue)  # not all faults show in every query; none stops a page
    if when != "while open":
        spoil(outputs, script)
    with Catalogue(outputs) as catalogue:
        assert catalogue.variation(ids[0]).record == before[0][-1].record
        assert everything(catalogue) == before


@pytest.mark.parametrize("name", ["catalogue.sqlite", "catalogue.sqlite-wal"])
def test_a_folder_in_place_of_the_index_is_set_aside(outputs: Path, name: str) -> None:
    with Catalogue(outputs) as catalogue:
        fill(catalogue)
        before = everything(catalogue)
    (outputs / "catalogue.sqlite").unlink()
    (outputs / name).mkdir()
    (outputs / name / "mine.txt").write_text("kept")
    with Catalogue(outputs) as catalogue:
        assert everything(catalogue) == before
    assert [path.read_text() for path in outputs.rglob("mine.txt")] == ["kept"]


def test_only_the_last_index_that_was_set_aside_is_kept(outputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        monkeypatch.setattr(database.time, "strftime", lambda *_, number=number: f"20260101-00000{number}")
        Catalogue(outputs).close()
        (outputs / "catalogue.sqlite").write_bytes(b"x" * 5000)
        Catalogue(outputs).close()
    assert [path.name for path in outputs.glob("*damaged*")] == ["catalogue.sqlite.damaged-20260101-000002"]


def test_an_index_removed_while_open_is_made_anew(catalogue: Catalogue, outputs: Path) -> None:
    fill(catalogue)
    before = everything(catalogue)
    for path in outputs.glob("catalogue.sqlite*"):
        path.unlink()
    assert everything(catalogue) == before
    one = save(catalogue)
    with Catalogue(outputs) as other:
        assert other.opening.adopted == 0
        assert other.variation(one.id) == one
    assert catalogue.rebuild().adopted == 0


def test_an_outputs_folder_removed_while_open_is_made_anew(catalogue: Catalogue, outputs: Path) -> None:
    fill(catalogue)
    shutil.rmtree(outputs)
    assert everything(catalogue) == ((), (), ())
    one = save(catalogue)
    shutil.rmtree(outputs)
    two = save(catalogue)
    assert everything(catalogue)[0] == (two,)
    with pytest.raises(NotFoundError):
        catalogue.variation(one.id)
    assert catalogue.rebuild().variations == 1
    assert (outputs / "catalogue.sqlite").is_file()


def test_an_outputs_folder_put_in_place_of_another_is_shown(
    catalogue: Catalogue, outputs: Path, tmp_path: Path
) -> None:
    fill(catalogue)
    with Catalogue(tmp_path / "backup") as backup:
        one = save(backup)
    outputs.rename(tmp_path / "away")
    (tmp_path / "backup").rename(outputs)
    assert everything(catalogue)[0] == (one,)


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


def test_an_index_damaged_while_open_is_made_anew(catalogue: Catalogue, outputs: Path) -> None:
    fill(catalogue)
    before = everything(catalogue)
    catalogue.close()
    index = outputs / "catalogue.sqlite"
    index.write_bytes(index.read_bytes()[:4096] + b"\xff" * 40_000)
    assert everything(catalogue) == before
    assert catalogue.rebuild().variations == 3
    assert everything(catalogue) == before


def test_a_closed_catalogue_can_be_used_again(catalogue: Catalogue) -> None:
    one = save(catalogue).id
    catalogue.close()
    assert catalogue.variation(one).id == one
