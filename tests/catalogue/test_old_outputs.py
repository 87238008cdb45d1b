"""An outputs folder of version 0.1.0 is read completely, with its index and from its files alone.

`outputs-0.1.0.zip` was made by that version with the built-in model. It has a woven run of five variations, a variation
branched from it with guidance, an adapter and a kept rectangle, a run on a CMYK TIFF, a variation used as a source,
favourites, a favourite and another variation in the bin, and settings. `expected.json` is what that version's catalogue
returned.
"""

from __future__ import annotations

import dataclasses
import json
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from studio.catalogue import Catalogue
from studio.settings_store import SettingsStore, StudioSettings
from tests.support.catalogue_records import everything

ARCHIVE = Path(__file__).with_name("outputs-0.1.0.zip")


@pytest.fixture
def old_outputs(tmp_path: Path) -> Path:
    with zipfile.ZipFile(ARCHIVE) as archive:
        archive.extractall(tmp_path / "old")
    return tmp_path / "old"


def as_json(value: object) -> object:
    return json.loads(json.dumps(dataclasses.asdict(value), default=str))


@pytest.mark.parametrize("index", ["kept", "rebuilt", "lost"])
def test_every_variation_and_source_is_read(old_outputs: Path, index: str) -> None:
    expected = json.loads((old_outputs / "expected.json").read_text("utf-8"))
    if index == "lost":
        (old_outputs / "catalogue.sqlite").unlink()
    with Catalogue(old_outputs) as catalogue:
        assert catalogue.opening.skipped == ()
        if index == "rebuilt":
            assert catalogue.rebuild().skipped == ()
        kept, binned, sources = everything(catalogue)
        found = {
            variation.id: {"favourite": variation.favourite, "deleted": deleted, "record": as_json(variation.record)}
            for variations, deleted in ((kept, False), (binned, True))
            for variation in variations
        }
        assert found == expected["variations"]
        assert [as_json(source) for source in sources] == expected["sources"]
        assert len(found) == 8
        assert sum(one["favourite"] for one in found.values()) == 3
        for variation in (*kept, *binned):
            with Image.open(catalogue.variation_path(variation.id)) as picture:
                picture.load()
            if variation.record.weaving is not None:
                assert catalogue.untouched_path(variation.id).is_file()
            assert catalogue.thumbnail_path(variation.id).is_file()
        for source in sources:
            assert catalogue.source_display_path(source.sha256).is_file()


def test_the_settings_are_read(old_outputs: Path) -> None:
    assert SettingsStore(old_outputs / "settings.json").load() == StudioSettings(
        model="builtin", adapter_folder="carpet-lora", profile="4", idle_unload_minutes=30
    )


def test_variations_can_be_deleted_and_restored(old_outputs: Path) -> None:
    with Catalogue(old_outputs) as catalogue:
        before = everything(catalogue)
        chosen = before[0][0].id
        catalogue.delete([chosen])
        catalogue.restore([chosen])
        assert everything(catalogue) == before
        assert catalogue.empty_bin() == 2
        assert everything(catalogue) == (before[0], (), before[2])
