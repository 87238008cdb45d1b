"""The disk: its use is measured, and a full disk or a file in the way loses no picture."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from studio.catalogue import Catalogue, GalleryQuery, RebuildReport
from studio.catalogue.files.paths import storage_error
from studio.errors import NotFoundError, StorageError
from tests.support.catalogue_records import everything, leftovers, make_picture, make_record, picture_bytes, save
from tests.support.pictures import encode_picture


def test_storage_counts_the_files_on_disk(catalogue: Catalogue) -> None:
    kept, binned = save(catalogue).id, save(catalogue).id
    catalogue.delete([binned])
    catalogue.add_source(picture_bytes("CMYK", "TIFF"))
    use = catalogue.storage()
    assert (use.variations, use.binned, use.sources) == (1, 1, 1)
    assert use.variations_bytes == catalogue.variation_path(kept).stat().st_size
    assert use.binned_bytes >= catalogue.variation_path(binned).stat().st_size
    on_disk = sum(path.stat().st_size for path in catalogue.outputs.rglob("*") if path.is_file())
    assert use.total_bytes == on_disk
    assert use.free_bytes > 0


def test_storage_counts_the_models_pictures_and_all_other_files(catalogue: Catalogue, outputs: Path) -> None:
    woven = catalogue.save_variation(make_picture(1), make_record(), make_picture(2)).id
    (outputs / "settings.json").write_bytes(b"x" * 1000)
    (outputs / "elsewhere").mkdir()
    (outputs / "elsewhere" / "scan.tif").write_bytes(b"x" * 500)
    use = catalogue.storage()
    assert (use.untouched, use.untouched_bytes) == (1, catalogue.untouched_path(woven).stat().st_size)
    assert use.other_bytes == 1500
    assert use.total_bytes == sum(path.stat().st_size for path in outputs.rglob("*") if path.is_file())


def test_storage_is_measured_again_where_files_changed(catalogue: Catalogue, outputs: Path) -> None:
    ids = [save(catalogue).id for _ in range(3)]
    for folder in [outputs, *(path for path in outputs.rglob("*") if path.is_dir())]:
        os.utime(folder, (1e9, 1e9))  # long ago, so that what was measured is kept
    assert [catalogue.storage().variations for _ in range(2)] == [3, 3]
    catalogue.delete(ids[:1])
    save(catalogue)
    catalogue.empty_bin()
    use = catalogue.storage()
    assert (use.variations, use.binned) == (3, 0)
    assert use.total_bytes == sum(path.stat().st_size for path in outputs.rglob("*") if path.is_file())


def test_folders_that_did_not_change_are_not_read_again(catalogue: Catalogue, outputs: Path) -> None:
    path = catalogue.variation_path(save(catalogue).id)
    os.utime(path.parent, (1e9, 1e9))
    before = catalogue.storage().variations_bytes
    path.write_bytes(path.read_bytes() + b"more")  # in place, as the studio never writes
    assert catalogue.storage().variations_bytes == before


def test_the_models_picture_is_kept_as_small_as_it_was_drawn_and_lossless(catalogue: Catalogue) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 32, 3), dtype=np.uint8))
    one = catalogue.save_variation(make_picture(), make_record(), noise).id
    path = catalogue.untouched_path(one)
    assert path.suffix == ".webp"
    with Image.open(path) as untouched:
        assert np.array_equal(np.asarray(untouched), np.asarray(noise))


def test_a_models_picture_too_long_for_webp_is_kept_as_png(catalogue: Catalogue) -> None:
    one = catalogue.save_variation(make_picture(), make_record(), Image.new("RGB", (16_384, 1), "red")).id
    with Image.open(catalogue.untouched_path(one)) as untouched:
        assert (untouched.format, untouched.size) == ("PNG", (16_384, 1))


def test_only_the_models_pictures_that_were_named_are_removed(catalogue: Catalogue, outputs: Path) -> None:
    ids = [catalogue.save_variation(make_picture(1), make_record(), make_picture(2)).id for _ in range(3)]
    plain = save(catalogue).id
    assert catalogue.untouched_ids() == tuple(ids[::-1])
    later = catalogue.save_variation(make_picture(1), make_record(), make_picture(2)).id
    assert catalogue.remove_untouched([*ids, plain]) == 3
    assert catalogue.untouched_ids() == (later,)
    with pytest.raises(NotFoundError):
        catalogue.untouched_path(ids[0])
    with pytest.raises(NotFoundError):
        catalogue.remove_untouched(["../../settings"])
    assert len(everything(catalogue)[0]) == 5


def save_of_an_earlier_version(catalogue: Catalogue, number: int) -> tuple[str, Path, bytes]:
    """Save a variation with the model's picture as a PNG; return its id, and that file's path and content."""
    one = catalogue.save_variation(make_picture(1), make_record(), make_picture(2)).id
    path = catalogue.untouched_path(one)
    path.unlink()
    png = path.with_suffix(".png")
    noise = np.random.default_rng(number).normal(128, 9, (80, 64, 3)).astype(np.uint8)
    png.write_bytes(encode_picture(Image.fromarray(noise), compress_level=1))
    return one, png, png.read_bytes()


def test_the_models_pictures_of_earlier_versions_are_made_smaller_to_the_pixel(catalogue: Catalogue) -> None:
    one, png, before = save_of_an_earlier_version(catalogue, 1)
    _, damaged, _ = save_of_an_earlier_version(catalogue, 2)
    damaged.write_bytes(b"no picture")
    assert (catalogue.storage().untouched, catalogue.storage().untouched_png) == (2, 2)
    mine = png.with_name("mine.png")
    mine.write_bytes(before)
    seen = []
    freed = catalogue.shrink_untouched(lambda done, total: seen.append((done, total)))
    path = catalogue.untouched_path(one)
    assert (path.suffix, png.exists()) == (".webp", False)
    assert freed == len(before) - path.stat().st_size > 0
    with Image.open(path) as small, Image.open(io.BytesIO(before)) as own:
        assert np.array_equal(np.asarray(small), np.asarray(own))
    assert seen == [(1, 2), (2, 2)]
    assert (damaged.read_bytes(), mine.read_bytes()) == (b"no picture", before)  # left alone


def test_a_full_disk_keeps_the_larger_picture(catalogue: Catalogue) -> None:
    one, png, before = save_of_an_earlier_version(catalogue, 1)
    with room_for(1000), pytest.raises(StorageError, match="disk is full"):
        catalogue.shrink_untouched()
    assert catalogue.untouched_path(one) == png
    assert png.read_bytes() == before
    assert catalogue.shrink_untouched() > 0


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EDQUOT, "disk is full"),
        (errno.EACCES, "may not read or write"),
        (errno.EROFS, "may not read or write"),
        (errno.ENOTDIR, "file is in its place"),
        (errno.EIO, "could not be read or written"),
    ],
)
def test_an_os_error_becomes_a_message_for_the_designer(number: int, words: str) -> None:
    message = str(storage_error(Path("outputs/x.png"), OSError(number, os.strerror(number))))
    assert words in message
    assert "Errno" not in message


@contextlib.contextmanager
def room_for(size_bytes: int) -> Iterator[None]:
    """Limit the size of files, so that writes really fail without special rights or a small disk."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_reported_and_leaves_no_partial_file(catalogue: Catalogue) -> None:
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


def test_a_mark_that_cannot_be_written_changes_nothing(catalogue: Catalogue) -> None:
    one = save(catalogue).id
    with room_for(10):
        for act in (lambda: catalogue.set_favourite(one, True), lambda: catalogue.delete([one]), catalogue.rebuild):
            with pytest.raises(StorageError):
                act()
        assert everything(catalogue)[0] == (catalogue.variation(one),)
        assert not catalogue.variation(one).favourite
    catalogue.delete([one])
    assert catalogue.variation(one).deleted_at is not None


def test_the_catalogue_opens_on_a_full_disk(outputs: Path) -> None:
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


def test_an_outputs_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for outputs in (tmp_path / "file", tmp_path / "file" / "outputs"):
        with pytest.raises(StorageError, match="file is in its place"):
            Catalogue(outputs)


def test_a_file_in_place_of_a_folder_is_reported(outputs: Path) -> None:
    with Catalogue(outputs) as catalogue:
        (outputs / "variations").write_text("x")
        with pytest.raises(StorageError, match="file is in its place"):
            save(catalogue)
