"""Paths as designers paste them lead to the folder or file that they mean."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from studio.errors import AdapterError, RequestError
from studio.models.adapter_files import inspect_adapter, read_adapter_path
from studio.models.given_paths import read_given_path
from studio.models.registry import BUILTIN_FOLDER, MODELS, resolve_model
from tests.support.adapter_folders import write_folder

WAYS: dict[str, Callable[[Path], str]] = {
    "as it is": str,
    "spaces around it": lambda path: f"  {path} \t",
    "a line break after it": lambda path: f"{path}\r\n",
    "a slash after it": lambda path: f"{path}/",
    "double quotes, as Windows copies a path": lambda path: f'"{path}"',
    "single quotes": lambda path: f"'{path}'",
    "curly quotes": lambda path: f"“{path}”",
    "spaces around and within quotes": lambda path: f' " {path} " ',
    "the mark of Windows' properties dialogue": lambda path: f"\u202a{path}",
    "a zero-width space": lambda path: f"\u200b{path}\ufeff",
    "a no-break space": lambda path: f"\u00a0{path}\u00a0",
    "a file address": lambda path: path.as_uri(),
    "a file address in capitals": lambda path: path.as_uri().replace("file:", "FILE:"),
    "a file address of this computer": lambda path: path.as_uri().replace("file://", "file://localhost"),
    "a file address with one slash": lambda path: path.as_uri().replace("file://", "file:"),
    "a file address with every sign encoded": lambda path: f"file://{quote(str(path), safe='/').replace('-', '%2D')}",
    "a file address that was not encoded": lambda path: f"file://{path}",
    "a quoted file address": lambda path: f'"{path.as_uri()}"',
}


@pytest.mark.parametrize("write", WAYS.values(), ids=WAYS)
def test_a_pasted_path_is_understood(tmp_path: Path, write: Callable[[Path], str]) -> None:
    folder = tmp_path / "Käshan, näin's #2 & so-on"
    assert read_given_path(write(folder)) == folder  # it need not exist
    folder.mkdir()
    assert read_given_path(write(folder)) == folder


def test_the_home_folder_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for text in ("~/kashan", ' "~/kashan"', "'~/kashan' "):
        assert read_given_path(text) == tmp_path / "kashan"


def test_a_path_that_exists_as_it_is_written_is_taken_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ('"quoted"', " spaced ", "file:odd", "~"):
        (tmp_path / name).mkdir()
        assert read_given_path(name) == Path(name)


@pytest.mark.parametrize("text", ["", "  ", '""', " ' ' ", "file:", "\u202a"])
def test_nothing_is_no_path(text: str) -> None:
    with pytest.raises(ValueError, match="No path"):
        read_given_path(text)
    with pytest.raises(AdapterError, match=r"is no path of an adapter.*Choose"):
        read_adapter_path(text)
    with pytest.raises(RequestError, match="cannot be read"):
        resolve_model(text)


@pytest.mark.parametrize("write", WAYS.values(), ids=WAYS)
def test_an_adapter_and_a_model_are_found_at_a_pasted_path(tmp_path: Path, write: Callable[[Path], str]) -> None:
    adapter, model = write_folder(tmp_path / "my lora"), tmp_path / "my model"
    shutil.copytree(BUILTIN_FOLDER, model, ignore=shutil.ignore_patterns("*.safetensors", "tokenizer*"))
    assert inspect_adapter(read_adapter_path(write(adapter))).path == adapter
    for given in (model, model / "model_index.json", model / "transformer" / "config.json"):
        assert resolve_model(write(given).rstrip("/") if given.is_file() else write(given)).folder == model


@pytest.mark.parametrize("model", MODELS)
def test_a_model_is_found_by_its_name_with_spaces_around_it(model: str) -> None:
    assert resolve_model(f" {model}\n") is MODELS[model]


@pytest.mark.parametrize("write", WAYS.values(), ids=WAYS)
def test_a_folder_that_does_not_exist_is_said_not_to(tmp_path: Path, write: Callable[[Path], str]) -> None:
    with pytest.raises(RequestError, match=r"The folder “.*nowhere” does not exist\. Check its path"):
        resolve_model(write(tmp_path / "nowhere"))


@pytest.mark.parametrize("text", ["./nowhere", "~/nowhere at all", r"C:\models\sd35", '"nowhere"', "models/mine/sd35"])
def test_a_text_that_can_only_be_a_path_is_called_a_folder(text: str) -> None:
    with pytest.raises(RequestError, match="does not exist"):
        resolve_model(text)


def test_a_text_that_may_be_a_name_is_called_neither(tmp_path: Path) -> None:
    for text in ("no/such", "stable-diffusion"):
        with pytest.raises(RequestError, match=f"No model is called “{text}”, and there is no folder of this name"):
            resolve_model(text)


def test_other_paths_say_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="is a part of the model in"):
        resolve_model(str(BUILTIN_FOLDER / "vae"))
    with pytest.raises(RequestError, match="It holds an adapter: choose it as the adapter"):
        resolve_model(str(write_folder(tmp_path / "kashan")))
    (tmp_path / "sd3.5_large.safetensors").write_bytes(b"x")
    with pytest.raises(RequestError, match="from_single_file"):
        resolve_model(str(tmp_path / "sd3.5_large.safetensors"))


@pytest.mark.parametrize(
    "config", ["[" * 100_000, '{"num_layers": ' + "9" * 5000 + "}", "\ud800"], ids=["deep", "long", "odd"]
)
def test_a_model_whose_configuration_cannot_be_read_is_not_taken_for_the_built_in_one(
    tmp_path: Path, config: str
) -> None:
    shutil.copytree(BUILTIN_FOLDER, tmp_path / "mine", ignore=shutil.ignore_patterns("*.safetensors"))
    (tmp_path / "mine" / "transformer" / "config.json").write_bytes(config.encode("utf-8", "surrogatepass"))
    assert resolve_model(str(tmp_path / "mine")).working_pixels != MODELS["builtin"].working_pixels


def test_a_name_in_another_encoding_is_shown_with_a_mark() -> None:
    with pytest.raises(RequestError) as caught:
        resolve_model(f"/{os.fsdecode(b'k' + bytes([0xE4]) + b'shan')}")
    assert "/k?shan" in str(caught.value)
