"""Rebuilding the index from the files: everything is found again, foreign and broken files are left alone."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from pathlib import Path

import pytest

from studio.catalogue import Catalogue, GalleryQuery, RebuildReport, Variation
from studio.catalogue.files.metadata import encode_png
from studio.catalogue.identifiers import day_of
from studio.catalogue.index import survey
from studio.errors import NotFoundError
from tests.support.catalogue_records import everything, fill, leftovers, make_picture, make_record, save
from tests.support.pictures import draw_picture, encode_picture


def drop_index(outputs: Path) -> None:
    for path in outputs.glob("catalogue.sqlite*"):
        path.unlink()


def test_a_rebuilt_index_equals_the_old_one(catalogue: Catalogue) -> None:
    fill(catalogue)
    before = everything(catalogue)
    calls: list[tuple[int, int]] = []
    report = catalogue.rebuild(lambda done, total: calls.append((done, total)))
    assert report == RebuildReport(variations=3, binned=2, sources=3)
    assert everything(catalogue) == before
    assert calls[-1] == (8, 8)
    assert not leftovers(catalogue.outputs)


def test_a_missing_index_is_rebuilt_at_the_start(outputs: Path) -> None:
    with Catalogue(outputs) as catalogue:
        fill(catalogue)
        before = everything(catalogue)
    drop_index(outputs)
    with Catalogue(outputs) as catalogue:
        assert catalogue.opening == RebuildReport(variations=3, binned=2, sources=3, adopted=5)
        assert everything(catalogue) == before


def test_copied_files_are_enough_to_rebuild_the_index(outputs: Path, tmp_path: Path) -> None:
    with Catalogue(outputs) as catalogue:
        fill(catalogue)
        before = everything(catalogue)
    for name in ("variations", "bin", "sources"):
        shutil.copytree(outputs / name, tmp_path / "copy" / name)
    with Catalogue(tmp_path / "copy") as catalogue:
        assert everything(catalogue) == before
        assert catalogue.thumbnail_path(before[0][0].id).is_file()


def test_a_rebuild_corrects_wrong_rows(catalogue: Catalogue) -> None:
    ids = fill(catalogue)
    before = everything(catalogue)
    with contextlib.closing(sqlite3.connect(catalogue.outputs / "catalogue.sqlite")) as connection:
        connection.execute("UPDATE variations SET favourite = 1 - favourite, model = 'nonsense', words = ''")
        connection.execute("DELETE FROM variations WHERE id = ?", (ids[0],))
        connection.execute("DELETE FROM sources")
        connection.commit()
    assert everything(catalogue) != before
    assert catalogue.rebuild().adopted == 1
    assert everything(catalogue) == before
    assert catalogue.find(GalleryQuery(text="kilim", model="builtin")).total == 3


def test_changes_during_a_rebuild_are_kept(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(survey, "BATCH", 1)
    ids = sorted(fill(catalogue))
    added: list[str] = []

    def meddle(done: int, total: int) -> None:
        if done == 1:  # only the first picture is in the new index
            added.append(save(catalogue, prompt="meanwhile").id)
            catalogue.set_favourite(ids[0], True)
            catalogue.set_favourite(ids[2], False)
            catalogue.delete([ids[0], ids[1]])
            catalogue.restore([ids[3]])
            catalogue.set_favourite(added[0], True)
            catalogue.add_source(encode_picture(draw_picture(64, 48, 7)), label="meanwhile")

    report = catalogue.rebuild(meddle)
    assert report.missing == ()
    assert report.skipped == ()
    kept, binned, sources = everything(catalogue)
    assert [(one.id, one.favourite) for one in kept] == [(added[0], True), (ids[3], False), (ids[2], False)]
    assert [(one.id, one.favourite) for one in binned] == [(ids[4], True), (ids[1], False), (ids[0], True)]
    assert all(one.deleted_at is not None for one in binned)
    assert len(sources) == 4
    catalogue.rebuild()
    assert everything(catalogue) == (kept, binned, sources)


def test_foreign_and_broken_files_are_reported_and_left_alone(outputs: Path) -> None:
    with Catalogue(outputs) as catalogue:
        ids = fill(catalogue)
        picture = catalogue.variation_path(ids[0])
    folder = picture.parent
    stranger = folder / f"{ids[0][:-6]}000000.png"
    copy = folder / "copy of a picture.PNG"
    half_record = make_record()
    half = outputs / "variations" / day_of(half_record.id) / f"{half_record.id}.png"
    empty = folder / f"{ids[0][:-6]}000002.png"
    wrong_day = outputs / "variations" / "1999-01-01" / picture.name
    make_picture().save(stranger)
    shutil.copy(picture, copy)
    half.write_bytes(encode_png(make_picture(), half_record)[:-12])  # all but the closing chunk
    empty.touch()
    wrong_day.parent.mkdir()
    shutil.copy(picture, wrong_day)
    renamed = folder / f"{ids[0][:-6]}000003.png"
    shutil.copy(picture, renamed)
    source = outputs / "sources" / "ab" / ("ab" * 32 + ".png")
    source.parent.mkdir(exist_ok=True)
    source.write_bytes(b"other bytes")
    strangers = [stranger, copy, half, empty, wrong_day, renamed, source]
    before = {path: path.read_bytes() for path in strangers}
    with Catalogue(outputs) as catalogue:
        shown = everything(catalogue)
        for report in (catalogue.opening, catalogue.rebuild()):
            assert (report.variations, report.binned, report.sources, report.adopted) == (3, 2, 3, 0)
            assert len(report.skipped) == len(strangers)
            for path in strangers:
                assert any(path.relative_to(outputs).as_posix() in sentence for sentence in report.skipped), path
        assert everything(catalogue) == shown
    assert {path: path.read_bytes() for path in strangers} == before


def test_a_row_without_a_file_is_hidden_until_the_file_is_back(outputs: Path, tmp_path: Path) -> None:
    with Catalogue(outputs) as catalogue:
        one, other = (save(catalogue).id for _ in range(2))
        catalogue.set_favourite(one, True)
        path = catalogue.variation_path(one)
        shutil.move(path, tmp_path / "away.png")
        with pytest.raises(NotFoundError):
            catalogue.variation_path(one)
    with Catalogue(outputs) as catalogue:
        assert catalogue.opening.missing == (one,)
        assert [variation.id for variation in catalogue.find(GalleryQuery()).variations] == [other]
        assert catalogue.choices().drawn_by[0].count == 1
        for ask in (catalogue.variation, catalogue.thumbnail_path, lambda x: catalogue.set_favourite(x, False)):
            with pytest.raises(NotFoundError):
                ask(one)
    shutil.move(tmp_path / "away.png", path)
    with Catalogue(outputs) as catalogue:
        assert catalogue.opening.missing == ()
        assert catalogue.variation(one).favourite
        shutil.move(path, tmp_path / "away.png")
        assert catalogue.rebuild().missing == (one,)
        assert catalogue.rebuild().missing == ()


def test_a_picture_moved_by_hand_is_found(outputs: Path) -> None:
    with Catalogue(outputs) as catalogue:
        one = save(catalogue).id
        catalogue.set_favourite(one, True)
        path = catalogue.variation_path(one)
    target = outputs / "bin" / path.parent.name / path.name
    target.parent.mkdir(parents=True)
    for suffix in (".png", ".json"):
        path.with_suffix(suffix).rename(target.with_suffix(suffix))
    with Catalogue(outputs) as catalogue:
        (binned,) = everything(catalogue)[1]
        assert binned.favourite
        assert binned.deleted_at is not None
        catalogue.restore([one])
        catalogue.delete([one])
    for suffix in (".png", ".json"):
        target.with_suffix(suffix).rename(path.with_suffix(suffix))
    with Catalogue(outputs) as catalogue:
        assert everything(catalogue)[0] == (Variation(binned.record, favourite=True),)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"favourite": "yes"}', "\udcff"])
def test_a_damaged_sidecar_loses_only_the_mark(outputs: Path, text: str) -> None:
    with Catalogue(outputs) as catalogue:
        one = save(catalogue).id
        catalogue.set_favourite(one, True)
        sidecar = catalogue.variation_path(one).with_suffix(".json")
        sidecar.write_bytes(text.encode("utf-8", "surrogateescape"))
        report = catalogue.rebuild()
        assert not catalogue.variation(one).favourite
        assert [sidecar.name in sentence for sentence in report.skipped] in ([True], [] if "yes" in text else [True])
        catalogue.set_favourite(one, True)
        catalogue.rebuild()
        assert catalogue.variation(one).favourite


def test_a_source_without_its_sidecar_is_read_again(outputs: Path) -> None:
    with Catalogue(outputs) as catalogue:
        source = catalogue.add_source(encode_picture(draw_picture(64, 48).convert("CMYK"), "TIFF"), label="Inks")
        catalogue.source_path(source.sha256).with_suffix(".json").write_text("{}")
        catalogue.rebuild()
        again = catalogue.source(source.sha256)
        assert (again.label, again.notes, again.mode) == ("", source.notes, "CMYK")
        catalogue.source_path(source.sha256).write_bytes(b"damaged")
        report = catalogue.rebuild()
        assert report.missing == (source.sha256,)
        assert "damaged" in report.skipped[0]
