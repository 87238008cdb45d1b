"""Favourites and the bin: marks are stored, a deletion can be undone, an emptied bin leaves no file."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.catalogue import Catalogue, GalleryQuery, Variation
from studio.errors import NotFoundError
from tests.support.catalogue_records import UNKNOWN, files, save, shown


def test_a_favourite_mark_is_stored_and_can_be_cleared(catalogue: Catalogue, tmp_path: Path) -> None:
    one = save(catalogue).id
    catalogue.set_favourite(one, True)
    with Catalogue(tmp_path / "outputs") as later:
        assert later.variation(one).favourite
        later.set_favourite(one, False)
    assert not catalogue.variation(one).favourite
    assert not [name for name in files(catalogue.outputs) if name.endswith(".json")]


def test_marks_and_moves_leave_the_png_unchanged(catalogue: Catalogue) -> None:
    one = save(catalogue).id
    before = catalogue.variation_path(one).read_bytes()
    catalogue.set_favourite(one, True)
    catalogue.delete([one])
    assert catalogue.variation_path(one).read_bytes() == before
    catalogue.restore([one])
    assert catalogue.variation_path(one).read_bytes() == before


def test_a_deletion_can_be_undone(catalogue: Catalogue) -> None:
    one, other = (save(catalogue, run="run-1") for _ in range(2))
    catalogue.set_favourite(one.id, True)
    before = files(catalogue.outputs)
    catalogue.delete([one.id])
    assert shown(catalogue) == [other.id]
    assert shown(catalogue, deleted=True) == [one.id]
    binned = catalogue.variation(one.id)
    assert binned.favourite
    assert binned.deleted_at is not None
    assert "bin" in catalogue.variation_path(one.id).parts
    assert catalogue.thumbnail_path(one.id).is_file()
    catalogue.restore([one.id])
    assert catalogue.variation(one.id) == Variation(one.record, favourite=True)
    assert shown(catalogue) == [other.id, one.id]
    assert files(catalogue.outputs) == before


def test_a_mark_made_in_the_bin_is_kept_on_restoring(catalogue: Catalogue) -> None:
    one = save(catalogue).id
    catalogue.delete([one])
    catalogue.set_favourite(one, True)
    assert catalogue.variation(one).deleted_at is not None
    catalogue.restore([one])
    assert shown(catalogue, favourites_only=True) == [one]


def test_deleting_twice_or_restoring_twice_changes_nothing(catalogue: Catalogue) -> None:
    one = save(catalogue).id
    catalogue.restore([one])
    catalogue.delete([one, one])
    first = catalogue.variation(one)
    catalogue.delete([one])
    assert catalogue.variation(one) == first
    catalogue.restore(one)  # a string counts as one id
    assert shown(catalogue) == [one]


def test_nothing_is_deleted_if_one_id_is_unknown(catalogue: Catalogue) -> None:
    one = save(catalogue).id
    for wrong in (UNKNOWN, "../x"):
        with pytest.raises(NotFoundError):
            catalogue.delete([one, wrong])
    assert shown(catalogue) == [one]


def test_an_emptied_bin_leaves_no_file(catalogue: Catalogue) -> None:
    kept, gone, favourite = (save(catalogue).id for _ in range(3))
    catalogue.set_favourite(favourite, True)
    catalogue.delete([gone, favourite])
    assert catalogue.empty_bin() == 2
    assert catalogue.empty_bin() == 0
    assert shown(catalogue) == [kept]
    assert shown(catalogue, deleted=True) == []
    assert {Path(name).stem for name in files(catalogue.outputs)} == {kept}
    with pytest.raises(NotFoundError):
        catalogue.restore([gone])


def test_marks_of_a_later_version_are_kept(catalogue: Catalogue) -> None:
    one = save(catalogue).id
    sidecar = catalogue.variation_path(one).with_suffix(".json")
    sidecar.write_text('{"format": 2, "favourite": false, "rating": 4}')
    catalogue.set_favourite(one, True)
    catalogue.delete([one])
    catalogue.restore([one])
    catalogue.set_favourite(one, False)
    assert '"rating": 4' in sidecar.read_text()


def test_only_what_is_named_is_removed_from_the_bin(catalogue: Catalogue) -> None:
    ids = [save(catalogue).id for _ in range(5)]
    catalogue.delete(ids[:4])
    asked = catalogue.ids(GalleryQuery(deleted=True))
    assert asked == tuple(ids[3::-1])
    catalogue.restore(ids[:1])
    catalogue.delete(ids[4:])  # after the question was asked
    assert catalogue.empty_bin(asked) == 3
    assert [shown(catalogue, deleted=deleted) for deleted in (False, True)] == [ids[:1], ids[4:]]
    assert catalogue.empty_bin([ids[0], UNKNOWN, "../x"]) == 0
    assert catalogue.empty_bin([]) == 0


def test_moving_tells_what_was_moved(catalogue: Catalogue) -> None:
    ids = [save(catalogue).id for _ in range(3)]
    assert catalogue.delete(ids[:1]) == (ids[0],)
    assert catalogue.delete(ids) == tuple(ids[1:])
    assert catalogue.restore(ids[:2]) == tuple(ids[:2])
    assert catalogue.restore(ids) == (ids[2],)
