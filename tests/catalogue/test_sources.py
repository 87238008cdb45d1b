"""Sources: stored once with the designer's own bytes, shown in the browser as the model gets them."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from studio.catalogue import Catalogue
from studio.designs import open_design
from studio.errors import DesignError, NotFoundError
from tests.support.catalogue_records import UNKNOWN, files, picture_bytes, save
from tests.support.pictures import draw_picture, encode_picture


def rotated() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return picture_bytes(form="JPEG", exif=exif)


def transparent() -> bytes:
    picture = draw_picture(64, 48).convert("RGB")
    picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    return encode_picture(picture)


def sixteen_bits() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.arange(64 * 48, dtype=np.uint16).reshape(48, 64) * 20).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_source_is_stored_once_with_the_designers_own_bytes(catalogue: Catalogue) -> None:
    data = encode_picture(draw_picture(64, 48))
    source = catalogue.add_source(data, label="first.png")
    assert catalogue.add_source(data, label="second.png") == source
    assert catalogue.sources() == (source,)
    assert (source.label, source.format, source.mode, source.width_px, source.height_px) == (
        "first.png",
        "PNG",
        "P",
        64,
        48,
    )
    path = catalogue.source_path(source.sha256)
    assert path.read_bytes() == data
    assert path.relative_to(catalogue.outputs).as_posix() == f"sources/{source.sha256[:2]}/{source.sha256}.png"
    assert catalogue.source_display_path(source.sha256) == path
    assert Image.open(catalogue.source_thumbnail_path(source.sha256)).size == (64, 48)


def test_the_next_upload_replaces_a_lost_source_file(catalogue: Catalogue) -> None:
    data = encode_picture(draw_picture(64, 48))
    source = catalogue.add_source(data, label="first.png")
    catalogue.source_path(source.sha256).unlink()
    with pytest.raises(NotFoundError):
        catalogue.source_path(source.sha256)
    assert catalogue.add_source(data, label="second.png") == source
    assert catalogue.source_path(source.sha256).read_bytes() == data


@pytest.mark.parametrize(
    "make",
    [
        lambda: picture_bytes("CMYK", "TIFF"),
        lambda: picture_bytes("CMYK", "JPEG"),
        lambda: picture_bytes("RGB", "TIFF"),
        transparent,
        rotated,
        sixteen_bits,
    ],
    ids=["CMYK TIFF", "CMYK JPEG", "TIFF", "transparent", "rotated", "16 bit"],
)
def test_a_browser_is_shown_what_the_model_gets(catalogue: Catalogue, make: Callable[[], bytes]) -> None:
    data = make()
    source = catalogue.add_source(data)
    assert catalogue.source_path(source.sha256).read_bytes() == data
    expected = np.asarray(open_design(data).image)
    for _ in range(2):
        shown_path = catalogue.source_display_path(source.sha256)
        assert source.notes or source.format == "TIFF"
        assert shown_path != catalogue.source_path(source.sha256)
        display = Image.open(shown_path)
        assert display.format in ("PNG", "JPEG", "WEBP", "GIF", "BMP")
        assert np.array_equal(np.asarray(display.convert("RGB")), expected)
        shown_path.unlink()  # the next call makes it again
    assert Image.open(catalogue.source_thumbnail_path(source.sha256)).size == (source.width_px, source.height_px)


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"<svg/>", encode_picture(draw_picture(64, 48))[:-200]])
def test_an_unusable_file_is_not_stored(catalogue: Catalogue, data: bytes) -> None:
    with pytest.raises(DesignError):
        catalogue.add_source(data, label="x.png")
    assert files(catalogue.outputs) == set()
    assert catalogue.sources() == ()


def test_a_label_never_becomes_a_path(catalogue: Catalogue) -> None:
    label = "../../etc/\0pass\nwd \udcff" + "x" * 1000
    source = catalogue.add_source(encode_picture(draw_picture(64, 48)), label=label)
    assert source.label.startswith("../../etc/pass wd ?x")
    assert len(source.label) == 200
    assert all(name.startswith("sources/") for name in files(catalogue.outputs))
    assert catalogue.source(source.sha256) == source


def test_a_source_has_the_variation_it_was_taken_from_as_parent(catalogue: Catalogue) -> None:
    one = save(catalogue)
    data = catalogue.variation_path(one.id).read_bytes()
    with pytest.raises(NotFoundError):
        catalogue.add_source(data, parent=UNKNOWN)
    assert catalogue.add_source(data, parent=one.id).parent == one.id


def test_the_newest_sources_come_first(catalogue: Catalogue) -> None:
    added = [catalogue.add_source(encode_picture(draw_picture(64, 48, seed))) for seed in range(4)]
    newest = catalogue.sources(limit=3)
    assert sorted(newest, key=lambda source: source.added_at) == sorted(added[1:], key=lambda source: source.added_at)


def test_a_file_added_by_many_threads_is_one_source(catalogue: Catalogue) -> None:
    data = encode_picture(draw_picture(64, 48))
    added: list[object] = []

    def add(number: int) -> None:
        added.append(catalogue.add_source(data, label=f"{number}.png"))

    threads = [threading.Thread(target=add, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(added) == 6
    assert set(added) == {catalogue.sources()[0]}
    catalogue.rebuild()
    assert set(added) == {catalogue.sources()[0]}  # the sidecar equals the row
