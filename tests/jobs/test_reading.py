"""Files read in threads of their own: stages, time left, cancelling, answers that hold, and errors in words."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from studio.catalogue import Catalogue
from studio.designs.inspection import FINDING_STRUCTURE, FINDING_YARNS
from studio.errors import DesignError, NotFoundError, RunCancelledError, StorageError
from studio.jobs.design_reader import DesignReader
from studio.jobs.reading import Reading, ReadingThreads
from tests.support.pictures import draw_picture, encode_picture


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    with Catalogue(tmp_path / "outputs") as catalogue:
        yield catalogue


@pytest.fixture
def reader(catalogue: Catalogue) -> Iterator[DesignReader]:
    reader = DesignReader(catalogue)
    yield reader
    reader.close()


def fail(error: Exception) -> Callable[[Reading[None]], None]:
    def work(_reading: Reading[None]) -> None:
        raise error

    return work


def test_a_file_is_stored_and_then_inspected_without_being_decoded_again(
    reader: DesignReader, catalogue: Catalogue
) -> None:
    data = encode_picture(draw_picture(96, 128))
    source = reader.take_in(data, "Kilim").answer()
    assert catalogue.source(source.sha256) == source
    assert (source.label, catalogue.source_path(source.sha256).read_bytes()) == ("Kilim", data)
    inspection = reader.ask(("inspect", source.sha256), fail(AssertionError("it was asked before"))).answer()
    assert (inspection.width_px, inspection.colours) == (96, 4)
    assert reader.inspect(source.sha256).answer() is inspection
    assert reader.take_in(data, "Another name").answer() == source


def test_a_file_that_cannot_be_used_is_refused_and_not_stored(reader: DesignReader, catalogue: Catalogue) -> None:
    reading = reader.take_in(b"no picture", "Nothing")
    with pytest.raises(DesignError, match="not a picture"):
        reading.answer()
    assert catalogue.sources() == ()


def test_a_cancelled_reading_ends_within_the_decoding_and_stores_nothing(
    reader: DesignReader, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (400, 400, 3), dtype=np.uint8)
    shares: list[float] = []
    note = Reading.note_share

    def cancel_midway(self: Reading[object], share: float) -> None:
        shares.append(share)
        if share > 0.3:
            self.cancel()
        note(self, share)

    monkeypatch.setattr(Reading, "note_share", cancel_midway)
    for form in ("PNG", "JPEG"):
        shares.clear()
        data = encode_picture(Image.fromarray(noise), form)
        with pytest.raises(RunCancelledError, match="Choose it again"):
            reader.take_in(data, form).answer()
        assert 0.3 < max(shares) < 0.9, form
    assert catalogue.sources() == ()


def test_a_page_waits_no_longer_than_a_moment() -> None:
    threads, gate = ReadingThreads(), threading.Event()
    slow = threads.start(Reading(lambda _: gate.wait(30)))
    asked = time.monotonic()
    assert not slow.at_once()
    assert not slow.at_once()  # the moment is counted from the asking, once
    assert time.monotonic() - asked < 10
    assert threads.start(Reading(lambda _: 7)).answer() == 7  # a second file need not wait
    gate.set()
    assert slow.answer()
    threads.close()


def test_time_left_follows_the_share_and_the_stages_to_come() -> None:
    reading = Reading(lambda _: None)
    assert reading.progress().seconds_left is None
    reading.begin("Reading", seconds_after=5.0)
    assert reading.progress().seconds_left is None  # nothing tells how long it takes
    time.sleep(0.02)
    reading.note_share(0.5)
    left = reading.progress().seconds_left
    assert left is not None
    assert 5.02 <= left < 6  # as long again as before, and what comes after it
    reading.begin("Finding", seconds=8.0, seconds_after=3.0)
    assert 10 < (reading.progress().seconds_left or 0) <= 11
    reading.begin("Storing")
    assert (reading.progress().stage, reading.progress().seconds_left) == ("Storing", None)


def test_an_inspection_tells_its_stages_and_the_time_left(
    reader: DesignReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    begin = Reading.begin

    def watch(self: Reading[object], stage: str, *times: float | None, **named: float | None) -> None:
        begin(self, stage, *times, **named)
        seen.append((stage, self.progress().seconds_left))

    monkeypatch.setattr(Reading, "begin", watch)
    source = reader.take_in(encode_picture(draw_picture(640, 800)), "Large").answer()
    reader.inspect(source.sha256).answer()
    stages = dict(seen)
    assert list(stages) == ["Reading the picture", "Storing the picture", FINDING_YARNS, FINDING_STRUCTURE]
    assert stages[FINDING_YARNS] is not None
    assert stages[FINDING_STRUCTURE] is not None


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (DesignError("damaged"), False),
        (ZeroDivisionError("a fault"), False),
        (NotFoundError("gone"), True),
        (PermissionError(13, "Permission denied", "a file"), True),
        (StorageError("full"), True),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_the_disk_refused_is_tried_again_and_what_the_file_is_stays(
    reader: DesignReader, error: Exception, again: bool
) -> None:
    first = reader.ask("question", fail(error))
    with pytest.raises((DesignError, NotFoundError, StorageError)) as told:
        first.answer()
    assert str(told.value)
    second = reader.ask("question", lambda _: "answered")
    assert (second is not first) == again
    if again:
        assert second.answer() == "answered"


def test_an_error_that_is_kept_keeps_no_picture_in_memory(reader: DesignReader) -> None:
    class Picture:
        """Stands for the large picture in the frame that raised."""

    pictures: list[weakref.ref[Picture]] = []

    def work(_reading: Reading[None]) -> None:
        picture = Picture()
        pictures.append(weakref.ref(picture))
        raise DesignError("damaged")

    reading = reader.ask("question", work)
    for _ in range(2):
        with pytest.raises(DesignError):
            reading.answer()
    del work
    gc.collect()
    assert reading.over and pictures[0]() is None


def test_closing_ends_all_readings_and_begins_none(reader: DesignReader) -> None:
    begun = threading.Event()

    def go_on(reading: Reading[None]) -> None:
        begun.set()
        while True:
            reading.note_share(0.1)
            time.sleep(0.001)

    going = reader.ask("going", go_on)
    assert begun.wait(30)
    reader.close()
    for reading in (going, reader.ask("later", go_on)):
        with pytest.raises(RunCancelledError):
            reading.answer()
