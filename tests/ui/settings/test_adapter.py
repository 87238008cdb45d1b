"""The adapter on the Settings page: forms and ways to write a path, what it shows, and why one cannot be used."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from studio.errors import RequestError
from studio.models.adapter_files import CONFIG_FILE, DIFFUSERS_FILE, WEIGHTS_FILE
from studio.models.registry import MODELS
from studio.settings_store import StudioSettings
from studio.ui.settings import adapter
from studio.workspace import Workspace
from tests.support.adapter_folders import KEY, plain_weights, write_folder
from tests.support.pages import open_page, said, studio
from tests.ui.settings.test_settings import choose, saved_settings

__all__ = ["studio"]


def give(text: str):
    """Return the Settings page after a text was entered as the adapter's path."""
    app = choose(open_page("settings"), "selectbox", "settings_adapter", "other")
    return choose(app, "text_input", "settings_adapter_folder", text)


def test_adapter_in_the_project_is_listed_inspected_and_saved(
    studio: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "PROJECT", tmp_path)
    folder = write_folder(tmp_path / "kashan")
    app = open_page("settings")
    assert app.selectbox(key="settings_adapter").options == ["None", "kashan", "A folder on this computer…"]
    choose(app, "selectbox", "settings_adapter", str(folder))
    assert saved_settings(studio).adapter_folder == str(folder)
    words = " ".join(said(app).split())
    sha256 = adapter.read_adapter(folder).sha256
    for fact in ("Name kashan", "Rank 4", "Alpha 8", "Layers it changes 1", f"Fingerprint {sha256[:12]}"):
        assert fact in words
    choose(app, "selectbox", "settings_adapter", "")
    assert saved_settings(studio).adapter_folder is None
    assert "Fingerprint" not in said(app)


def test_unreadable_adapter_does_not_change_the_choice(studio: Workspace, tmp_path: Path) -> None:
    good = write_folder(tmp_path / "good")
    damaged = write_folder(tmp_path / "damaged")
    (damaged / WEIGHTS_FILE).write_bytes(b"no safetensors")
    studio.settings.save(StudioSettings(adapter_folder=str(good)))
    app = choose(open_page("settings"), "selectbox", "settings_adapter", "other")
    choose(app, "text_input", "settings_adapter_folder", str(tmp_path / "nowhere"))
    assert "neither a folder nor a file" in app.error[0].value
    choose(app, "text_input", "settings_adapter_folder", str(damaged))
    assert "is damaged" in app.error[0].value
    assert saved_settings(studio).adapter_folder == str(good)
    other = write_folder(tmp_path / "other", lora_alpha=2)
    choose(app, "text_input", "settings_adapter_folder", str(other))
    assert not app.error
    assert saved_settings(studio).adapter_folder == str(other)
    assert app.selectbox(key="settings_adapter").value == str(other)


@pytest.mark.parametrize(
    "write",
    [lambda path: f'"{path}"', lambda path: f" {path} ", Path.as_uri, lambda path: path / WEIGHTS_FILE],
    ids=["quotes", "spaces", "file address", "weights file"],
)
def test_pasted_path_of_an_adapter_is_understood(studio: Workspace, tmp_path: Path, write: Callable) -> None:
    folder = write_folder(tmp_path / "my kashan")
    app = give(str(write(folder)))
    assert not app.error
    assert saved_settings(studio).adapter_folder == str(folder)
    assert app.selectbox(key="settings_adapter").value == str(folder)
    assert "Name my kashan" in " ".join(said(app).split())


def test_form_of_diffusers_is_listed_and_described(
    studio: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "PROJECT", tmp_path)
    weights = {name.replace(KEY, f"transformer{KEY[len('base_model.model'):]}"): one for name, one in
               plain_weights(tmp_path / "elsewhere").items()}  # fmt: skip
    (tmp_path / "kashan").mkdir()
    save_file(weights, tmp_path / "kashan" / DIFFUSERS_FILE)
    app = open_page("settings")
    assert app.selectbox(key="settings_adapter").options == ["None", "kashan", "A folder on this computer…"]
    choose(app, "selectbox", "settings_adapter", str(tmp_path / "kashan"))
    words = " ".join(said(app).split())
    for fact in ("Name kashan", f"Folder {tmp_path / 'kashan'}", "Rank 4", "Alpha as the rank", "Layers it changes 1"):
        assert fact in words


def test_file_of_kohyas_form_is_described(studio: Workspace, tmp_path: Path) -> None:
    weights, file = {}, tmp_path / "kashan.safetensors"
    for layer, rank in (("x_block_attn_qkv", 2), ("context_block_attn_qkv", 8)):
        key = f"lora_unet_joint_blocks_0_{layer}"
        weights |= {
            f"{key}.lora_down.weight": np.ones((rank, 384), np.float32),
            f"{key}.lora_up.weight": np.ones((1152, rank), np.float32),
            f"{key}.alpha": np.array(1, np.float32),
        }
    save_file(weights, file)
    app = give(str(tmp_path))
    assert saved_settings(studio).adapter_folder == str(file)
    words = " ".join(said(app).split())
    for fact in (
        "Name kashan", f"File {file}", "Rank 2 to 8", "Alpha for each layer, in the file", "Layers it changes 6",
    ):  # fmt: skip
        assert fact in words
    assert "kashan" in open_page("settings").selectbox(key="settings_adapter").options


def test_adapter_for_another_model_is_an_error_before_a_run(studio: Workspace, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "kashan")
    weights = {name.replace("blocks.0", "blocks.30"): one for name, one in load_file(folder / WEIGHTS_FILE).items()}
    save_file(weights, folder / WEIGHTS_FILE)
    app = give(str(folder))
    assert "“kashan” was made for another model" in app.error[0].value
    large = next(name for name, entry in MODELS.items() if not entry.local)
    studio.settings.save(StudioSettings(model=large, adapter_folder=str(folder)))
    assert not open_page("settings").error  # its layers are not known before it is fetched


@pytest.mark.parametrize(
    "config", ["[" * 100_000, '{"peft_type": "LORA", "r": ' + "9" * 5000 + "}", "{}"], ids=["deep", "long", "empty"]
)
def test_page_opens_with_a_chosen_adapter_that_was_damaged(studio: Workspace, tmp_path: Path, config: str) -> None:
    folder = write_folder(tmp_path / "kashan")
    studio.settings.save(StudioSettings(adapter_folder=str(folder)))
    (folder / CONFIG_FILE).write_text(config)
    app = open_page("settings")
    assert "is damaged" in app.error[0].value
    choose(app, "selectbox", "settings_adapter", "")
    assert saved_settings(studio).adapter_folder is None
    assert not app.error


@pytest.mark.parametrize("path", ["x" * 4000, "~nobody-at-all/x", "/dev/zero", "..", ""])
def test_pages_open_with_a_path_of_an_adapter_that_is_none(studio: Workspace, path: str) -> None:
    studio.settings.save(StudioSettings(adapter_folder=path))
    assert open_page("settings").error
    assert not open_page("generate").exception


@pytest.mark.parametrize(
    "path", ["a\0b", "x" * 5000, os.fsdecode(b"/adapters/k\xe4shan")], ids=["zero", "long", "latin"]
)
def test_path_that_no_page_can_show_is_refused_and_left_aside(studio: Workspace, path: str) -> None:
    with pytest.raises(RequestError, match="adapter folder"):
        StudioSettings(adapter_folder=path)
    (studio.outputs / "settings.json").write_text(json.dumps({"adapter_folder": path, "idle_unload_minutes": 7}))
    assert saved_settings(studio) == StudioSettings(idle_unload_minutes=7)
    assert not open_page("settings").exception


def test_adapter_changed_on_disk_is_read_again(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "kashan", lora_alpha=8)
    assert adapter.read_adapter(folder).settings.alpha == 8
    write_folder(folder, lora_alpha=16.5)
    assert adapter.read_adapter(folder).settings.alpha == 16.5
