"""Concurrency: many threads and several programs use one outputs folder, and nothing is lost."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from pathlib import Path

import pytest
from PIL import Image

from studio.catalogue import Catalogue, GalleryQuery, RebuildReport
from studio.catalogue.index import database
from studio.errors import StorageError
from tests.support.catalogue_programs import start_python
from tests.support.catalogue_records import everything, make_picture, make_record, save


def test_many_threads_read_while_one_writes(catalogue: Catalogue) -> None:
    errors: list[BaseException] = []
    done = threading.Event()

    def read() -> None:
        seen = 0
        try:
            while not done.is_set():
                page = catalogue.find(GalleryQuery(page_size=50))
                assert page.total == len(page.variations) >= seen  # a consistent state, never an older one
                seen = page.total
                for variation in page.variations[:2]:
                    Image.open(catalogue.variation_path(variation.id)).load()
                    Image.open(catalogue.thumbnail_path(variation.id)).load()
        except BaseException as error:  # noqa: BLE001 - the test reports it
            errors.append(error)

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    ids = [save(catalogue, seed=seed).id for seed in range(12)]
    done.set()
    for reader in readers:
        reader.join()
    assert not errors
    assert {one.id for one in everything(catalogue)[0]} == set(ids)


def test_many_threads_mark_and_move_at_once(catalogue: Catalogue) -> None:
    ids = [save(catalogue, seed=seed).id for seed in range(6)]
    errors: list[BaseException] = []

    def curate(number: int) -> None:
        try:
            for _ in range(4):
                catalogue.delete(ids)
                catalogue.set_favourite(ids[number], True)
                catalogue.restore(ids)
        except BaseException as error:  # noqa: BLE001 - the test reports it
            errors.append(error)

    threads = [threading.Thread(target=curate, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    kept, binned, _ = everything(catalogue)
    assert {one.id for one in kept + binned} == set(ids)
    assert {one.id for one in kept + binned if one.favourite} == set(ids[:4])
    before = everything(catalogue)
    catalogue.rebuild()
    assert everything(catalogue) == before


@pytest.mark.slow
def test_two_programs_share_a_folder(outputs: Path) -> None:
    code = """
        kept = Catalogue(outputs)
        for seed in range(10):
            kept.set_favourite(save(kept, seed=seed).id, True)
        kept.rebuild()
    """
    programs = [start_python(code, outputs) for _ in range(2)]  # both create the index
    for program in programs:
        _, stderr = program.communicate(timeout=120)
        assert program.returncode == 0, stderr
    with Catalogue(outputs) as catalogue:
        assert catalogue.opening == RebuildReport(variations=20)
        assert catalogue.find(GalleryQuery(favourites_only=True)).total == 20


def test_a_variation_of_another_program_is_found(catalogue: Catalogue, outputs: Path) -> None:
    program = start_python('save(Catalogue(outputs), prompt="by the other")', outputs)
    _, stderr = program.communicate(timeout=60)
    assert program.returncode == 0, stderr
    (variation,) = everything(catalogue)[0]
    assert variation.record.prompt == "by the other"
    assert catalogue.variation_path(variation.id).is_file()


def test_a_move_that_another_program_began_is_completed(catalogue: Catalogue) -> None:
    one = save(catalogue).id
    path = catalogue.variation_path(one)
    target = catalogue.outputs / "bin" / path.parent.name / path.name
    target.parent.mkdir(parents=True)
    path.rename(target)
    catalogue.delete([one])
    assert catalogue.variation_path(one) == target
    assert catalogue.variation(one).deleted_at is not None


def test_a_picture_is_kept_if_its_row_cannot_be_written(outputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
    with Catalogue(outputs) as catalogue:
        other = sqlite3.connect(outputs / "catalogue.sqlite", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        record = make_record()
        with pytest.raises(StorageError, match=r"Another program .* safe in"):
            catalogue.save_variation(make_picture(), record)
        assert catalogue.find(GalleryQuery()).total == 0  # reading still works
        other.execute("ROLLBACK")
        other.close()
        save(catalogue)
        assert catalogue.find(GalleryQuery()).total == 2
        catalogue.save_variation(make_picture(), record)  # saving again has no effect
        assert catalogue.find(GalleryQuery()).total == 2


def test_a_slow_reader_does_not_block_writers(outputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
    with Catalogue(outputs) as catalogue:
        save(catalogue)
        with contextlib.closing(sqlite3.connect(outputs / "catalogue.sqlite", isolation_level=None)) as other:
            other.execute("BEGIN")
            assert other.execute("SELECT count(*) FROM variations").fetchone() == (1,)
            save(catalogue)
            catalogue.rebuild()
            assert other.execute("SELECT count(*) FROM variations").fetchone() == (1,)
        assert catalogue.find(GalleryQuery()).total == 2
