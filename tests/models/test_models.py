"""The registry, loading and the slot: what can be loaded, the error when it cannot, one pipeline at a time."""

from __future__ import annotations

import gc
import json
import shutil
import weakref
from pathlib import Path
from types import SimpleNamespace

import httpx2
import psutil
import pytest
import torch
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError
from safetensors.torch import load_file, save_file

from studio.errors import AdapterError, MemoryShortError, ModelError, RequestError
from studio.generation.sampling import plan_sigmas
from studio.models.adapter_files import find_adapters, inspect_adapter
from studio.models.pipeline import SD3Pipeline
from studio.models.pipeline_slot import PipelineSlot
from studio.models.registry import BUILTIN_FOLDER, MODELS, resolve_model
from studio.schema import PipelineChoice, VariationRequest
from tests.support.adapters import write_adapter

LARGE = "stabilityai/stable-diffusion-3.5-large"


@pytest.mark.parametrize("entry", MODELS.values(), ids=lambda entry: entry.id)
def test_every_model_has_what_a_run_needs(entry) -> None:
    assert resolve_model(entry.id) is entry
    assert entry.smallest_px % entry.multiple_px == 0
    assert entry.working_pixels >= entry.smallest_px**2
    defaults = entry.defaults
    request = VariationRequest(
        source="",
        prompt="x",
        seeds=(0,),
        strength=defaults.strength,
        steps=defaults.steps,
        guidance_scale=defaults.guidance_scale,
    )
    assert request.effective_steps >= 2
    assert entry.local == (entry.download_gb == 0)
    assert entry.use
    assert entry.licence


def test_the_builtin_model_is_here_and_small() -> None:
    files = [file for file in BUILTIN_FOLDER.rglob("*") if file.is_file()]
    assert max(file.stat().st_size for file in files) <= 14 * 2**20
    assert sum(file.stat().st_size for file in files) <= 60 * 2**20


def test_a_model_trained_from_the_built_in_one_has_its_settings(tmp_path: Path) -> None:
    builtin, folder = MODELS["builtin"], tmp_path / "mine"
    shutil.copytree(BUILTIN_FOLDER, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    entry = resolve_model(str(folder))
    assert (entry.defaults, entry.working_pixels, entry.cycle_spinning) == (
        builtin.defaults,
        builtin.working_pixels,
        True,
    )
    assert (entry.title, entry.folder, entry.public_id) == ("mine", folder.resolve(), "folder:mine")
    config = folder / "transformer" / "config.json"
    values = json.loads(config.read_text()) | {"_diffusers_version": "0.0.0"}
    config.write_text(json.dumps(values))
    assert resolve_model(str(folder)).defaults == builtin.defaults
    config.write_text(json.dumps(values | {"a_setting_of_tomorrow": None}))
    assert resolve_model(str(folder)).defaults == builtin.defaults
    for other in (json.dumps(values | {"num_layers": 38}), "[]", "no JSON"):
        config.write_text(other)
        stranger = resolve_model(str(folder))
        assert stranger.defaults == MODELS[LARGE].defaults
        assert not stranger.cycle_spinning
        assert not stranger.gated
        assert stranger.download_gb == 0


@pytest.mark.slow
def test_a_folder_is_a_model(slot: PipelineSlot) -> None:
    entry = resolve_model(str(BUILTIN_FOLDER))
    assert entry.folder == BUILTIN_FOLDER
    with slot.use(PipelineChoice(str(BUILTIN_FOLDER)), print) as loaded:
        assert type(loaded.pipe).__name__ == "StableDiffusion3Img2ImgPipeline"


def test_a_folder_that_is_not_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"no/such.*builtin"):
        resolve_model("no/such")
    with pytest.raises(RequestError, match=r"model_index\.json"):
        resolve_model(str(tmp_path))


def test_an_inaccessible_path_is_refused(tmp_path: Path) -> None:
    for path in ("~nobody-is-called-this/model", "x" * 5000):
        with pytest.raises(RequestError, match="cannot be read"):
            resolve_model(path)
    with pytest.raises(AdapterError, match="cannot be read"):
        inspect_adapter(tmp_path / ("x" * 5000))


def test_a_model_that_cannot_fit_is_refused_before_it_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test cannot take memory from the machine, so it changes what psutil reports."""
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=10**6, total=10**6))
    monkeypatch.setattr(psutil, "swap_memory", lambda: SimpleNamespace(free=0, total=0))
    slot = PipelineSlot()
    with pytest.raises(MemoryShortError, match="main memory"), slot.use(PipelineChoice("builtin"), print):
        pass


def test_pickled_weights_are_not_read(tmp_path: Path) -> None:
    """A pickle can run code when it is read."""
    folder = tmp_path / "model"
    shutil.copytree(BUILTIN_FOLDER, folder)
    (weights,) = (folder / "vae").glob("*.safetensors")
    torch.save(load_file(weights), weights.with_suffix(".bin"))
    weights.unlink()
    with pytest.raises(ModelError), PipelineSlot().use(PipelineChoice(str(folder)), print):
        pass


@pytest.mark.slow
def test_the_fingerprint_follows_the_weights(tmp_path: Path, slot: PipelineSlot) -> None:
    folder = tmp_path / "model"
    shutil.copytree(BUILTIN_FOLDER, folder)
    kept = PipelineSlot()
    with kept.use(PipelineChoice(str(folder)), print) as loaded:
        before = loaded.fingerprint
    with kept.use(PipelineChoice(str(folder)), print) as again:
        assert again is loaded
    file = sorted((folder / "vae").glob("*.safetensors"))[0]
    state = load_file(file)
    save_file({name: tensor * 1.01 for name, tensor in state.items()}, file, metadata={"format": "pt"})
    with kept.use(PipelineChoice(str(folder)), print) as loaded:  # as when a training runs beside the studio
        assert loaded.fingerprint != before


@pytest.mark.parametrize("options", [{"use_dynamic_shifting": False, "shift": 3.0}, {"max_shift": 2.0}])
def test_a_noise_shift_replaces_the_schedule_of_the_folders_own_scheduler(tmp_path: Path, options: dict) -> None:
    folder = tmp_path / "model"
    shutil.copytree(BUILTIN_FOLDER, folder)
    file = folder / "scheduler" / "scheduler_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | options))
    with PipelineSlot().use(PipelineChoice(str(folder)), print) as loaded:
        sigmas = plan_sigmas(loaded.pipe, 3, 1.0, (128, 128), shift=1.8)
        assert sigmas.tolist() == pytest.approx([1, 1.8 * 0.5005 / (1 + 0.8 * 0.5005), 0.0018, 0], abs=1e-4)


def _response(status: int) -> httpx2.Response:
    return httpx2.Response(status, request=httpx2.Request("GET", "https://huggingface.co"))


def _wrapped(cause: Exception) -> OSError:
    """Return the error that diffusers raises when the hub refuses."""
    error = OSError("Cannot load model: it is not cached locally and an error occurred")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("failure", "step"),
    [
        (GatedRepoError("gated", response=_response(403)), r"accept it.*hf auth login"),
        (_wrapped(RepositoryNotFoundError("hidden", response=_response(404))), r"hf auth login"),
        (_wrapped(HfHubHTTPError("bad token", response=_response(401))), r"hf auth login"),
        (_wrapped(HfHubHTTPError("busy", response=_response(503))), r"503.*try again"),
        (_wrapped(ConnectionError("offline")), r"Check the network.*built-in"),
        (OSError(28, "No space left on device"), r"27 GB.*HF_HOME"),
        (OSError("no route to host"), r"Check the network"),
    ],
    ids=["licence", "hidden", "token", "busy", "offline", "disk full", "network"],
)
def test_a_model_that_cannot_be_fetched_says_the_next_step(
    monkeypatch: pytest.MonkeyPatch, failure: Exception, step: str
) -> None:
    """A test has no access to the hub: its client's one call is replaced by one that raises the client's errors."""
    import diffusers

    def fail(*_: object, **__: object) -> None:
        raise failure

    monkeypatch.setattr(diffusers.StableDiffusion3Img2ImgPipeline, "download", fail)
    slot = PipelineSlot()
    with pytest.raises(ModelError, match=step), slot.use(PipelineChoice(LARGE), print):
        pass


@pytest.mark.slow
def test_a_folder_with_another_kind_of_scheduler_is_refused_by_name(tmp_path: Path) -> None:
    shutil.copytree(BUILTIN_FOLDER, tmp_path / "heun")
    for name in ("model_index.json", "scheduler/scheduler_config.json"):
        file = tmp_path / "heun" / name
        text = file.read_text("utf-8")
        file.write_text(text.replace("FlowMatchEulerDiscreteScheduler", "FlowMatchHeunDiscreteScheduler"), "utf-8")
    slot = PipelineSlot()
    with (
        pytest.raises(ModelError, match="FlowMatchHeunDiscreteScheduler"),
        slot.use(PipelineChoice(str(tmp_path / "heun")), print),
    ):
        pass


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("stochastic_sampling", True),
        ("invert_sigmas", True),
        ("num_train_timesteps", 500),
        ("use_karras_sigmas", True),
        ("shift_terminal", 0.1),
    ],
)
def test_a_scheduler_that_takes_other_steps_is_refused_by_its_option(
    tmp_path: Path, option: str, value: object
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(BUILTIN_FOLDER, folder)
    file = folder / "scheduler" / "scheduler_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {option: value}))
    with pytest.raises(ModelError, match=option), PipelineSlot().use(PipelineChoice(str(folder)), print):
        pass


@pytest.mark.slow
def test_an_equal_choice_loads_once_and_another_releases_first(tmp_path: Path, slot: PipelineSlot) -> None:
    adapter = str(write_adapter(tmp_path / "lora", slot))
    own = PipelineSlot()
    said: list[str] = []
    with own.use(PipelineChoice("builtin"), said.append) as first:
        pass
    with own.use(PipelineChoice("builtin"), said.append) as again:
        assert again is first
    assert len(said) == 1
    old = weakref.ref(first.pipe.transformer)
    del first, again

    def still_there(_stage: str) -> None:
        gc.collect()
        said.append("old" if old() is not None else "released")

    with own.use(PipelineChoice("builtin", adapter), still_there) as second:
        assert second.adapter is not None
    assert said[1:] == ["released"]  # the old one was released before the new one began to load
    own.release()
    assert not own.occupied


def test_adapters_are_found_in_the_root_and_one_level_below(tmp_path: Path, slot: PipelineSlot) -> None:
    write_adapter(tmp_path / "project" / "flowers", slot)
    write_adapter(tmp_path / "project" / "too" / "deep", slot)
    assert find_adapters(tmp_path / "project") == (tmp_path / "project" / "flowers",)
    assert find_adapters(tmp_path / "project" / "flowers") == (tmp_path / "project" / "flowers",)
    assert find_adapters(tmp_path / "nowhere") == ()


def test_an_adapter_is_read_from_its_header(tmp_path: Path, slot: PipelineSlot) -> None:
    adapter = inspect_adapter(write_adapter(tmp_path / "flowers", slot, rank=4, alpha=8))
    assert (adapter.name, adapter.ranks, adapter.settings.alpha) == ("flowers", (4, 4), 8.0)
    assert adapter.layers[0].name.startswith("transformer_blocks.0.")
    with pytest.raises(AdapterError, match=r"Its folders have some: flowers\. Choose one"):
        inspect_adapter(tmp_path)


def test_a_pipeline_has_every_part_that_its_typed_view_names(slot: PipelineSlot) -> None:
    """mypy cannot compare the protocol with diffusers, which sets the parts at run time."""
    named = {name for name in [*SD3Pipeline.__annotations__, *vars(SD3Pipeline)] if not name.startswith("__")}
    named -= {name for name in named if name.startswith("_abc") or name.startswith("_is_")}
    with slot.use(PipelineChoice("builtin"), print) as loaded:
        assert {name for name in named if not hasattr(loaded.pipe, name)} == set()
    assert {"transformer", "_execution_device", "encode_prompt"} <= named


def test_an_unknown_profile_is_refused_before_the_loaded_pipeline_is_released() -> None:
    own = PipelineSlot()
    with own.use(PipelineChoice("builtin"), print):
        pass
    with pytest.raises(RequestError, match="turbo"), own.use(PipelineChoice("builtin", profile="turbo"), print):
        pass
    assert own.occupied
    own.release()
