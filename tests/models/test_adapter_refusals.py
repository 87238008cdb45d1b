"""Adapters that cannot be applied are refused with a sentence, from their headers and before a model is loaded."""

from __future__ import annotations

import os
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from peft import IA3Config, LoHaConfig, LoKrConfig, LoraConfig, OFTConfig, get_peft_model
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_tensors

from studio.errors import AdapterError
from studio.models import adapters
from studio.models.adapter_files import (
    CONFIG_FILE,
    DIFFUSERS_FILE,
    WEIGHTS_FILE,
    find_adapters,
    inspect_adapter,
    stamp_adapter,
)
from studio.models.adapter_fit import check_fit, read_layers
from studio.models.pipeline_slot import PipelineSlot
from studio.models.registry import BUILTIN_FOLDER
from studio.schema import PipelineChoice
from tests.support.adapter_folders import KEY, LAYER, plain_weights, refuse, write_folder
from tests.support.small_transformers import build_transformer

DEEP = "[" * 100_000


def test_the_adapter_that_each_test_damages_is_fine(tmp_path: Path) -> None:
    adapter = inspect_adapter(write_folder(tmp_path))
    check_fit(read_layers(BUILTIN_FOLDER), adapter)
    assert adapters.read_weights(adapter).config.lora_alpha == 8


def _renamed(old: str, new: str) -> Callable[[dict], dict]:
    return lambda weights: {name.replace(old, new): one for name, one in weights.items()}


A, B = f"{KEY}.lora_A.weight", f"{KEY}.lora_B.weight"
DAMAGES: dict[str, tuple[Callable[[dict], dict], str]] = {
    "A without B": (lambda w: {A: w[A]}, "lacks its lora_B"),
    "B without A": (lambda w: {B: w[B]}, "lacks its lora_A"),
    "ranks that differ": (lambda w: w | {A: np.zeros((5, 384), np.float32)}, "5 × 384 and 384 × 4"),
    "one dimension": (lambda w: w | {A: np.zeros(384, np.float32)}, "no pair of a LoRA"),
    "a convolution": (lambda w: w | {A: np.zeros((4, 16, 3, 3), np.float32)}, "no pair of a LoRA"),
    "nothing in it": (lambda _: {}, "holds no LoRA layers"),
    "no rank": (
        lambda _: {A: np.zeros((0, 384), np.float32), B: np.zeros((384, 0), np.float32)},
        "no pair of a LoRA",
    ),
    "whole numbers": (lambda w: {name: one.astype(np.int8) for name, one in w.items()}, "stores its weights as I8"),
    "a DoRA": (lambda w: w | {f"{KEY}.lora_magnitude_vector": np.ones(384, np.float32)}, "a DoRA"),
    "kohya's DoRA": (lambda w: w | {f"{KEY}.dora_scale": np.ones(384, np.float32)}, "a DoRA"),
    "biases": (lambda w: w | {f"{KEY}.lora_B.bias": np.ones(384, np.float32)}, "biases of its own"),
    "a whole layer": (lambda w: w | {"base_model.model.proj_out.weight": np.ones((4, 4), np.float32)}, "not of a LoRA"),
    "a difference": (lambda _: {f"{LAYER}.diff": np.ones((384, 384), np.float32)}, "difference of whole layers"),
    "a text encoder": (_renamed("base_model.model.", "text_encoder."), "changes a text encoder"),
    "kohya's text encoder": (_renamed(KEY, "lora_te1_text_model_encoder_layers_0_mlp_fc1"), "changes a text encoder"),
    "a layer of another family": (
        _renamed(KEY, "lora_unet_input_blocks_4_1_proj_in"),
        "Stable Diffusion 3 has no layer input_blocks_4_1_proj_in",
    ),
    "three names for one layer": (
        lambda w: w | {name.replace("base_model.model", "transformer"): one for name, one in w.items()},
        "twice",
    ),
    "rows that are not three times as many": (
        lambda w: {
            "lora_unet_joint_blocks_0_x_block_attn_qkv.lora_down.weight": w[A],
            "lora_unet_joint_blocks_0_x_block_attn_qkv.lora_up.weight": np.zeros((1151, 4), np.float32),
        },
        "no pair of a LoRA",
    ),
    "an alpha that is a list": (lambda w: w | {f"{KEY}.alpha": np.ones(3, np.float32)}, "is no number"),
    "a name with line breaks": (lambda w: w | {"a\nb\u202e": np.ones(3, np.float32)}, "a?b?"),
}  # fmt: skip


@pytest.mark.parametrize(("damage", "says"), DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize("form", [WEIGHTS_FILE, DIFFUSERS_FILE, "kashan.safetensors"])
def test_weights_that_cannot_be_applied_are_named(tmp_path: Path, form: str, damage: Callable, says: str) -> None:
    weights = damage(plain_weights(tmp_path))
    folder = write_folder(tmp_path / "kashan", weights)
    if form != WEIGHTS_FILE:
        (folder / WEIGHTS_FILE).rename(folder / form)
    assert says in refuse(folder)
    assert says in refuse(folder / form)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("config", "says"),
    [
        (LoraConfig(target_modules=["to_q"], use_dora=True), "a DoRA"),
        (LoraConfig(target_modules=["to_q"], lora_bias=True), "biases of its own"),
        (LoraConfig(target_modules=["to_q"], bias="all"), "biases"),
        (LoraConfig(target_modules=["to_q"], modules_to_save=["proj_out"]), "whole layers beside it"),
        (LoHaConfig(target_modules=["to_q"]), "kind LOHA"),
        (LoKrConfig(target_modules=["to_q"]), "kind LOKR"),
        (OFTConfig(target_modules=["to_q"], oft_block_size=8, r=0), "kind OFT"),
        (IA3Config(target_modules=["to_q"], feedforward_modules=[]), "kind IA3"),
    ],
    ids=["DoRA", "bias of B", "bias", "whole layers", "LoHa", "LoKr", "OFT", "IA3"],
)
@pytest.mark.filterwarnings("ignore:Adapter 'default'")  # peft says itself that it saves odd shapes
def test_other_forms_that_peft_saves_are_named(tmp_path: Path, config: object, says: str) -> None:
    """The same weights are refused by what they hold where the configuration is lost."""
    get_peft_model(build_transformer(), config).save_pretrained(tmp_path)
    assert says in refuse(tmp_path)
    (tmp_path / WEIGHTS_FILE).rename(tmp_path / "alone.safetensors")
    refuse(tmp_path / "alone.safetensors")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("half", [A, B])
def test_weights_that_are_no_numbers_are_refused(tmp_path: Path, half: str, value: float) -> None:
    weights = plain_weights(tmp_path)
    weights[half][1, 2] = value
    with pytest.raises(AdapterError, match="no finite numbers"):
        adapters.read_weights(inspect_adapter(write_folder(tmp_path / "kashan", weights)))


@pytest.mark.parametrize("alpha", [np.nan, np.inf, 0.0, -2.0, 1e30])
def test_an_alpha_in_the_weights_that_is_absurd_is_refused(tmp_path: Path, alpha: float) -> None:
    weights = plain_weights(tmp_path) | {f"{KEY}.alpha": np.array(alpha, np.float32)}
    save_file(weights, tmp_path / "kashan.safetensors")
    with pytest.raises(AdapterError, match="alpha"):
        adapters.read_weights(inspect_adapter(tmp_path))


def _cut(folder: Path) -> None:
    weights = folder / WEIGHTS_FILE
    weights.write_bytes(weights.read_bytes()[:-100])


def _long(folder: Path) -> None:
    weights = folder / WEIGHTS_FILE
    weights.write_bytes(weights.read_bytes() + b"\0" * 100)


def _large_header(folder: Path) -> None:
    header = b'{"__metadata__":{"note":"' + b"x" * (9 * 10**6) + b'"}}'
    (folder / WEIGHTS_FILE).write_bytes(struct.pack("<Q", len(header)) + header)


def _huge_header(folder: Path) -> None:
    (folder / WEIGHTS_FILE).write_bytes(struct.pack("<Q", 2**63) + b"{}")


def _deep_header(folder: Path) -> None:
    header = DEEP.encode()
    (folder / WEIGHTS_FILE).write_bytes(struct.pack("<Q", len(header)) + header)


def _pipe(folder: Path) -> None:
    (folder / WEIGHTS_FILE).unlink()
    os.mkfifo(folder / WEIGHTS_FILE)


def _loop(folder: Path) -> None:
    (folder / WEIGHTS_FILE).unlink()
    (folder / WEIGHTS_FILE).symlink_to(folder / WEIGHTS_FILE)


def _pickle(folder: Path) -> None:
    (folder / WEIGHTS_FILE).rename(folder / "adapter_model.bin")


def _no_settings(folder: Path) -> None:
    (folder / CONFIG_FILE).unlink()


def _two(folder: Path) -> None:
    for name in ("a.safetensors", "b.safetensors"):
        shutil.copy(folder / WEIGHTS_FILE, folder / name)
    (folder / WEIGHTS_FILE).unlink()


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (_cut, "is damaged"),
        (_long, "is damaged"),
        (_large_header, "a header of 9 MB"),
        (_huge_header, "is damaged"),
        (_deep_header, "is damaged"),
        (_pipe, "has no adapter"),
        (_loop, "has no adapter"),
        (_pickle, "adapter_model.bin is a pickle"),
        (_no_settings, f"has no {CONFIG_FILE}"),
        (_two, "2 files of weights: a.safetensors, b.safetensors"),
        (shutil.rmtree, "neither a folder nor a file"),
    ],
    ids=lambda one: one.__name__.strip("_") if callable(one) else "",
)
def test_damaged_files_are_named(tmp_path: Path, damage: Callable[[Path], None], says: str) -> None:
    folder = write_folder(tmp_path / "kashan")
    damage(folder)
    assert says in refuse(folder)


def test_other_folders_and_files_say_what_they_are(tmp_path: Path) -> None:
    assert "choose it as the model" in refuse(BUILTIN_FOLDER)
    write_folder(tmp_path / "adapters" / "kashan")
    assert "Its folders have some: kashan" in refuse(tmp_path / "adapters")
    (tmp_path / "note.txt").write_text("x")
    assert "is no adapter" in refuse(tmp_path / "note.txt")
    assert "not of a LoRA" in refuse(BUILTIN_FOLDER / "vae" / "diffusion_pytorch_model.safetensors")


def test_names_in_another_encoding_are_read_and_shown(tmp_path: Path) -> None:
    folder = write_folder(Path(os.fsdecode(os.fsencode(tmp_path) + b"/k\xe4shan\n")))
    assert inspect_adapter(folder).name == "k?shan?"
    assert find_adapters(tmp_path) == (folder,)
    _cut(folder)
    assert "k?shan?" in refuse(folder)


@pytest.mark.parametrize("path", ["a\0b", "x" * 5000, "/dev/zero", "/proc/self/mem", "nowhere/at/all"])
def test_paths_that_are_no_folders_are_refused(path: str) -> None:
    refuse(Path(path))
    assert stamp_adapter(Path(path)) == () or path.startswith("/")
    assert find_adapters(Path(path)) == ()


def test_a_linked_adapter_is_named_as_the_folder_that_it_leads_to(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "kashan")
    (tmp_path / "latest").symlink_to(folder)
    adapter = inspect_adapter(tmp_path / "latest")
    assert (adapter.name, adapter.path) == ("kashan", folder)


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["another model", "another width", "no numbers", "another rank", "a DoRA"])
def test_an_adapter_is_refused_before_the_model_is_loaded(tmp_path: Path, damage: str) -> None:
    """The model's other parts lack their weights: loading it would be an error of the model."""
    model = tmp_path / "model"
    shutil.copytree(
        BUILTIN_FOLDER, model, ignore=lambda _, names: [name for name in names if name.startswith("model.saf")]
    )
    weights, settings = plain_weights(tmp_path), {}
    if damage == "another model":
        weights = _renamed("transformer_blocks.0", "transformer_blocks.37")(weights)
    elif damage == "another width":
        weights = {A: np.zeros((4, 2432), np.float32), B: np.zeros((2432, 4), np.float32)}
    elif damage == "no numbers":
        weights[A][0] = np.nan
    elif damage == "another rank":
        settings = {"r": 8}
    else:
        settings = {"use_dora": True}
    folder = write_folder(tmp_path / "kashan", weights, **settings)
    slot = PipelineSlot()
    with pytest.raises(AdapterError), slot.use(PipelineChoice(str(model), str(folder)), lambda _stage: None):
        pass
    assert not slot.occupied


def test_a_file_that_changed_after_its_header_was_read_is_refused(tmp_path: Path) -> None:
    adapter = inspect_adapter(write_folder(tmp_path))
    save_tensors({"other": torch.zeros(1)}, tmp_path / WEIGHTS_FILE)
    with pytest.raises(AdapterError, match="damaged or gone"):
        adapters.read_weights(adapter)
