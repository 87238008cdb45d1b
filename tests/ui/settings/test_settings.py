"""The Settings page: a choice is saved at once; one that cannot be used is refused with a reason."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from studio.models.hardware import Hardware
from studio.models.memory_profiles import AUTOMATIC, PROFILES
from studio.models.registry import BUILTIN_FOLDER, MODELS
from studio.schema import JobState, VariationRequest
from studio.settings_store import SettingsStore, StudioSettings
from studio.ui.shared.amounts import describe_bytes
from studio.workspace import Workspace
from tests.jobs.test_queue import over, wait
from tests.support.catalogue_records import save
from tests.support.pages import open_page, run, said, studio
from tests.support.pictures import draw_picture, encode_picture

__all__ = ["studio"]
GIB = 2**30


def saved_settings(studio: Workspace) -> StudioSettings:
    """Return the settings that a new start of the studio would read."""
    return SettingsStore(studio.outputs / "settings.json").load()


def choose(app: AppTest, kind: str, key: str, value: object) -> AppTest:
    (widget,) = [element for element in app.get(kind) if element.key == key]
    widget.set_value(value)
    return run(app)


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_model_is_saved_at_once(studio: Workspace, model: str) -> None:
    other = next(one for one in MODELS if one != model)
    studio.settings.save(StudioSettings(model=other))
    app = open_page("settings")
    assert app.radio(key="settings_model").value == other
    choose(app, "radio", "settings_model", model)
    assert saved_settings(studio).model == model
    assert [toast.value for toast in app.toast] == ["Saved. It applies from the next run."]
    assert open_page("settings").radio(key="settings_model").value == model


def test_gated_model_shows_how_to_get_access(studio: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(studio.outputs / "no-token"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    studio.settings.save(StudioSettings(model="stabilityai/stable-diffusion-3.5-large"))
    words = said(open_page("settings"))
    assert "Hugging Face token: none found" in words
    assert "Accept the licence" in words
    assert "hf auth login" in words


@pytest.mark.slow
@pytest.mark.parametrize(
    ("found", "words"),
    [
        (Hardware("cuda", "NVIDIA RTX 4080", 15.7, 62.6, 8), []),
        (Hardware("cuda", "NVIDIA RTX 4080", 15.7, 15.6, 8, swap_gib=16.0), []),
        (Hardware("cuda", "NVIDIA RTX 4080", 15.7, 15.6, 8), ["27 GB of memory", "there are 17 GB"]),
        (Hardware("cpu", None, None, 23.5, 2), ["27 GB of memory", "there are 25 GB", "no graphics card"]),
        (Hardware("mps", "Apple silicon", None, 32.0, 8), []),
    ],
)
def test_too_small_computer_gives_a_warning_before_the_download(
    studio: Workspace, monkeypatch: pytest.MonkeyPatch, found: Hardware, words: list[str]
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_any")
    monkeypatch.setattr("studio.ui.session.hardware", lambda: found)
    studio.settings.save(StudioSettings(model="stabilityai/stable-diffusion-3.5-large"))
    warnings = [warning.value for warning in open_page("settings").warning]
    assert len(warnings) == bool(words)
    assert all(word in warnings[0] for word in words)
    studio.settings.save(StudioSettings())
    assert not open_page("settings").warning


def test_token_is_found_and_never_shown(studio: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_verysecret")
    monkeypatch.setattr("studio.ui.session.hardware", lambda: Hardware("cuda", "NVIDIA RTX 4080", 15.7, 62.6, 8))
    studio.settings.save(StudioSettings(model="stabilityai/stable-diffusion-3.5-large"))
    app = open_page("settings")
    assert "Hugging Face token: found" in said(app)
    assert not app.warning
    assert "verysecret" not in str(app)
    assert "verysecret" not in said(app)


def test_model_folder_is_checked_before_it_is_saved(studio: Workspace, tmp_path: Path) -> None:
    app = choose(open_page("settings"), "radio", "settings_model", "folder")
    assert saved_settings(studio).model == "builtin"
    choose(app, "text_input", "settings_folder", str(tmp_path / "nowhere"))
    assert f"The folder “{tmp_path / 'nowhere'}” does not exist" in app.error[0].value
    assert saved_settings(studio).model == "builtin"
    choose(app, "text_input", "settings_folder", str(tmp_path))
    assert "model_index.json is missing" in app.error[0].value
    choose(app, "text_input", "settings_folder", f"  {BUILTIN_FOLDER} ")
    assert not app.error
    assert saved_settings(studio).model == str(BUILTIN_FOLDER.resolve())
    again = open_page("settings")
    assert again.radio(key="settings_model").value == "folder"
    assert again.text_input(key="settings_folder").value == str(BUILTIN_FOLDER.resolve())
    choose(again, "radio", "settings_model", "builtin")
    assert saved_settings(studio).model == "builtin"
    assert not [field for field in again.text_input if field.key == "settings_folder"]


def test_missing_model_folder_is_an_error(studio: Workspace, tmp_path: Path) -> None:
    studio.settings.save(StudioSettings(model=str(tmp_path / "gone")))
    app = open_page("settings")
    assert "does not exist" in app.error[0].value
    choose(app, "radio", "settings_model", "builtin")
    assert not app.error


@pytest.mark.slow
@pytest.mark.parametrize(
    ("device", "where"),
    [
        (Hardware("cpu", None, None, 16.0, 4), "its processor"),
        (Hardware("mps", "Apple silicon", None, 16.0, 8), "Apple silicon"),
    ],
)
def test_without_an_nvidia_card_profiles_have_no_effect(
    studio: Workspace, monkeypatch: pytest.MonkeyPatch, device: Hardware, where: str
) -> None:
    monkeypatch.setattr("studio.ui.session.hardware", lambda: device)
    app = open_page("settings")
    assert app.radio(key="settings_profile").disabled
    assert f"draws on {where}, where they have no effect" in app.info[0].value


@pytest.mark.slow
@pytest.mark.parametrize("profile", [AUTOMATIC, *PROFILES])
def test_with_a_card_a_profile_is_saved(studio: Workspace, monkeypatch: pytest.MonkeyPatch, profile: str) -> None:
    card = Hardware("cuda", "NVIDIA RTX 4080", 15.7, 62.6, 8)
    monkeypatch.setattr("studio.ui.session.hardware", lambda: card)
    studio.settings.save(StudioSettings(profile="1" if profile != "1" else "2"))
    app = choose(open_page("settings"), "radio", "settings_profile", profile)
    assert saved_settings(studio).profile == profile
    assert not app.info
    captions = app.radio(key="settings_profile").proto.captions
    assert "With 16 GiB of VRAM and 63 GiB of RAM this is profile 2: Smaller card, much memory" in captions[0]
    assert len(captions) == len(PROFILES) + 1
    for caption, one in zip(captions[1:], PROFILES.values(), strict=True):
        assert one.explanation in caption
        assert f"{one.vram_gib} GB of VRAM and {one.ram_gib} GB of RAM" in caption
    assert "NVIDIA RTX 4080" in said(app)


def test_card_that_torch_cannot_use_is_explained(studio: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    note = "RTX 4080 was found, but the installed torch cannot use it."
    monkeypatch.setattr("studio.ui.session.hardware", lambda: Hardware("cpu", "RTX 4080", None, 16.0, 4, note))
    assert note in [warning.value for warning in open_page("settings").warning]


def test_idle_minutes_are_saved(studio: Workspace) -> None:
    app = choose(open_page("settings"), "number_input", "settings_idle", 0)
    assert saved_settings(studio).idle_unload_minutes == 0
    choose(app, "number_input", "settings_idle", 45)
    assert saved_settings(studio).idle_unload_minutes == 45


def test_memory_cannot_be_freed_without_a_model(studio: Workspace) -> None:
    app = open_page("settings")
    assert "No model is in memory." in said(app)
    assert app.button(key="settings_release").disabled


def test_drawing_from_motifs_is_said_to_need_no_graphics_memory(studio: Workspace) -> None:
    assert "Drawing from a design’s own motifs needs no model and no graphics memory" in said(open_page("settings"))


@pytest.mark.slow
def test_no_model_is_in_memory_after_a_run_from_motifs(studio: Workspace) -> None:
    source = studio.catalogue.add_source(encode_picture(draw_picture(48, 64)))
    for seed in (1, 2):
        job = studio.jobs.submit(VariationRequest(source.sha256, "", (seed,), drawing="motifs"))
        assert wait(studio.jobs, job, over).state is JobState.FINISHED
        if seed == 1:  # the engine of earlier tests may hold a model still
            studio.jobs.release_memory()
            deadline = time.monotonic() + 30
            while studio.jobs.holds_model and time.monotonic() < deadline:
                time.sleep(0.01)
    app = open_page("settings")
    assert "No model is in memory." in said(app)
    assert app.button(key="settings_release").disabled


def test_memory_cannot_be_freed_during_a_run(studio: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(studio.jobs), "holds_model", True)
    app = open_page("settings")
    assert not app.button(key="settings_release").disabled
    monkeypatch.setattr(studio.jobs, "active", lambda: ["a run"])
    app.run()
    assert app.button(key="settings_release").disabled
    assert "A run is using the model." in said(app)


def test_unwritable_settings_are_an_error(studio: Workspace) -> None:
    app = open_page("settings")
    (studio.outputs / "settings.json").mkdir()
    choose(app, "number_input", "settings_idle", 45)
    assert "could not be saved" in app.error[0].value
    (studio.outputs / "settings.json").rmdir()
    choose(app, "number_input", "settings_idle", 50)
    assert not app.error


def test_bin_is_emptied_and_catalogue_rebuilt(studio: Workspace) -> None:
    ids = [save(studio.catalogue, seed=seed).id for seed in range(3)]
    studio.catalogue.delete(ids[:1])
    app = open_page("settings")
    assert app.code[0].value == str(studio.outputs)
    app.button(key="empty_bin_sure").click()
    run(app)
    assert studio.catalogue.storage().binned == 0

    file = studio.catalogue.variation_path(ids[1])
    copy = file.read_bytes()
    file.unlink()
    app.button(key="settings_rebuild").click()
    run(app)
    assert "1 picture, 0 in the bin" in app.success[0].value
    file.write_bytes(copy)
    app.button(key="settings_rebuild").click()
    run(app)
    assert "2 pictures, 0 in the bin" in app.success[0].value
    assert "1 of them" in app.success[0].value


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (359_000, "359 kB"),
        (1_449_000, "1.4 MB"),
        (27 * 10**9, "27.0 GB"),
        (5 * 10**12, "5.0 TB"),
    ],
)
def test_describe_bytes(size: int, words: str) -> None:
    assert describe_bytes(size) == words
