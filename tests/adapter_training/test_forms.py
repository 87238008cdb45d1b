"""What a training writes is read by peft, by diffusers and by the studio, and is what was trained."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from diffusers import SD3Transformer2DModel, StableDiffusion3Img2ImgPipeline
from peft import PeftModel

from studio.adapter_training.card.choices import read_choices, summarise_dataset
from studio.adapter_training.folder import TrainingFolder
from studio.datasets import open_dataset
from studio.models import adapters
from studio.models.adapter_files import inspect_adapter
from studio.models.registry import resolve_model
from tests.adapter_training.conftest import Train
from tests.support.small_models import SIDE_PX

pytestmark = pytest.mark.slow


@pytest.fixture
def trained(train: Train) -> TrainingFolder:
    return train(steps=2, rank=4, alpha=8.0, layers="attention-and-text", trigger="kashan")


def load_transformer(model: Path) -> SD3Transformer2DModel:
    return (
        SD3Transformer2DModel.from_pretrained(model / "transformer", dtype=torch.float32).requires_grad_(False).eval()
    )


@torch.no_grad()
def predict(transformer: torch.nn.Module) -> torch.Tensor:
    draw = torch.Generator().manual_seed(3)
    return transformer(
        hidden_states=torch.randn(1, 4, 64, 64, generator=draw),
        encoder_hidden_states=torch.randn(1, 5, 192, generator=draw),
        pooled_projections=torch.randn(1, 192, generator=draw),
        timestep=torch.tensor([700.0]),
    ).sample


def test_the_three_loaders_read_the_same_adapter(trained: TrainingFolder, small_model: Path) -> None:
    base = predict(load_transformer(small_model))
    studios = load_transformer(small_model)
    adapters.add_adapter(studios, adapters.read_weights(inspect_adapter(trained.adapter)))
    mine = predict(studios)
    assert not torch.equal(mine, base)
    pefts = PeftModel.from_pretrained(load_transformer(small_model), trained.adapter)
    assert torch.equal(predict(pefts), mine)
    pipe = StableDiffusion3Img2ImgPipeline.from_pretrained(
        small_model, dtype=torch.float32, local_files_only=True, text_encoder=None, text_encoder_2=None,
        text_encoder_3=None, vae=None,
    )  # fmt: skip
    pipe.transformer.requires_grad_(False)
    pipe.load_lora_weights(trained.adapter / "diffusers")
    assert torch.equal(predict(pipe.transformer), mine)


def test_a_weight_of_0_is_the_base_model_to_the_bit(trained: TrainingFolder, small_model: Path) -> None:
    transformer = load_transformer(small_model)
    base = predict(transformer)
    adapters.add_adapter(transformer, adapters.read_weights(inspect_adapter(trained.adapter)))
    adapters.set_weight(transformer, 0.0)
    assert torch.equal(predict(transformer), base)


def test_the_settings_are_those_of_an_existing_carpet_adapter_without_a_path_of_this_computer(
    trained: TrainingFolder, small_model: Path
) -> None:
    settings = json.loads((trained.adapter / "adapter_config.json").read_text("utf-8"))
    assert settings["peft_type"] == "LORA"
    assert (settings["r"], settings["lora_alpha"]) == (4, 8)
    assert settings["inference_mode"] is True
    assert {"to_q", "to_k", "to_v", "to_out.0"} <= set(settings["target_modules"])
    assert settings["base_model_name_or_path"] == resolve_model(str(small_model)).public_id
    written = [file for file in trained.adapter.rglob("*") if file.is_file()]
    assert len(written) >= 3
    for file in written:
        assert str(small_model).encode() not in file.read_bytes()


def test_the_card_counts_the_designs_that_were_trained(trained: TrainingFolder, carpets: Path) -> None:
    with open_dataset(carpets) as dataset:
        expected = summarise_dataset(dataset.check(128, 16, 64))
    assert read_choices(trained.root).data == expected
    assert f"{SIDE_PX} x {SIDE_PX}" in (trained.adapter / "README.md").read_text("utf-8").replace("×", "x")


def test_every_checkpoint_is_an_adapter_to_be_tried(trained: TrainingFolder) -> None:
    (_, newest), *_ = reversed(trained.list_checkpoints())
    assert inspect_adapter(newest).layers == inspect_adapter(trained.adapter).layers
