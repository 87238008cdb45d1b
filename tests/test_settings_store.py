"""The settings are stored across restarts, and a damaged file gives the defaults."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.errors import RequestError, StorageError
from studio.settings_store import SettingsStore, StudioSettings


def test_saved_settings_are_loaded(tmp_path: Path) -> None:
    chosen = StudioSettings(model="stabilityai/stable-diffusion-3.5-medium", profile="4", idle_unload_minutes=0)
    SettingsStore(tmp_path / "settings.json").save(chosen)
    assert SettingsStore(tmp_path / "settings.json").load() == chosen
    assert [file.name for file in tmp_path.iterdir()] == ["settings.json"]


DAMAGED = (
    "",
    "{",
    "[]",
    "null",
    '{"idle_unload_minutes": -5}',
    '{"idle_unload_minutes": "x"}',
    '{"model": null}',
)


@pytest.mark.parametrize("text", DAMAGED)
def test_a_damaged_file_gives_the_defaults(tmp_path: Path, text: str) -> None:
    (tmp_path / "settings.json").write_text(text)
    assert SettingsStore(tmp_path / "settings.json").load() == StudioSettings()


def test_unknown_keys_are_ignored(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text('{"profile": "2", "colour_of_the_sky": "blue"}')
    assert SettingsStore(tmp_path / "settings.json").load() == StudioSettings(profile="2")


def test_an_unwritable_folder_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="could not be saved"):
        SettingsStore(tmp_path / "file" / "settings.json").save(StudioSettings())


@pytest.mark.parametrize("minutes", [-1, 100_000])
def test_idle_minutes_have_limits(minutes: int) -> None:
    with pytest.raises(RequestError, match=str(minutes)):
        StudioSettings(idle_unload_minutes=minutes)
