"""Variations: read back with every parameter, never overwritten, with a thumbnail, grouped in runs."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from studio.catalogue import Catalogue, Variation
from studio.errors import StorageError
from tests.support.catalogue_records import KILIM, UNKNOWN, files, ids, make_picture, make_record, save
from tests.support.pictures import draw_picture


def test_a_variation_is_read_back_with_every_parameter(catalogue: Catalogue, tmp_path: Path) -> None:
    record = make_record(
        negative_prompt="blurry", seed=2**32 - 1, parent=UNKNOWN, notes=("The prompt was cut.",), **KILIM
    )
    picture = make_picture(3)
    assert catalogue.save_variation(picture, record) == Variation(record)
    with Catalogue(tmp_path / "outputs") as later:
        assert later.variation(record.id) == Variation(record)
        kept = Image.open(later.variation_path(record.id))
        assert np.array_equal(np.asarray(kept), np.asarray(picture))
    day = f"{record.id[:4]}-{record.id[4:6]}-{record.id[6:8]}"
    assert files(catalogue.outputs) == {f"variations/{day}/{record.id}.png", f"thumbnails/{day}/{record.id}.webp"}


def test_a_missing_thumbnail_is_made_again(catalogue: Catalogue) -> None:
    record = make_record(width_px=1200, height_px=900)
    catalogue.save_variation(draw_picture(1200, 900), record)  # indexed, as designs are
    path = catalogue.thumbnail_path(record.id)
    before = path.read_bytes()
    assert Image.open(path).size == (480, 360)
    path.unlink()
    assert catalogue.thumbnail_path(record.id).read_bytes() == before
    catalogue.variation_path(record.id).write_bytes(b"broken")
    path.unlink()
    with pytest.raises(StorageError, match="damaged"):
        catalogue.thumbnail_path(record.id)


def test_saving_again_never_overwrites(catalogue: Catalogue) -> None:
    record = make_record()
    catalogue.save_variation(make_picture(1), record)
    catalogue.set_favourite(record.id, True)
    catalogue.save_variation(make_picture(1), record)
    assert catalogue.variation(record.id).favourite
    with pytest.raises(StorageError, match="another picture"):
        catalogue.save_variation(make_picture(2), dataclasses.replace(record, seed=9))
    assert catalogue.variation(record.id).record == record


def test_a_run_is_ordered_by_slot(catalogue: Catalogue) -> None:
    saved = {slot: save(catalogue, slot=slot, run="run-a") for slot in (3, 0, 4, 1, 2)}
    save(catalogue, run="run-b")
    catalogue.delete([saved[4].id])
    assert ids(catalogue.run("run-a")) == [saved[slot].id for slot in (0, 1, 2, 3)]
    assert catalogue.run("run-c") == ()
