"""Opening a catalogue: files are read once, in the background if they are many; what crashes left behind is removed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from studio.catalogue import Catalogue, GalleryQuery, RebuildReport, opening
from studio.catalogue.files.metadata import read_record
from studio.catalogue.index import survey
from studio.schema import VariationRecord
from tests.support.catalogue_programs import start_python
from tests.support.catalogue_records import everything, files, fill, make_picture, make_record, save, shown
from tests.support.pictures import draw_picture, encode_picture


def lose_index(outputs: Path) -> None:
    for path in outputs.glob("catalogue.sqlite*"):
        path.unlink()


class Gate:
    """Reads records as the studio does and counts them; after the first `free` it waits until it is opened."""

    def __init__(self, free: int) -> None:
        self.free = free
        self.read: list[str] = []
        self.open = threading.Event()

    def __call__(self, path: Path, note: Callable[[str], None]) -> VariationRecord:
        if len(self.read) >= self.free:
            self.open.wait(30)
        self.read.append(path.stem)
        return read_record(path, note)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    """Make three files many, and let three be read."""
    monkeypatch.setattr(opening, "BATCH", 3)
    monkeypatch.setattr(survey, "BATCH", 3)
    gate = Gate(3)
    monkeypatch.setattr(survey, "read_record", gate)
    return gate


def test_many_files_are_read_in_the_background_the_newest_first(outputs: Path, gate: Gate) -> None:
    with Catalogue(outputs) as catalogue:
        ids = [save(catalogue).id for _ in range(8)]
    lose_index(outputs)
    with Catalogue(outputs) as catalogue:
        wait_for(lambda: catalogue.reading == (3, 8))
        assert shown(catalogue) == ids[:4:-1]
        one = save(catalogue, prompt="meanwhile")  # all else works
        catalogue.set_favourite(ids[7], True)
        catalogue.delete([ids[6]])
        gate.open.set()
        report = catalogue.wait_until_read()
        assert catalogue.reading is None
        assert report == catalogue.opening == RebuildReport(variations=8, binned=1, adopted=8)
        assert shown(catalogue) == [one.id, ids[7], *ids[5::-1]]
        assert catalogue.variation(ids[7]).favourite
        assert sorted(gate.read) == sorted(ids)  # each once


def test_reading_that_was_stopped_goes_on_at_the_next_start(outputs: Path, gate: Gate) -> None:
    with Catalogue(outputs) as catalogue:
        ids = [save(catalogue).id for _ in range(8)]
    lose_index(outputs)
    catalogue = Catalogue(outputs)
    wait_for(lambda: catalogue.reading == (3, 8))
    threading.Timer(0.05, gate.open.set).start()
    catalogue.close()
    assert len(gate.read) == 6  # the batch that was being read
    with Catalogue(outputs) as catalogue:
        catalogue.wait_until_read()
        assert shown(catalogue) == ids[::-1]
        assert len(gate.read) == 8


def test_a_rebuild_of_a_lost_index_reads_no_more_than_one_batch_twice(outputs: Path, gate: Gate) -> None:
    with Catalogue(outputs) as catalogue:
        ids = [save(catalogue).id for _ in range(12)]
    lose_index(outputs)
    gate.open.set()
    with Catalogue(outputs) as catalogue:
        assert catalogue.rebuild().variations == 12
        assert shown(catalogue) == ids[::-1]


def test_a_design_uploaded_again_before_its_file_was_read_keeps_its_name(outputs: Path, gate: Gate) -> None:
    data = encode_picture(draw_picture(64, 48))
    with Catalogue(outputs) as catalogue:
        added = catalogue.add_source(data, label="Diamonds")
        for _ in range(8):
            save(catalogue)
    lose_index(outputs)
    gate.open.set()
    with Catalogue(outputs) as catalogue:
        assert catalogue.add_source(data, label="Again") == added
        catalogue.wait_until_read()
        assert catalogue.sources() == (added,)


def test_an_index_lost_while_files_are_read_is_made_once_more(outputs: Path, gate: Gate) -> None:
    with Catalogue(outputs) as catalogue:
        ids = [save(catalogue).id for _ in range(8)]
    lose_index(outputs)
    with Catalogue(outputs) as catalogue:
        wait_for(lambda: catalogue.reading == (3, 8))
        lose_index(outputs)
        gate.open.set()
        wait_for(lambda: shown(catalogue) == ids[::-1])
        catalogue.wait_until_read()
        assert shown(catalogue) == ids[::-1]


def test_a_models_picture_whose_woven_one_was_never_written_is_removed_at_the_start(outputs: Path) -> None:
    code = """
        from studio.catalogue import catalogue
        kept, written = Catalogue(outputs), []
        def write_once(*file, write=catalogue.write_atomically):
            if written:
                os._exit(9)
            written.append(file)
            write(*file)
        catalogue.write_atomically = write_once
        kept.save_variation(make_picture(1), make_record(), make_picture(2))
    """
    assert start_python(code, outputs).wait(60) == 9
    assert len(list(outputs.glob("untouched/*/*.webp"))) == 1
    with Catalogue(outputs) as catalogue:
        assert files(outputs) == set()
        assert catalogue.opening == RebuildReport()


def test_files_without_a_picture_are_removed_at_the_start(outputs: Path) -> None:
    with Catalogue(outputs) as catalogue:
        ids = fill(catalogue)
        catalogue.save_variation(make_picture(1), make_record(), make_picture(2))
        source = catalogue.sources()[0]
        for one in ids:
            catalogue.thumbnail_path(one)
        catalogue.source_thumbnail_path(source.sha256)
    before = files(outputs)
    stranger, other = ids[0][:-6] + "000000", "ab" * 32
    day = f"{stranger[:4]}-{stranger[4:6]}-{stranger[6:8]}"
    orphans = [
        f"untouched/{day}/{stranger}.webp",
        f"untouched/{day}/{stranger}.png",
        "untouched/1999-01-01/19990101-000000-000-000000.png",
        f"thumbnails/{day}/{stranger}.webp",
        f"bin/{day}/{stranger}.json",
        f"sources/ab/{other}.json",
        f"thumbnails/sources/ab/{other}.webp",
        f"display/ab/{other}.png",
    ]
    mine = [f"untouched/{day}/my notes.txt", "untouched/mine.png", f"bin/{day}/list.json"]
    for name in orphans + mine:
        (outputs / name).parent.mkdir(parents=True, exist_ok=True)
        (outputs / name).write_bytes(b"{}")
    with Catalogue(outputs) as catalogue:
        assert files(outputs) == before | set(mine)
        assert not (outputs / "untouched" / "1999-01-01").exists()
        assert len(everything(catalogue)[0]) == 4


def test_the_models_picture_of_a_picture_moved_away_by_hand_is_kept(outputs: Path, tmp_path: Path) -> None:
    with Catalogue(outputs) as catalogue:
        one = catalogue.save_variation(make_picture(1), make_record(), make_picture(2)).id
        untouched = catalogue.untouched_path(one)
    (outputs / "variations").rename(tmp_path / "away")
    for _ in range(2):
        with Catalogue(outputs):
            assert untouched.is_file()
    lose_index(outputs)
    with Catalogue(outputs) as catalogue:
        assert untouched.is_file()
    (tmp_path / "away").rename(outputs / "variations")
    with Catalogue(outputs) as catalogue:
        assert catalogue.untouched_path(one) == untouched
        assert catalogue.find(GalleryQuery()).total == 1
