"""An outputs folder of version 0.1.0 opens with everything in it, by its index and by its files alone."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from PIL import Image

from studio.catalogue import Catalogue
from studio.settings_store import SettingsStore, StudioSettings
from tests.support.catalogue_records import everything
from tests.support.old_outputs import old_outputs, read_expected

__all__ = ["old_outputs"]


def as_json(value: object) -> object:
    return json.loads(json.dumps(dataclasses.asdict(value), default=str))


@pytest.mark.parametrize("index", ["kept", "rebuilt", "lost"])
def test_every_variation_and_source_is_read(old_outputs: Path, index: str) -> None:
    expected = read_expected(old_outputs)
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
