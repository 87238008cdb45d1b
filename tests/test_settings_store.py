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
    '{"model": "caf\\udce9"}',
    '{"adapter_folder": "a\\u0000b"}',
    '{"profile": ["4"]}',
    '{"idle_unload_minutes": true}',
    '{"idle_unload_minutes": 1.5}',
    '{"idle_unload_minutes": 1e999}',
    '{"idle_unload_minutes": ' + "9" * 5000 + "}",
    "[" * 100_000,
    '{"model": "' + "x" * 5000 + '"}',
)


@pytest.mark.parametrize("text", DAMAGED)
def test_a_damaged_file_gives_the_defaults(tmp_path: Path, text: str) -> None:
    (tmp_path / "settings.json").write_text(text)
    assert SettingsStore(tmp_path / "settings.json").load() == StudioSettings()


def test_what_can_be_used_of_a_damaged_file_is_used(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text('{"model": 7, "profile": "2", "idle_unload_minutes": -1}')
    assert SettingsStore(tmp_path / "settings.json").load() == StudioSettings(profile="2")


def test_a_file_that_stands_where_an_earlier_version_wrote_first_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "settings.tmp").write_text("mine")
    SettingsStore(tmp_path / "settings.json").save(StudioSettings(profile="3"))
    assert (tmp_path / "settings.tmp").read_text() == "mine"
    assert {path.name for path in tmp_path.iterdir()} == {"settings.json", "settings.tmp"}


def test_settings_are_saved_in_a_folder_that_was_removed(tmp_path: Path) -> None:
    store = SettingsStore(tmp_path / "outputs" / "settings.json")
    store.save(StudioSettings(profile="3"))
    assert store.load() == StudioSettings(profile="3")


@pytest.mark.parametrize("path", ["caf\udce9", "a\0b", "x" * 5000])
def test_a_path_that_no_page_can_show_is_refused(path: str) -> None:
    with pytest.raises(RequestError):
        StudioSettings(adapter_folder=path)


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
