"""Ids: malformed and unknown ones are not found, and none from a client becomes a path."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from studio.catalogue import Catalogue, GalleryQuery, identifiers, new_id
from studio.catalogue.files.metadata import encode_png
from studio.catalogue.identifiers import VARIATION_ID
from studio.errors import NotFoundError
from tests.support.catalogue_records import (
    SOURCE,
    UNKNOWN,
    files,
    make_picture,
    make_record,
    picture_bytes,
    save,
    shown,
)

HOSTILE = [
    "",
    "..",
    "../../etc/passwd",
    "20200101-000000-000-000000/../x",
    "20200101-000000-000-000000\n",
    "20200101-000000-000-00000G",
    "２０２００１０１-000000-000-000000",
    "%2e%2e%2f",
    "a" * 100_000,
    "x\0y",
    "' OR 1=1 --",
    "\udcff",
    None,
    7,
]
BY_ID: dict[str, Callable[[Catalogue, str], object]] = {
    "variation": Catalogue.variation,
    "variation_path": Catalogue.variation_path,
    "thumbnail_path": Catalogue.thumbnail_path,
    "set_favourite": lambda catalogue, one: catalogue.set_favourite(one, True),
    "delete": lambda catalogue, one: catalogue.delete([one]),
    "restore": lambda catalogue, one: catalogue.restore([one]),
    "source": Catalogue.source,
    "source_path": Catalogue.source_path,
    "source_display_path": Catalogue.source_display_path,
    "source_thumbnail_path": Catalogue.source_thumbnail_path,
    "query by source": lambda _, one: GalleryQuery(source=one or ""),
    "query by parent": lambda _, one: GalleryQuery(parent=one or ""),
}


@pytest.mark.parametrize("name", ["id", "run", "source", "parent"])
def test_a_record_with_a_malformed_id_is_not_saved(catalogue: Catalogue, name: str) -> None:
    with pytest.raises(NotFoundError):
        catalogue.save_variation(make_picture(), make_record(**{name: "../../x"}))
    assert files(catalogue.outputs) == set()


@pytest.mark.parametrize("name", BY_ID)
@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_a_malformed_id_is_not_found(catalogue: Catalogue, name: str, hostile: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        BY_ID[name](catalogue, hostile)
    assert len(str(caught.value)) < 200
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("name", [name for name in BY_ID if not name.startswith("query")])
def test_an_unknown_id_is_not_found(catalogue: Catalogue, name: str) -> None:
    # There is a file of that name but no row: paths come from the index, not from the client.
    stray = catalogue.outputs / "variations" / "2020-01-01" / f"{UNKNOWN}.png"
    stray.parent.mkdir(parents=True)
    make_picture().save(stray)
    with pytest.raises(NotFoundError):
        BY_ID[name](catalogue, SOURCE if "source" in name else UNKNOWN)
    assert files(catalogue.outputs) == {f"variations/2020-01-01/{UNKNOWN}.png"}


def test_a_malformed_run_id_is_not_found(catalogue: Catalogue) -> None:
    for hostile in ("", "../x", "a b", "x\n", None):
        with pytest.raises(NotFoundError):
            catalogue.run(hostile)


def test_ids_sort_by_time_and_never_repeat() -> None:
    made: list[list[str]] = [[] for _ in range(4)]

    def make(into: list[str]) -> None:
        into.extend(new_id() for _ in range(500))

    threads = [threading.Thread(target=make, args=(into,)) for into in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({one for into in made for one in into}) == 2000
    assert all(into == sorted(into) for into in made)
    assert all(VARIATION_ID.fullmatch(one) for one in made[0])


@pytest.fixture
def own_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock as after a start of the studio."""
    monkeypatch.setattr(identifiers, "_clock", identifiers._IncreasingClock())


@pytest.mark.parametrize("lost", [False, True])
def test_with_the_clock_set_back_new_pictures_and_designs_still_come_first(
    outputs: Path, own_clock: None, monkeypatch: pytest.MonkeyPatch, lost: bool
) -> None:
    with Catalogue(outputs) as catalogue:
        earlier = save(catalogue).id
        catalogue.add_source(picture_bytes(), label="earlier")
    if lost:
        (outputs / "catalogue.sqlite").unlink()
    now = time.time_ns()
    monkeypatch.setattr(identifiers.time, "time_ns", lambda: now - 30 * 86_400 * 10**9)
    monkeypatch.setattr(identifiers, "_clock", identifiers._IncreasingClock())
    with Catalogue(outputs) as catalogue:
        later = save(catalogue).id
        catalogue.add_source(picture_bytes("CMYK", "TIFF"), label="later")
        assert shown(catalogue) == [later, earlier]
        assert [source.label for source in catalogue.sources()] == ["later", "earlier"]


@pytest.mark.parametrize("one", ["99999999-999999-999-abcdef", "99991231-235959-999-abcdef"])
def test_an_id_that_no_clock_made_does_not_stop_new_ones(outputs: Path, own_clock: None, one: str) -> None:
    folder = outputs / "variations" / f"{one[:4]}-{one[4:6]}-{one[6:8]}"
    folder.mkdir(parents=True)
    (folder / f"{one}.png").write_bytes(encode_png(make_picture(), make_record(id=one)))
    with Catalogue(outputs) as catalogue:
        assert catalogue.opening.adopted == 1
        assert save(catalogue).id.startswith("20")
