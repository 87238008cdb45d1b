"""What happens to kept pictures when something goes wrong: crashes, full disks, damaged and foreign files, crowds."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from studio.catalogue import Catalogue, GalleryQuery, RebuildReport, Variation, database, recovery
from studio.catalogue.files import storage_error
from studio.catalogue.identifiers import day_of
from studio.catalogue.metadata import encode_png
from studio.errors import NotFoundError, StorageError
from tests.catalogue_records import KILIM, everything, make_picture, make_record, save
from tests.conftest import draw_picture, encode_picture

ROOT = Path(__file__).parents[1]
PREAMBLE = """
    import os, sys
    from pathlib import Path
    from studio.catalogue import Catalogue
    from tests.catalogue_records import make_picture, make_record, save
    outputs = Path(sys.argv[1])
"""


def start_python(code: str, outputs: Path) -> subprocess.Popen[str]:
    """Start a program of its own on an outputs folder."""
    script = textwrap.dedent(PREAMBLE) + textwrap.dedent(code)
    return subprocess.Popen([sys.executable, "-c", script, str(outputs)], cwd=ROOT, stderr=subprocess.PIPE, text=True)


def crash(code: str, outputs: Path) -> None:
    """Run a program that ends, as a power cut would, with `os._exit(9)`."""
    program = start_python(code, outputs)
    _, said = program.communicate(timeout=60)
    assert program.returncode == 9, said


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    return tmp_path / "outputs"


@pytest.fixture
def catalogue(outputs: Path) -> Iterator[Catalogue]:
    with Catalogue(outputs) as catalogue:
        yield catalogue


def fill(catalogue: Catalogue) -> list[str]:
    """Keep some of everything; returns the ids: two plain, a favourite, a deleted one, a deleted favourite."""
    source = catalogue.add_source(encode_picture(draw_picture(64, 48)), label="Diamonds")
    catalogue.add_source(encode_picture(draw_picture(64, 48).convert("CMYK"), "TIFF"), label="Inks")
    ids = [save(catalogue, source=source.sha256, slot=slot, seed=slot, **KILIM).id for slot in range(5)]
    for one in (ids[2], ids[4]):
        catalogue.set_favourite(one, True)
    catalogue.delete([ids[3], ids[4]])
    catalogue.add_source(catalogue.variation_path(ids[0]).read_bytes(), label="Again", parent=ids[0])
    return ids


def drop_index(outputs: Path) -> None:
    for path in outputs.glob("catalogue.sqlite*"):
        path.unlink()


def leftovers(outputs: Path) -> list[Path]:
    return [path for path in outputs.rglob(".*") if path.is_file()]


# Crashes


def test_a_crash_between_file_and_row_loses_no_picture(outputs: Path) -> None:
    crash(
        """
        from studio.catalogue import catalogue
        kept = Catalogue(outputs)
        save(kept, prompt="first")
        catalogue.add_variation = lambda *_: os._exit(9)
        save(kept, prompt="second")
        """,
        outputs,
    )
    with Catalogue(outputs) as catalogue:
        assert catalogue.opening.adopted == 1
        page = catalogue.find(GalleryQuery())
        assert [variation.record.prompt for variation in page.variations] == ["second", "first"]
        for variation in page.variations:
            Image.open(catalogue.variation_path(variation.id)).load()
            Image.open(catalogue.thumbnail_path(variation.id)).load()


@pytest.mark.parametrize("step", ["os.fsync", "Path.replace"])
def test_a_crash_while_writing_shows_no_half_picture(outputs: Path, step: str) -> None:
    crash(
        f"""
        kept = Catalogue(outputs)
        save(kept, prompt="first")
        {step} = lambda *_: os._exit(9)
        save(kept, prompt="second")
        """,
        outputs,
    )
    assert len(leftovers(outputs)) == 1
    with Catalogue(outputs) as catalogue:
        assert [variation.record.prompt for variation in catalogue.find(GalleryQuery()).variations] == ["first"]
        assert catalogue.opening == RebuildReport(variations=1)
        assert len(leftovers(outputs)) == 1  # it is young: another program may be writing it


def test_old_leftovers_are_removed_and_nothing_else(catalogue: Catalogue, outputs: Path) -> None:
    one = save(catalogue).id
    folder = catalogue.variation_path(one).parent
    names = [".x.png.0123abcd.tmp", ".catalogue.sqlite.0123abcd.tmp-wal", ".DS_Store", ".mine.tmp"]
    for name in names:
        (folder / name).write_bytes(b"half")
        os.utime(folder / name, (time.time() - 7200,) * 2)
    (folder / ".y.png.0123abcd.tmp").write_bytes(b"half")
    Catalogue(outputs).close()
    assert {path.name for path in leftovers(outputs)} == {".DS_Store", ".mine.tmp", ".y.png.0123abcd.tmp"}
    assert catalogue.variation_path(one).is_file()


@pytest.mark.parametrize("act", ["delete", "restore"])
@pytest.mark.parametrize("step", ["curation.move", "curation.remove", "curator.update_variation"])
def test_a_crash_while_moving_keeps_picture_and_mark(outputs: Path, act: str, step: str) -> None:
    module, name = step.split(".")
    crash(
        f"""
        from studio.catalogue import curation, curator
        kept = Catalogue(outputs)
        one = save(kept).id
        kept.set_favourite(one, True)
        if {act!r} == "restore":
            kept.delete([one])
        {module}.{name} = lambda *_: os._exit(9)
        kept.{act}([one])
        """,
        outputs,
    )
    with Catalogue(outputs) as catalogue:
        kept, binned, _ = everything(catalogue)
        assert len(kept) + len(binned) == 1
        (one,) = kept + binned
        assert one.favourite
        assert (one.deleted_at is not None) == bool(binned)
        Image.open(catalogue.variation_path(one.id)).load()
        catalogue.restore([one.id])
        assert everything(catalogue)[0] == (Variation(one.record, favourite=True),)
        before = everything(catalogue)
        catalogue.rebuild()
        assert everything(catalogue) == before


def test_a_crash_between_mark_and_row_keeps_the_mark(outputs: Path) -> None:
    crash(
        """
        from studio.catalogue import curator
        kept = Catalogue(outputs)
        one = save(kept).id
        curator.update_variation = lambda *_: os._exit(9)
        kept.set_favourite(one, True)
        """,
        outputs,
    )
    with Catalogue(outputs) as catalogue:
        assert catalogue.find(GalleryQuery(favourites_only=True)).total == 1


def test_a_crash_while_emptying_the_bin_is_finished_later(outputs: Path) -> None:
    crash(
        """
        from studio.catalogue import curator
        kept = Catalogue(outputs)
        ids = [save(kept).id for _ in range(3)]
        kept.delete(ids[:2])
        curator.drop_variations = lambda *_: os._exit(9)
        kept.empty_bin()
        """,
        outputs,
    )
    with Catalogue(outputs) as catalogue:
        assert [len(some) for some in everything(catalogue)] == [1, 1, 0]
        assert catalogue.opening.missing == ()
        assert catalogue.empty_bin() == 1


def test_a_crash_between_a_sources_file_and_its_row_keeps_it(outputs: Path) -> None:
    crash(
        """
        from tests.conftest import draw_picture, encode_picture
        from studio.catalogue import sources
        sources.write_sidecar = lambda *_: os._exit(9)
        Catalogue(outputs).add_source(encode_picture(draw_picture(64, 48)), label="lost")
        """,
        outputs,
    )
    with Catalogue(outputs) as catalogue:
        (source,) = catalogue.sources()
        assert (source.width_px, source.label) == (64, "")
        assert catalogue.source_display_path(source.sha256).is_file()


@pytest.mark.parametrize("step", ["replace_rows", "update_variation"])
def test_a_crash_while_rebuilding_leaves_the_old_index(outputs: Path, step: str) -> None:
    with Catalogue(outputs) as catalogue:
        fill(catalogue)
        before = everything(catalogue)
    crash(
        f"""
        from studio.catalogue import recovery
        kept = Catalogue(outputs)
        recovery.{step} = lambda *_: os._exit(9)
        kept.rebuild()
        """,
        outputs,
    )
    with Catalogue(outputs) as catalogue:
        assert everything(catalogue) == before
        assert catalogue.opening.adopted == 0


def test_a_rebuild_that_fails_half_way_leaves_the_old_index(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(catalogue)
    before = everything(catalogue)

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(recovery, "update_variation", fail)  # called after the old rows are taken out
    with pytest.raises(KeyboardInterrupt):
        catalogue.rebuild()
    assert everything(catalogue) == before
    assert not leftovers(catalogue.outputs)


# Rebuilding


def test_a_rebuilt_index_says_the_same(catalogue: Catalogue) -> None:
    fill(catalogue)
    before = everything(catalogue)
    heard: list[tuple[int, int]] = []
    report = catalogue.rebuild(lambda done, total: heard.append((done, total)))
    assert report == RebuildReport(variations=3, binned=2, sources=3)
    assert everything(catalogue) == before
    assert heard[-1] == (8, 8)
    assert not leftovers(catalogue.outputs)


def test_an_index_that_is_gone_is_made_again_at_the_start(outputs: Path) -> None:
    with Catalogue(outputs) as catalogue:
        fill(catalogue)
        before = everything(catalogue)
    drop_index(outputs)
    with Catalogue(outputs) as catalogue:
        assert catalogue.opening == RebuildReport(variations=3, binned=2, sources=3, adopted=5)
        assert everything(catalogue) == before


def test_files_alone_are_enough_on_another_machine(outputs: Path, tmp_path: Path) -> None:
    with Catalogue(outputs) as catalogue:
        fill(catalogue)
        before = everything(catalogue)
    for name in ("variations", "bin", "sources"):
        shutil.copytree(outputs / name, tmp_path / "copy" / name)
    with Catalogue(tmp_path / "copy") as catalogue:
        assert everything(catalogue) == before
        assert catalogue.thumbnail_path(before[0][0].id).is_file()


def test_what_a_rebuild_corrects(catalogue: Catalogue) -> None:
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


def test_a_rebuild_loses_nothing_that_happens_meanwhile(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "_BATCH", 1)
    ids = sorted(fill(catalogue))
    added: list[str] = []

    def meddle(done: int, total: int) -> None:
        if done == 1:  # the first is read into the new index, the others are not
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


def test_foreign_and_broken_files_are_named_and_left_alone(outputs: Path) -> None:
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


def test_a_row_without_its_file_is_hidden_and_comes_back_with_it(outputs: Path, tmp_path: Path) -> None:
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
        assert catalogue.choices().models[0].count == 1
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


def test_a_picture_moved_by_hand_is_followed(outputs: Path) -> None:
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


def test_a_move_that_another_program_has_begun_is_finished(catalogue: Catalogue) -> None:
    one = save(catalogue).id
    path = catalogue.variation_path(one)
    target = catalogue.outputs / "bin" / path.parent.name / path.name
    target.parent.mkdir(parents=True)
    path.rename(target)
    catalogue.delete([one])
    assert catalogue.variation_path(one) == target
    assert catalogue.variation(one).deleted_at is not None


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"favourite": "yes"}', "\udcff"])
def test_a_damaged_sidecar_costs_only_the_mark(outputs: Path, text: str) -> None:
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


def test_marks_of_a_later_studio_are_kept(catalogue: Catalogue) -> None:
    one = save(catalogue).id
    sidecar = catalogue.variation_path(one).with_suffix(".json")
    sidecar.write_text('{"format": 2, "favourite": false, "rating": 4}')
    catalogue.set_favourite(one, True)
    catalogue.delete([one])
    catalogue.restore([one])
    catalogue.set_favourite(one, False)
    assert '"rating": 4' in sidecar.read_text()


def test_a_source_without_its_sidecar_is_looked_at_again(outputs: Path) -> None:
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


# Trouble with the disk


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EDQUOT, "disk is full"),
        (errno.EACCES, "may not write"),
        (errno.EROFS, "may not write"),
        (errno.ENOTDIR, "file stands in its way"),
        (errno.EIO, "could not be read or written"),
    ],
)
def test_an_error_of_the_disk_becomes_a_sentence(number: int, words: str) -> None:
    said = str(storage_error(Path("outputs/x.png"), OSError(number, os.strerror(number))))
    assert words in said
    assert "Errno" not in said


@contextlib.contextmanager
def room_for(size_bytes: int) -> Iterator[None]:
    """Let no file grow beyond a size: the one way to a real failing write that needs no rights and no small disk."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_one_sentence_and_leaves_no_half_file(catalogue: Catalogue) -> None:
    first = save(catalogue).id
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8))
    record = make_record(width_px=300, height_px=300)
    with room_for(100_000):
        with pytest.raises(StorageError, match="disk is full"):
            catalogue.save_variation(noise, record)
        with pytest.raises(StorageError, match="disk is full"):
            catalogue.add_source(encode_picture(noise))
        assert [one.id for one in everything(catalogue)[0]] == [first]
        assert not leftovers(catalogue.outputs)
    catalogue.save_variation(noise, record)
    assert catalogue.find(GalleryQuery()).total == 2


def test_a_disk_too_full_for_a_mark_leaves_everything_as_it_was(catalogue: Catalogue) -> None:
    one = save(catalogue).id
    with room_for(10):
        for act in (lambda: catalogue.set_favourite(one, True), lambda: catalogue.delete([one]), catalogue.rebuild):
            with pytest.raises(StorageError):
                act()
        assert everything(catalogue)[0] == (catalogue.variation(one),)
        assert not catalogue.variation(one).favourite
    catalogue.delete([one])
    assert catalogue.variation(one).deleted_at is not None


def test_a_picture_whose_row_cannot_be_written_is_safe(outputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
    with Catalogue(outputs) as catalogue:
        other = sqlite3.connect(outputs / "catalogue.sqlite", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        record = make_record()
        with pytest.raises(StorageError, match=r"Another program .* safe in"):
            catalogue.save_variation(make_picture(), record)
        assert catalogue.find(GalleryQuery()).total == 0  # reading goes on
        other.execute("ROLLBACK")
        other.close()
        save(catalogue)
        assert catalogue.find(GalleryQuery()).total == 2
        catalogue.save_variation(make_picture(), record)  # whoever tries again does no harm
        assert catalogue.find(GalleryQuery()).total == 2


def test_a_disk_that_is_full_at_the_start_still_shows_what_is_there(outputs: Path) -> None:
    with Catalogue(outputs) as catalogue:
        for seed in range(30):
            save(catalogue, seed=seed)
    with contextlib.closing(sqlite3.connect(outputs / "catalogue.sqlite")) as connection:
        connection.execute("DELETE FROM variations WHERE id NOT IN (SELECT id FROM variations LIMIT 1)")
        connection.commit()
    with room_for(40_000), Catalogue(outputs) as catalogue:  # enough to read, not for 29 rows
        assert "disk is full" in catalogue.opening.skipped[0]
        assert catalogue.find(GalleryQuery()).total == 1
    with Catalogue(outputs) as catalogue:
        assert catalogue.opening == RebuildReport(variations=30, adopted=29)


def test_a_slow_reader_holds_nobody_up(outputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_outputs_that_cannot_be_a_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for outputs in (tmp_path / "file", tmp_path / "file" / "outputs"):
        with pytest.raises(StorageError, match="file stands in its way"):
            Catalogue(outputs)


def test_a_file_in_the_way_of_the_pictures_is_told(outputs: Path) -> None:
    with Catalogue(outputs) as catalogue:
        (outputs / "variations").write_text("x")
        with pytest.raises(StorageError, match="file stands in its way"):
            save(catalogue)


# The index itself


def test_an_index_of_a_later_studio_is_left_alone(outputs: Path) -> None:
    Catalogue(outputs).close()
    with contextlib.closing(sqlite3.connect(outputs / "catalogue.sqlite")) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StorageError, match="later version of the studio"):
        Catalogue(outputs)
    with contextlib.closing(sqlite3.connect(outputs / "catalogue.sqlite")) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (99,)


def test_an_older_index_is_brought_forward(outputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Catalogue(outputs) as catalogue:
        fill(catalogue)
        before = everything(catalogue)
    step = "ALTER TABLE variations ADD COLUMN rating INTEGER; CREATE INDEX by_rating ON variations (rating);"
    monkeypatch.setattr(database, "MIGRATIONS", (*database.MIGRATIONS, step))
    with Catalogue(outputs) as catalogue:
        assert everything(catalogue) == before
        save(catalogue)
        catalogue.rebuild()
    with contextlib.closing(sqlite3.connect(outputs / "catalogue.sqlite")) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (len(database.MIGRATIONS),)
        assert connection.execute("SELECT count(*) FROM variations WHERE rating IS NULL").fetchone() == (6,)


def test_a_step_that_fails_changes_nothing(outputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
def test_a_damaged_index_is_set_aside_and_made_again(outputs: Path, damage: str) -> None:
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


def test_damage_while_the_studio_runs_is_mended_by_a_rebuild(catalogue: Catalogue, outputs: Path) -> None:
    fill(catalogue)
    before = everything(catalogue)
    catalogue.close()
    index = outputs / "catalogue.sqlite"
    index.write_bytes(index.read_bytes()[:4096] + b"\xff" * 40_000)
    with pytest.raises(StorageError, match="catalogue rebuild"):
        catalogue.find(GalleryQuery())
    assert catalogue.rebuild().variations == 3
    assert everything(catalogue) == before


# Crowds


def test_many_read_while_one_writes(catalogue: Catalogue) -> None:
    errors: list[BaseException] = []
    done = threading.Event()

    def read() -> None:
        seen = 0
        try:
            while not done.is_set():
                page = catalogue.find(GalleryQuery(page_size=50))
                assert page.total == len(page.variations) >= seen  # one moment, and never back
                seen = page.total
                for variation in page.variations[:2]:
                    Image.open(catalogue.variation_path(variation.id)).load()
                    Image.open(catalogue.thumbnail_path(variation.id)).load()
        except BaseException as error:  # noqa: BLE001 - told to the test, whatever it is
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


def test_many_curate_at_once(catalogue: Catalogue) -> None:
    ids = [save(catalogue, seed=seed).id for seed in range(6)]
    errors: list[BaseException] = []

    def curate(number: int) -> None:
        try:
            for _ in range(4):
                catalogue.delete(ids)
                catalogue.set_favourite(ids[number], True)
                catalogue.restore(ids)
        except BaseException as error:  # noqa: BLE001 - told to the test, whatever it is
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


def test_two_programs_share_a_folder(outputs: Path) -> None:
    code = """
        kept = Catalogue(outputs)
        for seed in range(10):
            kept.set_favourite(save(kept, seed=seed).id, True)
        kept.rebuild()
    """
    programs = [start_python(code, outputs) for _ in range(2)]  # both find no index and make one
    for program in programs:
        _, said = program.communicate(timeout=120)
        assert program.returncode == 0, said
    with Catalogue(outputs) as catalogue:
        assert catalogue.opening == RebuildReport(variations=20)
        assert catalogue.find(GalleryQuery(favourites_only=True)).total == 20


def test_a_running_studio_sees_what_the_command_line_makes(catalogue: Catalogue, outputs: Path) -> None:
    program = start_python('save(Catalogue(outputs), prompt="by the other")', outputs)
    _, said = program.communicate(timeout=60)
    assert program.returncode == 0, said
    (variation,) = everything(catalogue)[0]
    assert variation.record.prompt == "by the other"
    assert catalogue.variation_path(variation.id).is_file()


def test_a_closed_catalogue_can_be_used_again(catalogue: Catalogue) -> None:
    one = save(catalogue).id
    catalogue.close()
    assert catalogue.variation(one).id == one
